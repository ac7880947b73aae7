package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.powercut.PowerCutLog;
import java.util.Optional;

class PowerCutStorageContractTest extends StorageContract {
  @Override
  protected Storage create() {
    return new PowerCutLog().storage("recorded", new byte[0]);
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) {
    return Optional.of(new ReadOnlyStorage(new PowerCutLog().storage("recorded", content)));
  }
}
