package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.powercut.CrashBounds;
import io.github.qcow2.testkit.powercut.CrashState;
import io.github.qcow2.testkit.powercut.CrashStates;
import io.github.qcow2.testkit.powercut.PowerCutLog;
import io.github.qcow2.testkit.powercut.PowerCutStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Makes a disk smaller with the power cut at every moment. Each state must have the old size or the
 * new one and all that is below the new end; and once the new size is there, the disk can grow
 * again without anything coming back.
 */
final class ShrinkTrial {
  private static final int SIZE_OFFSET = 24;

  private final byte[] image;
  private final long newSize;
  private final byte[] kept;
  private final long oldSize;

  ShrinkTrial(byte[] image, long newSize) throws IOException {
    this.image = image;
    this.newSize = newSize;
    SpecOracle oracle = SpecOracle.of(image);
    this.oldSize = oracle.header().size();
    this.kept = oracle.read(0, (int) newSize);
  }

  /**
   * Cuts the power at every moment.
   *
   * @return how many states there were
   */
  long cutPower() throws IOException {
    PowerCutLog log = new PowerCutLog();
    PowerCutStorage file = log.storage("image", image);
    try (Qcow2Image opened = Qcow2Image.open(file).writable().build()) {
      opened.shrink(newSize);
    }
    assertThat(SpecOracle.of(file.toByteArray()).check().findings()).isEmpty();
    boolean[] seen = new boolean[2];
    long states =
        CrashStates.of(log)
            .bounds(new CrashBounds(8, 8, 10, 8, 500))
            .forEach(
                state -> {
                  try {
                    seen[judge(state) ? 1 : 0] = true;
                  } catch (IOException | RuntimeException | AssertionError e) {
                    throw new AssertionError("at " + state, e);
                  }
                });
    assertThat(seen).containsExactly(true, true);
    return states;
  }

  private boolean judge(CrashState state) throws IOException {
    SpecOracle oracle = SpecOracle.of(state.source(0));
    assertThat(oracle.check().isSafe()).as(oracle.check().toString()).isTrue();
    assertThat(oracle.read(0, (int) newSize)).isEqualTo(kept);
    boolean done = oracle.header().size() == newSize;
    assertThat(oracle.header().size()).isIn(newSize, oldSize);
    if (done) {
      assertNothingComesBack(state);
    }
    try (Qcow2Image left = Qcow2Image.open(state.storage(0)).writable().build()) {
      left.shrink(newSize);
      left.grow(oldSize);
      ByteBuffer content = ByteBuffer.allocate((int) oldSize);
      left.read(content, 0);
      assertThat(content.array()).isEqualTo(Arrays.copyOf(kept, (int) oldSize));
    }
    return done;
  }

  /** Not even where a program makes the disk larger that changes nothing but its size. */
  private void assertNothingComesBack(CrashState state) throws IOException {
    ByteBuffer image;
    try (Storage left = state.storage(0)) {
      image = ByteBuffer.allocate((int) left.size());
      left.read(image, 0);
    }
    image.putLong(SIZE_OFFSET, oldSize);
    assertThat(SpecOracle.of(image.array()).read(0, (int) oldSize))
        .isEqualTo(Arrays.copyOf(kept, (int) oldSize));
  }
}
