package io.github.qcow2.testkit.image;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.RawImage;
import io.github.qcow2.testkit.contract.BlockDeviceContract;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.junit.jupiter.api.io.TempDir;

/** A raw file keeps the contract of every block device. */
final class RawImageContractTest extends BlockDeviceContract {
  @TempDir Path directory;

  @Override
  protected BlockDevice create(long size) throws IOException {
    return RawImage.create(directory.resolve("raw"), size);
  }

  @Override
  protected Optional<BlockDevice> createReadOnly(byte[] content) throws IOException {
    return Optional.of(RawImage.open(Files.write(directory.resolve("raw"), content)));
  }

  @Override
  protected Optional<BlockDevice> reopen(BlockDevice closed) throws IOException {
    return Optional.of(RawImage.openWritable(directory.resolve("raw")));
  }
}
