package io.github.qcow2.testkit.contract;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.util.Optional;

/** A file of a file system other than the host's. */
class JimfsStorageContractTest extends StorageContract {
  private final FileSystem jimfs = Jimfs.newFileSystem(Configuration.unix());

  private int files;

  @Override
  protected Storage create() throws IOException {
    return FileStorage.create(jimfs.getPath("file" + files++));
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) throws IOException {
    return Optional.of(FileStorage.open(Files.write(jimfs.getPath("file"), content)));
  }
}
