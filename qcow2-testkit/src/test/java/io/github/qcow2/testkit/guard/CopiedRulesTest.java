package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.oracle.FindingKind;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Refcounts are the truth; COPIED is a hint that is looked at closely (I6). */
final class CopiedRulesTest {
  private static final long COPIED = 1L << 63;

  private static byte[] filled(int value, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  private static byte[] content(BlockDevice device) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) device.size());
    device.read(bytes, 0);
    return bytes.array();
  }

  private static BuiltImage withCopied(BuiltImage image, long entry) {
    return image.withU64(entry, image.u64(entry) | COPIED);
  }

  /** Images with a snapshot, in which all flags of the active disk say that nothing is shared. */
  static Stream<Arguments> imagesThatDenyTheirSnapshot() {
    ImageShape version2 = new ImageShape(2, 9, 4, false, 102_400, ImageShape.Backing.NONE, 0);
    ImageShape extended = new ImageShape(3, 14, 4, true, 1 << 20, ImageShape.Backing.NONE, 0);
    return Stream.of(
        Arguments.of("data shared", data(ImageBuilder.of(9, 102_400)).data(5, filled(5, 512))),
        Arguments.of("L2 table and data shared", data(ImageBuilder.of(9, 102_400))),
        Arguments.of("version 2", data(ImageBuilder.of(version2))),
        Arguments.of(
            "zeros in place",
            ImageBuilder.of(9, 102_400).zeroAllocated(0, filled(1, 512)).snapshot("kept")),
        Arguments.of(
            "subclusters",
            ImageBuilder.of(extended).subclusters(0, 0xf, filled(1, 16 << 10)).snapshot("kept")),
        Arguments.of("wide clusters", data(ImageBuilder.of(16, 1 << 20))));
  }

  private static ImageBuilder data(ImageBuilder image) {
    return image.data(0, filled(1, 512)).snapshot("kept");
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("imagesThatDenyTheirSnapshot")
  void sharedClusterIsCopiedWhateverItsFlagSays(String name, ImageBuilder description)
      throws IOException {
    BuiltImage built = description.build();
    BuiltImage spoiled =
        withCopied(withCopied(built, built.l1EntryOffset(0)), built.l2EntryOffset(0));
    assertThat(SpecOracle.of(spoiled.bytes()).check().count(FindingKind.COPIED_DANGEROUS))
        .as(name)
        .isPositive();
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    byte[] before = SpecOracle.of(spoiled.bytes()).read(0, 4096);
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build();
        BlockDevice kept = image.openSnapshot("kept")) {
      byte[] snapshot = content(kept);
      image.write(ByteBuffer.wrap(filled(9, 100)), 100);
      image.write(ByteBuffer.wrap(filled(8, 100)), 300);
      TrapImage.assertSame(content(kept), snapshot);
      assertThat(image.header().isCorrupt()).isFalse();
    }
    Arrays.fill(before, 100, 200, (byte) 9);
    Arrays.fill(before, 300, 400, (byte) 8);
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    TrapImage.assertSame(oracle.read(0, 4096), before);
    // What was copied is ours now, and nothing has leaked.
    assertThat(oracle.check().findings()).isEmpty();
  }

  @Test
  void clusterThatNobodyCountsIsNotWritten() throws IOException {
    BuiltImage built = TrapImage.build();
    assertRefused(built.withRefcount(built.hostOffset(0), 0), built.l2EntryOffset(0));
  }

  @Test
  void tableThatNobodyCountsIsNotChanged() throws IOException {
    BuiltImage built = TrapImage.build();
    long table = built.l2EntryOffset(0) & -TrapImage.CLUSTER;
    assertRefused(built.withRefcount(table, 0), built.l1EntryOffset(0));
  }

  private static void assertRefused(BuiltImage spoiled, long entry) throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      assertThatThrownBy(() -> image.write(ByteBuffer.wrap(filled(9, 512)), 0))
          .isInstanceOf(CorruptImageException.class)
          .hasMessageStartingWith("image: offset 0x" + Long.toHexString(entry) + ": host cluster ")
          .hasMessageEndingWith(" is in use, but its refcount is 0");
    }
    byte[] expected = spoiled.bytes();
    expected[79] |= 2;
    TrapImage.assertSame(storage.toByteArray(), expected);
  }

  private static long lookUps(Qcow2Image image) {
    CacheStatistics statistics = Objects.requireNonNull(image.refcountCacheStatistics());
    return statistics.hits() + statistics.misses();
  }

  @Test
  void countsAreLookedUpBeforeTheFirstWriteInPlaceAndNotAgain() throws IOException {
    BuiltImage built = TrapImage.build();
    HeapStorage storage = HeapStorage.copyOf("image", built.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      image.write(ByteBuffer.wrap(filled(9, 512)), 0);
      long after = lookUps(image);
      assertThat(after).isPositive();
      image.write(ByteBuffer.wrap(filled(8, 512)), 0);
      assertThat(lookUps(image)).isEqualTo(after);
      image.write(ByteBuffer.wrap(filled(7, 512)), 5 * 512);
      assertThat(lookUps(image)).as("another cluster of the same table").isGreaterThan(after);
    }
    byte[] expected = built.bytes();
    Arrays.fill(expected, (int) built.hostOffset(0), (int) built.hostOffset(0) + 512, (byte) 8);
    Arrays.fill(expected, (int) built.hostOffset(5), (int) built.hostOffset(5) + 512, (byte) 7);
    TrapImage.assertSame(storage.toByteArray(), expected);
  }

  @Test
  void countsOfWhatWasJustAllocatedAreNotLookedUp() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, 1 << 20).build()) {
      image.write(ByteBuffer.wrap(filled(9, 512)), 0);
      long after = lookUps(image);
      image.write(ByteBuffer.wrap(filled(8, 512)), 0);
      image.write(ByteBuffer.wrap(filled(8, 512)), 4096);
      assertThat(lookUps(image)).isEqualTo(after);
    }
  }

  /**
   * Others may be writing there in place at the moment: what is ours must never be copied because
   * nobody remembers that it is.
   */
  @Test
  void whatIsOursStaysWhereItIsThoughSlicesAreForgottenAtOnce() throws IOException {
    BuiltImage built = TrapImage.build();
    HeapStorage storage = HeapStorage.copyOf("image", built.bytes());
    try (Qcow2Image image =
        Qcow2Image.open(storage).writable().metadataCache(new ForgetfulCache.Factory()).build()) {
      image.write(ByteBuffer.wrap(filled(9, 512)), 0);
      image.write(ByteBuffer.wrap(filled(8, 512)), 0);
    }
    byte[] expected = built.bytes();
    Arrays.fill(expected, (int) built.hostOffset(0), (int) built.hostOffset(0) + 512, (byte) 8);
    TrapImage.assertSame(storage.toByteArray(), expected);
  }

  /** The flag may be clear where it could be set; then a copy is made, as ever. */
  @Test
  void clusterWithoutFlagIsCopiedThoughItIsCountedOnce() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 102_400).data(0, filled(1, 512)).build();
    long entry = built.l2EntryOffset(0);
    HeapStorage storage =
        HeapStorage.copyOf("image", built.withU64(entry, built.hostOffset(0)).bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      image.write(ByteBuffer.wrap(filled(9, 100)), 0);
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    byte[] expected = filled(1, 512);
    Arrays.fill(expected, 0, 100, (byte) 9);
    TrapImage.assertSame(oracle.read(0, 512), expected);
    assertThat(ByteBuffer.wrap(storage.toByteArray()).getLong((int) entry) & ~COPIED)
        .isNotEqualTo(built.hostOffset(0));
  }

  /**
   * Threads write to sectors of their own in clusters that they share, of which half are shared
   * with a snapshot too, while slices come and go: no write is lost to another's copy.
   */
  @Test
  void writersThatFindOutAtTheSameTimeLoseNothing() throws Exception {
    int clusters = 1000;
    ImageBuilder description = ImageBuilder.of(12, (long) clusters << 12);
    for (int i = 0; i < clusters; i += 2) {
      description.data(i, filled(1, 4096));
    }
    description.snapshot("kept");
    for (int i = 1; i < clusters; i += 2) {
      description.data(i, filled(1, 4096));
    }
    BuiltImage spoiled = description.build();
    for (int i = 0; i < clusters; i += 2) {
      spoiled = withCopied(spoiled, spoiled.l2EntryOffset(i));
    }
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    try (Qcow2Image image =
            Qcow2Image.open(storage).writable().cacheSize(0).cacheEntrySize(512).build();
        BlockDevice kept = image.openSnapshot("kept")) {
      byte[] snapshot = content(kept);
      List<Thread> writers = new ArrayList<>();
      for (int number = 0; number < 8; number++) {
        long sector = 512L * number;
        byte[] own = filled(number + 10, 512);
        Thread writer =
            new Thread(
                () -> {
                  try {
                    for (int i = 0; i < clusters; i++) {
                      image.write(ByteBuffer.wrap(own), ((long) i << 12) + sector);
                    }
                  } catch (Throwable t) {
                    failures.add(t);
                  }
                });
        writer.start();
        writers.add(writer);
      }
      for (Thread writer : writers) {
        writer.join();
      }
      assertThat(failures).isEmpty();
      TrapImage.assertSame(content(kept), snapshot);
      byte[] written = content(image);
      for (int at = 0; at < written.length; at += 512) {
        assertThat(written[at]).isEqualTo((byte) (at / 512 % 8 + 10));
      }
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }
}
