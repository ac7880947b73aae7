package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import java.util.Set;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What the guest discards, the file system gets back. */
@EnabledOnOs(OS.LINUX)
class PosixDiscardTest {
  private static final int MIB = 1 << 20;

  @TempDir Path directory;

  /** Bytes of disk that a file occupies. */
  private static long occupied(Path file) throws IOException {
    try (Storage storage = FileStorage.open(file, LockMode.OFF)) {
      return storage.allocatedSize();
    }
  }

  /** How much less a file occupies after 12 of 16 MiB have been discarded or zeroed. */
  private long givenBack(Path file, UnaryOperator<ImageCreator> options) throws IOException {
    byte[] bytes = new byte[16 * MIB];
    new Random(1).nextBytes(bytes);
    ImageCreator creator =
        Qcow2Image.create(directory.resolve("image"), bytes.length)
            .overwriteExisting()
            .references(ReferencePolicy.within(directory));
    try (Qcow2Image image = options.apply(creator).build()) {
      image.write(ByteBuffer.wrap(bytes), 0);
      image.flush();
      long before = occupied(file);
      image.discard(0, 8 * MIB);
      image.writeZeroes(10 * MIB, 4 * MIB, ZeroMode.MAY_UNMAP);
      image.flush();
      image.flush();
      ByteBuffer rest = ByteBuffer.allocate(2 * MIB);
      image.read(rest, 8 * MIB);
      assertThat(rest.flip()).isEqualTo(ByteBuffer.wrap(bytes, 8 * MIB, 2 * MIB));
      return before - occupied(file);
    }
  }

  @Test
  void fileSystemGetsBackWhatTheGuestNoLongerNeeds() throws IOException {
    Path image = directory.resolve("image");
    Path data = directory.resolve("data");
    assertThat(givenBack(image, creator -> creator)).isGreaterThan(11 * MIB);
    assertThat(givenBack(image, creator -> creator.discardKeepsClusters(true)))
        .isGreaterThan(11 * MIB);
    assertThat(givenBack(data, creator -> creator.dataFile(data.toString(), false)))
        .isGreaterThan(11 * MIB);
    assertThat(givenBack(data, creator -> creator.dataFile(data.toString(), true)))
        .isGreaterThan(11 * MIB);
    assertThat(givenBack(image, creator -> creator.hostDiscard(Set.of()))).isLessThan(MIB);
  }
}
