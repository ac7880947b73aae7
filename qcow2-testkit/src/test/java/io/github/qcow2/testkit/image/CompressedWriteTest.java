package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.DeflateCodec;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.CheckResult;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rules of clusters that are written compressed. */
final class CompressedWriteTest {
  private static final int CLUSTER = 65_536;

  @TempDir Path directory;

  private static ByteBuffer filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return ByteBuffer.wrap(bytes);
  }

  private static byte[] read(Qcow2Image image, long position, int length) throws IOException {
    byte[] bytes = new byte[length];
    image.read(ByteBuffer.wrap(bytes), position);
    return bytes;
  }

  private static Qcow2Image create(HeapStorage storage, int clusterSize) throws IOException {
    return Qcow2Image.create(storage, 64L * clusterSize).clusterSize(clusterSize).build();
  }

  /** The four commands by which qemu-io 7.2 and 10.0 lose data without any crash. */
  @Test
  void clusterThatWasFreedAndHandedOutAgainReceivesNoCompressedData() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = create(storage, CLUSTER)) {
      image.writeCompressed(filled(CLUSTER, 1), 0);
      image.write(filled(CLUSTER, 2), 0);
      image.flush();
      image.write(filled(CLUSTER, 3), CLUSTER);
      image.writeCompressed(filled(CLUSTER, 4), 2 * CLUSTER);
      assertThat(read(image, CLUSTER, CLUSTER)).containsOnly(3);
      assertThat(read(image, 2 * CLUSTER, CLUSTER)).containsOnly(4);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  /** A call for one cluster has no helpers, one for many has as many as there are processors. */
  @Test
  void imageIsTheSameHoweverManyCompressIt() throws IOException {
    byte[] bytes = new byte[48 * CLUSTER];
    Random random = new Random(3);
    for (int i = 0; i < bytes.length; i++) {
      bytes[i] = (byte) random.nextInt(1 + i / CLUSTER * 5);
    }
    HeapStorage alone = new HeapStorage("image");
    HeapStorage together = new HeapStorage("image");
    try (Qcow2Image one = create(alone, CLUSTER);
        Qcow2Image many = create(together, CLUSTER)) {
      for (int i = 0; i < bytes.length; i += CLUSTER) {
        one.writeCompressed(ByteBuffer.wrap(bytes, i, CLUSTER), i);
      }
      many.writeCompressed(ByteBuffer.wrap(bytes), 0);
    }
    assertThat(together.toByteArray()).isEqualTo(alone.toByteArray());
  }

  @Test
  void compressedClustersShareHostClusters() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = create(storage, CLUSTER)) {
      long before = storage.size();
      image.writeCompressed(filled(32 * CLUSTER, 7), 0);
      image.flush();
      assertThat(storage.size() - before).isLessThan(3 * CLUSTER);
      assertThat(image.extents(0, 32 * CLUSTER).toList())
          .allMatch(extent -> extent.kind() == Extent.Kind.COMPRESSED);
      assertThat(read(image, 0, 32 * CLUSTER)).containsOnly(7);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void clusterThatDoesNotBecomeSmallerIsStoredPlain() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    byte[] noise = new byte[CLUSTER];
    new Random(1).nextBytes(noise);
    try (Qcow2Image image = create(storage, CLUSTER)) {
      image.writeCompressed(ByteBuffer.wrap(noise), CLUSTER);
      assertThat(image.extents(CLUSTER, CLUSTER).toList())
          .allMatch(extent -> extent.kind() == Extent.Kind.DATA);
      assertThat(read(image, CLUSTER, CLUSTER)).isEqualTo(noise);
    }
  }

  @Test
  void countsOfOneBitShareNoHostCluster() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, 1 << 20).refcountBits(1).build()) {
      image.writeCompressed(filled(1 << 20, 7), 0);
      assertThat(read(image, 0, 1 << 20)).containsOnly(7);
    }
    CheckResult result = SpecOracle.of(storage.toByteArray()).check();
    assertThat(result.findings()).isEmpty();
    assertThat(storage.toByteArray().length).isGreaterThan(16 * CLUSTER);
  }

  @Test
  void onlyWholeClustersAreCompressed() throws IOException {
    try (Qcow2Image image = create(new HeapStorage("image"), CLUSTER)) {
      assertThatThrownBy(() -> image.writeCompressed(filled(CLUSTER, 1), 512))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> image.writeCompressed(filled(CLUSTER - 512, 1), 0))
          .isInstanceOf(IllegalArgumentException.class);
      assertThatThrownBy(() -> image.writeCompressed(filled(CLUSTER, 1), image.size()))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }

  @Test
  void lastClusterOfTheDiskMayBeShort() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, CLUSTER + 1024).build()) {
      image.writeCompressed(filled(CLUSTER + 1024, 9), 0);
      assertThat(read(image, 0, CLUSTER + 1024)).containsOnly(9);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
    assertThat(storage.toByteArray().length % 512).isZero();
  }

  /** Grows the disk, and writes behind its old end, while the last cluster is being compressed. */
  private static final class GrowingCodec implements CompressionCodec {
    private final CompressionCodec deflate = new DeflateCodec();
    private @Nullable Qcow2Image image;

    @Override
    public int compressionType() {
      return deflate.compressionType();
    }

    @Override
    public String name() {
      return deflate.name();
    }

    @Override
    public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
      deflate.decompress(source, target);
    }

    @Override
    public int compress(ByteBuffer source, ByteBuffer target) {
      Qcow2Image growing = image;
      image = null;
      if (growing != null) {
        try {
          growing.grow(2 * CLUSTER);
          growing.write(filled(512, 9), CLUSTER - 512);
          growing.flush();
        } catch (IOException e) {
          throw new UncheckedIOException(e);
        }
      }
      return deflate.compress(source, target);
    }
  }

  @Test
  void diskThatGrowsMeanwhileLosesNothingBehindItsOldEnd() throws IOException {
    GrowingCodec codec = new GrowingCodec();
    try (Qcow2Image image =
        Qcow2Image.create(new HeapStorage("image"), CLUSTER / 2).codec(codec).build()) {
      codec.image = image;
      image.writeCompressed(filled(CLUSTER / 2, 1), 0);
      assertThat(read(image, 0, CLUSTER / 2)).containsOnly(1);
      assertThat(read(image, CLUSTER - 512, 512)).containsOnly(9);
    }
  }

  @Test
  void dataFileHoldsNoCompressedClusters() throws IOException {
    try (Qcow2Image image =
        Qcow2Image.create(directory.resolve("image"), 1 << 20)
            .dataFile("data", false)
            .references(ReferencePolicy.allowAll())
            .build()) {
      assertThatThrownBy(() -> image.writeCompressed(filled(CLUSTER, 1), 0))
          .isInstanceOf(UnsupportedFeatureException.class);
    }
  }

  @ParameterizedTest
  @CsvSource({"512,16,false", "512,64,false", "4096,2,false", "65536,16,true", "16384,1,true"})
  void anyMixtureOfWritesReadsBackAndCountsItsClusters(
      int clusterSize, int refcountBits, boolean extendedL2) throws IOException {
    HeapStorage storage = new HeapStorage("image");
    int clusters = 40;
    byte[] expected = new byte[clusters * clusterSize];
    Random random = new Random(clusterSize + refcountBits);
    try (Qcow2Image image =
        Qcow2Image.create(storage, expected.length)
            .clusterSize(clusterSize)
            .refcountBits(refcountBits)
            .extendedL2(extendedL2)
            .build()) {
      for (int step = 0; step < 600; step++) {
        int first = random.nextInt(clusters);
        int count = 1 + random.nextInt(Math.min(4, clusters - first));
        int at = first * clusterSize;
        int length = count * clusterSize;
        byte[] bytes = Content.bytes(step, 0, length);
        // Runs of equal bytes, long enough for some clusters to compress well and some not at all.
        for (int i = 0; i < length; i += 512) {
          if (random.nextInt(4) != 0) {
            Arrays.fill(bytes, i, i + 512, bytes[i]);
          }
        }
        switch (random.nextInt(8)) {
          case 0, 1, 2, 3 -> image.writeCompressed(ByteBuffer.wrap(bytes), at);
          case 4, 5 -> image.write(ByteBuffer.wrap(bytes), at);
          case 6 -> {
            image.discard(at, length);
            Arrays.fill(bytes, (byte) 0);
          }
          default -> {
            image.flush();
            bytes = Arrays.copyOfRange(expected, at, at + length);
          }
        }
        System.arraycopy(bytes, 0, expected, at, length);
        assertThat(read(image, at, length)).isEqualTo(bytes);
      }
      assertThat(read(image, 0, expected.length)).isEqualTo(expected);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
    HeapStorage again = HeapStorage.copyOf("image", storage.toByteArray());
    try (Qcow2Image image = Qcow2Image.open(again).build()) {
      assertThat(read(image, 0, expected.length)).isEqualTo(expected);
    }
  }
}
