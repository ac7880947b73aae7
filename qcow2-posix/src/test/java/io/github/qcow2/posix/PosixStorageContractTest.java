package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.contract.StorageContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What a storage has to do, it does with a provider, too. */
@EnabledOnOs(OS.LINUX)
class PosixStorageContractTest extends StorageContract {
  @TempDir Path directory;
  private int files;

  @BeforeAll
  static void providerIsInUse() {
    assertThat(HostFiles.provider()).isEqualTo("posix");
  }

  @Override
  protected Storage create() throws IOException {
    return FileStorage.create(directory.resolve("file" + files++));
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) throws IOException {
    return Optional.of(FileStorage.open(Files.write(directory.resolve("file"), content)));
  }
}
