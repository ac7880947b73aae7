package io.github.qcow2.testkit.discard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroDetection;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.discard.RecordingStorage.Kind;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

/** What becomes of zeros that are written as data. */
public final class ZeroDetectionTest {
  private static final int CLUSTER = 16 << 10;
  private static final int SUBCLUSTER = CLUSTER / 32;
  private static final int SIZE = 1 << 20;

  private final HeapStorage storage = new HeapStorage("image");

  private ImageCreator creator(ZeroDetection detection) {
    return Qcow2Image.create(storage, SIZE).clusterSize(CLUSTER).detectZeroes(detection);
  }

  private static byte[] data(long position, int length) {
    byte[] content = Content.compressible(7, position, length);
    for (int i = 0; i < length; i++) {
      content[i] |= 1;
    }
    return content;
  }

  private static void write(BlockDevice image, long position, byte[] bytes) throws IOException {
    ByteBuffer source = ByteBuffer.wrap(bytes);
    image.write(source, position);
    assertThat(source.hasRemaining()).isFalse();
  }

  private static List<Extent> extents(BlockDevice image, long length) throws IOException {
    return image.extents(0, length).toList();
  }

  /** Data, a cluster and a half of zeros, data. */
  private static byte[] mixed() {
    byte[] bytes = data(0, 4 * CLUSTER);
    Arrays.fill(bytes, CLUSTER, 2 * CLUSTER + CLUSTER / 2, (byte) 0);
    return bytes;
  }

  @Test
  void zeroesAreDataUnlessTheyAreSearchedFor() throws IOException {
    try (Qcow2Image image = creator(ZeroDetection.OFF).build()) {
      write(image, 0, mixed());
      assertThat(extents(image, 4 * CLUSTER))
          .extracting(Extent::kind)
          .containsOnly(Extent.Kind.DATA);
    }
  }

  @Test
  void wholeClustersOfZeroesAreNotWrittenAndHideTheBackingFile() throws IOException {
    HeapStorage base = HeapStorage.copyOf("base", Content.bytes(1, 0, SIZE));
    byte[] written = mixed();
    try (BlockDevice below = RawImage.over(base);
        Qcow2Image image =
            creator(ZeroDetection.ON)
                .backing("base", "raw")
                .references(ReferencePolicy.explicit(below))
                .build()) {
      write(image, 0, written);
      assertThat(extents(image, 4 * CLUSTER))
          .extracting(Extent::kind, Extent::start, Extent::length)
          .containsExactly(
              tuple(Extent.Kind.DATA, 0L, (long) CLUSTER),
              tuple(Extent.Kind.ZERO, (long) CLUSTER, (long) CLUSTER),
              tuple(Extent.Kind.DATA, 2L * CLUSTER, 2L * CLUSTER));
      ByteBuffer read = ByteBuffer.allocate(4 * CLUSTER);
      image.read(read, 0);
      assertThat(read.array()).isEqualTo(written);
    }
  }

  @Test
  void subclustersOfZeroesBecomeZeroFlags() throws IOException {
    try (Qcow2Image image = creator(ZeroDetection.ON).extendedL2(true).build()) {
      byte[] bytes = data(0, CLUSTER);
      Arrays.fill(bytes, 4 * SUBCLUSTER, 7 * SUBCLUSTER, (byte) 0);
      Arrays.fill(bytes, 9 * SUBCLUSTER, 9 * SUBCLUSTER + 100, (byte) 0);
      write(image, 0, bytes);
    }
    long[] entry = L2Words.of(storage.toByteArray(), 1, true).entry(0);
    assertThat(entry[1]).isEqualTo(0x0000_0070_ffff_ff8fL);
  }

