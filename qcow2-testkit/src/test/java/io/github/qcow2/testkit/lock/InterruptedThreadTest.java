package io.github.qcow2.testkit.lock;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.check.ImageCheck;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * I10: a thread that is interrupted when it comes does everything, and is interrupted afterwards.
 */
class InterruptedThreadTest {
  private static final int SIZE = 1 << 20;
  private static final int CLUSTER = 4096;

  @TempDir Path directory;

  private interface Action {
    void on(Qcow2Image image) throws IOException;
  }

  @SuppressWarnings("ImmutableEnumChecker")
  private enum Operation {
    READ(image -> image.read(ByteBuffer.allocate(3 * CLUSTER), 1), 1),
    WRITE_IN_PLACE(image -> image.write(bytes(2, CLUSTER), 0), 2),
    WRITE_ELSEWHERE(image -> image.write(bytes(2, 512), SIZE / 2), 1),
    WRITE_ZEROES(image -> image.writeZeroes(0, CLUSTER, ZeroMode.MAY_UNMAP), 0),
    DISCARD(image -> image.discard(0, CLUSTER), 0),
    FLUSH(Qcow2Image::flush, 1),
    GROW(image -> image.grow(2L * SIZE), 1),
    EXTENTS(image -> image.extents(0, SIZE).toList(), 1);

    private final Action action;
    private final int firstByteAfterwards;

    Operation(Action action, int firstByteAfterwards) {
      this.action = action;
      this.firstByteAfterwards = firstByteAfterwards;
    }
  }

  @AfterEach
  void clearInterruptStatus() {
    Thread.interrupted();
  }

  @ParameterizedTest
  @EnumSource
  void operationIsDoneAndTheThreadStaysInterrupted(Operation operation) throws IOException {
    Path path = directory.resolve("image.qcow2");
    try (Qcow2Image image = Qcow2Image.create(path, SIZE).clusterSize(CLUSTER).build()) {
      image.write(bytes(1, 2 * CLUSTER), 0);

      Thread.currentThread().interrupt();
      operation.action.on(image);

      assertThat(Thread.interrupted()).isTrue();
      assertThat(firstByte(image)).isEqualTo(operation.firstByteAfterwards);
    }
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      assertThat(firstByte(image)).isEqualTo(operation.firstByteAfterwards);
    }
    assertThat(ImageCheck.of(path).run().isClean()).isTrue();
  }

  @Test
  void creatingOpeningAndClosingAreDoneAndTheThreadStaysInterrupted() throws IOException {
    Path base = directory.resolve("base.qcow2");
    Path overlay = directory.resolve("overlay.qcow2");
    ReferencePolicy policy = ReferencePolicy.within(directory);

    Thread.currentThread().interrupt();
    Qcow2Image image =
        Qcow2Image.create(base, SIZE).dataFile("data", false).references(policy).build();
    assertThat(Thread.interrupted()).isTrue();

    image.write(bytes(1, CLUSTER), 0);
    Thread.currentThread().interrupt();
    image.close();
    assertThat(Thread.interrupted()).isTrue();

    Thread.currentThread().interrupt();
    Qcow2Image.create(overlay, SIZE).backing("base.qcow2", "qcow2").references(policy).createOnly();
    image = Qcow2Image.open(overlay).writable().references(policy).build();
    assertThat(Thread.interrupted()).isTrue();
    assertThat(firstByte(image)).isEqualTo(1);

    Thread.currentThread().interrupt();
    image.close();
    assertThat(Qcow2Image.inspect(overlay).header().backingFile()).isEqualTo("base.qcow2");
    assertThat(Thread.interrupted()).isTrue();
  }

  private static int firstByte(Qcow2Image image) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(1);
    image.read(buffer, 0);
    return buffer.get(0);
  }

  private static ByteBuffer bytes(int value, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return ByteBuffer.wrap(bytes);
  }
}
