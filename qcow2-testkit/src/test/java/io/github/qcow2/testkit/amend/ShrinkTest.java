package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** A disk that has become smaller holds what it held below its new end, and nothing else. */
final class ShrinkTest {
  private static final int BACKING_BYTES = 200 << 10;

  static List<ImageShape> shapes() {
    ImageShape.Backing none = ImageShape.Backing.NONE;
    ImageShape.Backing raw = ImageShape.Backing.RAW;
    return List.of(
        new ImageShape(3, 9, 4, false, 160 << 10, none, 0),
        new ImageShape(3, 9, 6, false, 160 << 10, none, 0),
        new ImageShape(3, 9, 1, false, 112 << 10, raw, BACKING_BYTES),
        new ImageShape(2, 9, 4, false, 160 << 10, raw, BACKING_BYTES),
        new ImageShape(2, 12, 4, false, 5 << 20, none, 0),
        new ImageShape(3, 12, 0, false, 5 << 20, raw, BACKING_BYTES),
        new ImageShape(3, 14, 4, true, 34 << 20, raw, BACKING_BYTES));
  }

  private static byte[] backing(ImageShape shape) {
    return shape.backing() == ImageShape.Backing.NONE
        ? new byte[0]
        : Content.bytes(99, 0, (int) shape.backingSize());
  }

  private static Qcow2Image open(byte[] image, byte[] backing) throws IOException {
    return open(HeapStorage.copyOf("image", image), backing, null);
  }

  private static Qcow2Image open(HeapStorage image, byte[] backing, @Nullable HeapStorage data)
      throws IOException {
    return Qcow2Image.open(image)
        .writable()
        .references(
            reference ->
                data != null
                    ? new ReferencePolicy.Answer.UseStorage(data)
                    : new ReferencePolicy.Answer.UseDevice(
                        RawImage.over(HeapStorage.copyOf("backing", backing))))
        .build();
  }

  private static byte[] content(BlockDevice disk) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(Math.toIntExact(disk.size()));
    disk.read(bytes, 0);
    return bytes.array();
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void whatIsBelowTheNewEndStaysAndWhatIsBehindItIsGone(ImageShape shape) throws IOException {
    for (int seed = 0; seed < 8; seed++) {
      Random random = new Random(seed);
      ImageBuilder description = RandomImage.describe(shape, seed);
      byte[] backing = backing(shape);
      if (backing.length > 0) {
        description.backing("backing.raw", "raw");
      }
      byte[] before = description.build().bytes();
      SpecOracle oracle = SpecOracle.of(before);
      if (shape.version() == 2 && oracle.header().snapshotCount() > 0) {
        continue;
      }
      HeapStorage file = HeapStorage.copyOf("image", before);
      long size = shape.size();
      byte[] expected;
      try (Qcow2Image image = open(file, backing, null)) {
        expected = content(image);
        for (int i = 0; i < 3; i++) {
          size = size * (40 + random.nextInt(60)) / 100 & -512;
          image.shrink(size);
          expected = Arrays.copyOf(expected, (int) size);
          assertThat(content(image)).isEqualTo(expected);
        }
        image.grow(shape.size());
        assertThat(content(image)).isEqualTo(Arrays.copyOf(expected, (int) shape.size()));
        image.shrink(size);
      }
      byte[] after = file.toByteArray();
      assertThat(SpecOracle.of(after).check().findings()).as("seed %d", seed).isEmpty();
      assertThat(SpecOracle.of(after).header().size()).isEqualTo(size);
      for (int i = 0; i < oracle.header().snapshotCount(); i++) {
        try (Qcow2Image was = open(before, backing);
            Qcow2Image is = open(after, backing)) {
          String id = was.snapshots().get(i).id();
          assertThat(content(is.openSnapshot(id))).isEqualTo(content(was.openSnapshot(id)));
        }
      }
    }
  }

