package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import java.util.Optional;

class HeapStorageContractTest extends StorageContract {
  @Override
  protected Storage create() {
    return new HeapStorage("heap");
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) {
    return Optional.of(new ReadOnlyStorage(HeapStorage.copyOf("heap", content)));
  }
}