  @Test
  void partOfAClusterOfZeroesAllocatesNothingWhereTheRestIsZeroToo() throws IOException {
    try (Qcow2Image image = creator(ZeroDetection.ON).build()) {
      write(image, 512, new byte[1024]);
      write(image, CLUSTER, data(CLUSTER, CLUSTER));
      write(image, CLUSTER + 512, new byte[1024]);
      assertThat(extents(image, 2 * CLUSTER))
          .extracting(Extent::kind)
          .containsExactly(Extent.Kind.ZERO, Extent.Kind.DATA);
    }
  }

  @Test
  void zeroesOverDataKeepItsPlaceUnlessTheyMayUnmap() throws IOException {
    for (ZeroDetection detection : new ZeroDetection[] {ZeroDetection.ON, ZeroDetection.UNMAP}) {
      RecordingStorage recorded = new RecordingStorage(new HeapStorage("image"));
      try (Qcow2Image image =
          Qcow2Image.create(recorded, SIZE).clusterSize(CLUSTER).detectZeroes(detection).build()) {
        write(image, 0, data(0, 2 * CLUSTER));
        image.flush();
        write(image, 0, new byte[CLUSTER]);
        image.flush();
        boolean keeps = detection == ZeroDetection.ON;
        Extent first = extents(image, CLUSTER).get(0);
        assertThat(first.kind()).isEqualTo(Extent.Kind.ZERO);
        assertThat(first.hostOffset() != Extent.NO_HOST_OFFSET).isEqualTo(keeps);
        assertThat(recorded.all(Kind.DISCARD)).hasSize(keeps ? 0 : 1);
      }
    }
  }

  @Test
  void clustersOfZeroesAreNotCompressed() throws IOException {
    try (Qcow2Image image = creator(ZeroDetection.UNMAP).build()) {
      byte[] bytes = data(0, 3 * CLUSTER);
      Arrays.fill(bytes, CLUSTER, 2 * CLUSTER, (byte) 0);
      image.writeCompressed(ByteBuffer.wrap(bytes), 0);
      assertThat(extents(image, 3 * CLUSTER))
          .extracting(Extent::kind)
          .containsExactly(Extent.Kind.COMPRESSED, Extent.Kind.ZERO, Extent.Kind.COMPRESSED);
    }
  }

  @Test
  void version2OverABackingFileHasZeroesWritten() throws IOException {
    HeapStorage base = HeapStorage.copyOf("base", Content.bytes(1, 0, SIZE));
    try (BlockDevice below = RawImage.over(base);
        Qcow2Image image =
            creator(ZeroDetection.UNMAP)
                .version(2)
                .backing("base", "raw")
                .references(ReferencePolicy.explicit(below))
                .build()) {
      write(image, 0, new byte[CLUSTER]);
      assertThat(extents(image, CLUSTER).get(0).kind()).isEqualTo(Extent.Kind.DATA);
    }
  }

  @Property(tries = 60)
  void guestSeesNoDifference(
      @ForAll long seed, @ForAll ZeroDetection detection, @ForAll @IntRange(max = 2) int kind)
      throws IOException {
    HeapStorage file = new HeapStorage("image");
    Random random = new Random(seed);
    byte[] expected = new byte[SIZE - 512];
    try (Qcow2Image image =
        Qcow2Image.create(file, expected.length)
            .clusterSize(CLUSTER)
            .extendedL2(kind == 1)
            .version(kind == 2 ? 2 : 3)
            .detectZeroes(detection)
            .build()) {
      for (int i = 0; i < 12; i++) {
        int position = random.nextInt(expected.length - 1);
        int length = 1 + random.nextInt(Math.min(6 * CLUSTER, expected.length - position));
        byte[] bytes = data(position, length);
        for (int hole = random.nextInt(4); hole > 0; hole--) {
          int from = random.nextInt(length);
          Arrays.fill(bytes, from, from + random.nextInt(length - from + 1), (byte) 0);
        }
        write(image, position, bytes);
        System.arraycopy(bytes, 0, expected, position, length);
      }
    }
    SpecOracle oracle = SpecOracle.of(file.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(Arrays.mismatch(oracle.read(0, expected.length), expected)).isEqualTo(-1);
  }
}
