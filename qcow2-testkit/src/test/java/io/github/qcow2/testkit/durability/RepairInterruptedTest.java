package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.powercut.CrashBounds;
import io.github.qcow2.testkit.powercut.CrashStates;
import io.github.qcow2.testkit.powercut.PowerCutLog;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A repair that a power cut ends anywhere is done again at the next opening. */
final class RepairInterruptedTest {
  /** One in so many interrupted repairs has its own repair interrupted. */
  private static final int AGAIN = 200;

  private long states;

  private void interrupt(byte[] stale, List<byte[]> contents, Random random, boolean again)
      throws IOException {
    PowerCutLog log = new PowerCutLog();
    Qcow2Image.open(log.storage("image", stale)).writable().build().close();
    states +=
        CrashStates.of(log)
            .bounds(again ? CrashBounds.FULL : CrashBounds.QUICK)
            .forEach(
                state -> {
                  byte[] left = state.toByteArray(0);
                  StaleImage.assertSound(StaleImage.repaired(left), contents);
                  if (again && random.nextInt(AGAIN) == 0 && (left[79] & 1) != 0) {
                    interrupt(left, contents, random, false);
                  }
                });
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6, 7, 8})
  void staleCountsAreRepairedAgain(int seed) throws IOException {
    Random random = new Random(seed);
    // A block counts 64 clusters.
    ImageShape shape = new ImageShape(3, 9, 6, false, 64 << 10, ImageShape.Backing.NONE, 0);
    byte[] image = RandomImage.describe(shape, seed).build().bytes();
    StaleImage stale = StaleImage.of(image).withRandomCounts(random).withRandomFlags(random);
    if (seed % 2 == 0) {
      stale.withoutBlocks(random);
    }
    interrupt(stale.bytes(), StaleImage.contents(image), random, true);
    assertThat(states).isGreaterThan(8);
  }

  @Test
  void refcountTableThatIsReplacedIsRepairedAgain() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, 8 << 20).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.allocate((2 << 20) + 1), 0);
    }
    byte[] image = storage.toByteArray();
    byte[] stale = image.clone();
    ByteBuffer.wrap(stale).putInt(56, 1);
    stale = StaleImage.of(stale).withRandomFlags(new Random(1)).bytes();
    interrupt(stale, StaleImage.contents(image), new Random(1), true);
    assertThat(states).isGreaterThan(100);
  }

  /**
   * A full file in which a block is missing: the last data cluster has taken its place. So the new
   * block extends the file.
   */
  private static byte[] withRoomOnlyAtTheEnd() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, 64 << 10).clusterSize(512).refcountBits(64).build()) {
      byte[] bytes = new byte[40 << 10];
      new Random(1).nextBytes(bytes);
      image.write(ByteBuffer.wrap(bytes), 0);
    }
    StaleImage image = StaleImage.of(storage.toByteArray());
    long entry = image.header().refcountTableOffset() + 8;
    int block = (int) image.at(entry);
    byte[] bytes = image.with(entry, 0).bytes();
    int last = bytes.length - 512;
    System.arraycopy(bytes, last, bytes, block, 512);
    ByteBuffer words = ByteBuffer.wrap(bytes);
    for (int at = 0; at < last; at += 8) {
      if (words.getLong(at) == (1L << 63 | last)) {
        words.putLong(at, 1L << 63 | block);
      }
    }
    return Arrays.copyOf(bytes, last);
  }

  @Test
  void blockAtTheEndOfTheFileIsMadeAgain() throws IOException {
    byte[] stale = withRoomOnlyAtTheEnd();
    List<byte[]> contents = StaleImage.contents(stale);
    assertThat(StaleImage.repaired(stale)).hasSize(stale.length + 512);
    interrupt(stale, contents, new Random(1), true);
  }
}
