package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.storage.WriteLog;
import io.github.qcow2.storage.WriteLogStorage;
import java.io.IOException;
import java.util.Optional;

class WriteLogStorageContractTest extends StorageContract {
  @Override
  protected Storage create() throws IOException {
    return logging(new HeapStorage("heap"));
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) throws IOException {
    return Optional.of(logging(new ReadOnlyStorage(HeapStorage.copyOf("heap", content))));
  }

  private static Storage logging(Storage target) throws IOException {
    return new WriteLogStorage(target, new WriteLog(new HeapStorage("log")));
  }
}