  @Test
  void fileBecomesAsShortAsThatOfADiskThatWasNeverLarge() throws IOException {
    HeapStorage small = new HeapStorage("small");
    HeapStorage large = HeapStorage.copyOf("large", new byte[0]);
    byte[] kept = Content.bytes(1, 0, 20_000);
    try (Qcow2Image image = Qcow2Image.create(small, 64 << 10).clusterSize(512).build()) {
      image.write(ByteBuffer.wrap(kept), 0);
    }
    long most;
    try (Qcow2Image image =
        Qcow2Image.create(large, 2 << 20).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.wrap(kept), 0);
      image.write(ByteBuffer.wrap(Content.bytes(2, 0, 1 << 20)), 512 << 10);
      most = large.size();
      image.shrink(64 << 10);
    }
    // Two clusters of L1 table for each MiB, and the blocks of wider counts.
    assertThat((long) large.toByteArray().length).isLessThan(small.toByteArray().length + 8 * 512);
    assertThat(most).isGreaterThan(1 << 20);
    assertThat(SpecOracle.of(large.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void emptyRefcountBlocksAreGivenUp() throws IOException {
    HeapStorage file = HeapStorage.copyOf("image", new byte[0]);
    try (Qcow2Image image =
        Qcow2Image.create(file, 1 << 20).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.allocate(1 << 20).put(0, (byte) 1), 0);
      image.shrink(0);
      image.grow(1 << 20);
      image.write(ByteBuffer.wrap(Content.bytes(3, 0, 1 << 20)), 0);
      image.shrink(512);
    }
    byte[] after = file.toByteArray();
    assertThat(SpecOracle.of(after).check().findings()).isEmpty();
    ByteBuffer bytes = ByteBuffer.wrap(after);
    int table = (int) SpecOracle.of(after).header().refcountTableOffset();
    assertThat(bytes.getLong(table)).isNotZero();
    for (int entry = 1; entry < 64; entry++) {
      assertThat(bytes.getLong(table + 8 * entry)).as("entry %d", entry).isZero();
    }
  }

  @Test
  void dataFileBecomesAsLongAsTheDisk() throws IOException {
    for (boolean raw : new boolean[] {false, true}) {
      ImageBuilder builder = ImageBuilder.of(9, 96 << 10).dataFile("data");
      if (raw) {
        builder.rawDataFile();
      }
      for (int cluster = 0; cluster < 192; cluster++) {
        builder.data(cluster, Content.bytes(cluster, 0, 512));
      }
      BuiltImage built = builder.build();
      HeapStorage file = HeapStorage.copyOf("image", built.bytes());
      HeapStorage data = HeapStorage.copyOf("data", built.dataFile());
      try (Qcow2Image image = open(file, new byte[0], data)) {
        byte[] before = content(image);
        image.shrink(40_960);
        assertThat(data.size()).isEqualTo(40_960);
        image.grow(96 << 10);
        assertThat(content(image))
            .isEqualTo(Arrays.copyOf(Arrays.copyOf(before, 40_960), 96 << 10));
        image.shrink(40_960);
      }
      assertThat(data.toByteArray()).hasSize(40_960);
      assertThat(SpecOracle.of(file.toByteArray()).check().findings()).isEmpty();
    }
  }

  @Test
  void versionTwoWithSnapshotsKeepsItsSize() throws IOException {
    ImageShape shape = new ImageShape(2, 9, 4, false, 64 << 10, ImageShape.Backing.NONE, 0);
    byte[] image =
        ImageBuilder.of(shape).data(1, Content.bytes(1, 0, 512)).snapshot("one").build().bytes();
    HeapStorage file = HeapStorage.copyOf("image", image);
    try (Qcow2Image opened = Qcow2Image.open(file).writable().build()) {
      assertThatThrownBy(() -> opened.shrink(512)).isInstanceOf(UnsupportedFeatureException.class);
      assertThat(opened.size()).isEqualTo(64 << 10);
    }
    assertThat(file.toByteArray()).isEqualTo(image);
  }

  @Test
  void sizeThatIsLargerOrNoSectorBoundaryIsTheCallersError() throws IOException {
    try (Qcow2Image image = Qcow2Image.create(new HeapStorage("image"), 1 << 20).build()) {
      for (long size : new long[] {-512, 511, (1 << 20) + 512}) {
        assertThatThrownBy(() -> image.shrink(size)).isInstanceOf(IllegalArgumentException.class);
      }
    }
  }

  @Test
  void behindTheNewEndNothingCanBeReadOrWritten() throws IOException {
    try (Qcow2Image image = Qcow2Image.create(new HeapStorage("image"), 1 << 20).build()) {
      image.write(ByteBuffer.allocate(1 << 20), 0);
      image.shrink(512);
      assertThatThrownBy(() -> image.write(ByteBuffer.allocate(512), 512))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThatThrownBy(() -> image.read(ByteBuffer.allocate(513), 0))
          .isInstanceOf(IndexOutOfBoundsException.class);
    }
  }
}
