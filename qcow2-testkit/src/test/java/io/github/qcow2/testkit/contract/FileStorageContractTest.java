package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;

class FileStorageContractTest extends StorageContract {
  @TempDir Path directory;

  private int files;

  @Override
  protected Storage create() throws IOException {
    return FileStorage.create(directory.resolve("file" + files++));
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) throws IOException {
    return Optional.of(FileStorage.open(Files.write(directory.resolve("file"), content)));
  }
}
