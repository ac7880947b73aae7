package io.github.qcow2.testkit.build;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.HeaderFields;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

final class ImageBuilderTest {
  private static final int CLUSTER = 4096;

  @Test
  void emptyImageIsCleanAndZeros() throws IOException {
    SpecOracle oracle = SpecOracle.of(ImageBuilder.of(12, 10_240).build().bytes());

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.content().size()).isEqualTo(10_240);
    assertThat(oracle.read(0, 10_240)).containsOnly(0);
  }

  @Test
  void clustersReadAsDescribed() throws IOException {
    byte[] one = Content.bytes(1, 0, CLUSTER);
    byte[] two = filled(2);
    BuiltImage image =
        ImageBuilder.of(12, 10 * CLUSTER)
            .data(0, one)
            .compressed(3, two)
            .compressed(9, filled(3))
            .zero(4)
            .zeroAllocated(5, one)
            .data(6, one)
            .unallocated(6)
            .build();
    SpecOracle oracle = SpecOracle.of(image.bytes());

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(0, CLUSTER)).isEqualTo(one);
    assertThat(oracle.read(CLUSTER, 2 * CLUSTER)).containsOnly(0);
    assertThat(oracle.read(3 * CLUSTER, CLUSTER)).isEqualTo(two);
    assertThat(oracle.read(4 * CLUSTER, 5 * CLUSTER)).containsOnly(0);
    assertThat(oracle.read(9 * CLUSTER, CLUSTER)).containsOnly(3);
    assertThat(
            Arrays.copyOfRange(
                image.bytes(), (int) image.hostOffset(5), (int) image.hostOffset(5) + CLUSTER))
        .isEqualTo(one);
  }

  @Test
  void snapshotSharesWhatDidNotChange() throws IOException {
    BuiltImage image =
        ImageBuilder.of(12, 600 * CLUSTER)
            .data(0, filled(1))
            .data(1, filled(2))
            .data(599, filled(3))
            .snapshot("before")
            .data(1, filled(4))
            .build();
    SpecOracle oracle = SpecOracle.of(image.bytes());

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(0, CLUSTER)).containsOnly(1);
    assertThat(oracle.read(CLUSTER, CLUSTER)).containsOnly(4);
    byte[] then = new byte[CLUSTER];
    oracle.snapshotContent(0).read(CLUSTER, then, 0, CLUSTER);
    assertThat(then).containsOnly(2);
    assertThat(image.builtRefcount(image.hostOffset(0))).isEqualTo(2);
    assertThat(image.builtRefcount(image.hostOffset(1))).isEqualTo(1);
    assertThat(image.l2EntryOffset(599)).isEqualTo(image.snapshotL2EntryOffset(0, 599));
    assertThat(image.l2EntryOffset(1)).isNotEqualTo(image.snapshotL2EntryOffset(0, 1));
    assertThat(image.u64(image.l2EntryOffset(0))).as("COPIED is clear").isPositive();
    assertThat(image.u64(image.l2EntryOffset(1))).as("COPIED is set").isNegative();
  }

  @Test
  void snapshotsKeepTheirSize() throws IOException {
    BuiltImage image =
        ImageBuilder.of(12, 20 * CLUSTER)
            .data(19, filled(1))
            .snapshot("large")
            .resize(10 * CLUSTER)
            .snapshot("small")
            .build();
    SpecOracle oracle = SpecOracle.of(image.bytes());

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.content().size()).isEqualTo(10 * CLUSTER);
    assertThat(oracle.snapshotContent(0).size()).isEqualTo(20 * CLUSTER);
    assertThat(oracle.snapshotContent(1).size()).isEqualTo(10 * CLUSTER);
    assertThat(oracle.snapshots().get(1).name()).isEqualTo("small");
  }

  @Test
  void headerSaysWhatWasDescribed() throws IOException {
    byte[] unknown = {1, 2, 3};
    HeaderFields header =
        SpecOracle.of(
                ImageBuilder.of(16, 1 << 20)
                    .headerLength(120)
                    .backing("base.raw", "raw")
                    .extension(0x12345678, unknown)
                    .features(1, 1, 1L << 40)
                    .build()
                    .bytes())
            .header();

    assertThat(header.backingName()).isEqualTo("base.raw");
    assertThat(header.headerLength()).isEqualTo(120);
    assertThat(header.extensions()).hasSize(2);
    assertThat(header.extensions().get(1).type()).isEqualTo(0x12345678);
    assertThat(header.extensions().get(1).length()).isEqualTo(3);
    assertThat(header.isDirty()).isTrue();
    assertThat(header.autoclear()).isEqualTo(1L << 40);
  }

  @Test
  void dataFileHoldsTheData() throws IOException {
    BuiltImage image =
        ImageBuilder.of(12, 3 * CLUSTER + 512)
            .dataFile("data")
            .data(0, filled(1))
            .data(3, filled(2))
            .zeroAllocated(1, filled(3))
            .build();
    SpecOracle oracle = SpecOracle.of(image.bytes()).withDataFile(ByteSource.of(image.dataFile()));

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(image.dataFile()).hasSize(3 * CLUSTER + 512);
    assertThat(oracle.read(0, CLUSTER)).containsOnly(1);
    assertThat(oracle.read(CLUSTER, 2 * CLUSTER)).containsOnly(0);
    assertThat(oracle.read(3 * CLUSTER, 512)).containsOnly(2);
  }

  @Test
  void streamsOfAnotherCompressionAreStoredAsTheyAre() throws IOException {
    byte[] stream = {7, 8, 9};
    BuiltImage image =
        ImageBuilder.of(12, 1 << 20).compressionType(1).compressedStream(5, stream).build();
    SpecOracle oracle =
        SpecOracle.of(image.bytes())
            .withZstd(
                (data, cluster) -> {
                  assertThat(data).startsWith(stream);
                  Arrays.fill(cluster, data[2]);
                });

    assertThat(oracle.header().compressionType()).isEqualTo(1);
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(5 * CLUSTER, CLUSTER)).containsOnly(9);
  }

  @Test
  void oracleDoesNotGuessWhatItWasNotGiven() throws IOException {
    SpecOracle zstd =
        SpecOracle.of(
            ImageBuilder.of(12, 4096)
                .compressionType(1)
                .compressedStream(0, new byte[1])
                .build()
                .bytes());
    SpecOracle backed =
        SpecOracle.of(ImageBuilder.of(12, 4096).backing("base", "raw").build().bytes());
    SpecOracle data =
        SpecOracle.of(ImageBuilder.of(12, 4096).dataFile("d").data(0, new byte[1]).build().bytes());

    for (SpecOracle oracle : new SpecOracle[] {zstd, backed, data}) {
      assertThat(oracle.check().findings()).isEmpty();
      assertThatIllegalStateException().isThrownBy(() -> oracle.read(0, 1));
    }
  }

  @Test
  void whatNoImageCanHoldIsRefused() {
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> ImageBuilder.of(12, 4096).data(1, new byte[1]));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> ImageBuilder.of(12, 4096).data(0, new byte[4097]));
    assertThatIllegalArgumentException()
        .as("cannot be made smaller")
        .isThrownBy(() -> ImageBuilder.of(12, 4096).compressed(0, Content.bytes(1, 0, 4096)));
    assertThatIllegalArgumentException()
        .as("header larger than a cluster")
        .isThrownBy(() -> ImageBuilder.of(9, 512).backing("x".repeat(400), null).build());
    assertThatIllegalStateException().isThrownBy(() -> ImageBuilder.of(12, 4096).subclusters(0, 1));
  }

  @Test
  void snapshotsDoNotFitRefcountsOfOneBit() {
    ImageBuilder builder =
        ImageBuilder.of(new ImageShape(3, 9, 0, false, 4096, ImageShape.Backing.NONE, 0));
    builder.data(0, new byte[512]).snapshot("s");

    assertThatIllegalArgumentException().isThrownBy(builder::build);
  }

  private static byte[] filled(int value) {
    byte[] bytes = new byte[CLUSTER];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }
}
