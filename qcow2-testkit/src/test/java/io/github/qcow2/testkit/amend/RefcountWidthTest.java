package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The width of refcounts changes as a whole or not at all. */
final class RefcountWidthTest {
  private static final int ORDER_OFFSET = 99;

  static List<int[]> pairs() {
    List<int[]> pairs = new ArrayList<>();
    for (int from = 0; from <= 6; from++) {
      for (int to = 0; to <= 6; to++) {
        if (from != to) {
          pairs.add(new int[] {from, to});
        }
      }
    }
    return pairs;
  }

  private static byte[] image(int order, int snapshots) {
    ImageShape shape = new ImageShape(3, 9, order, false, 160 << 10, ImageShape.Backing.NONE, 0);
    ImageBuilder image = ImageBuilder.of(shape);
    for (int i = 0; i < 100; i++) {
      image.data(i, Content.bytes(i, 0, 512));
    }
    for (int i = 0; i < snapshots; i++) {
      image.snapshot("snapshot " + i);
    }
    return image.data(3, Content.bytes(1000, 0, 512)).zero(7).build().bytes();
  }

  @ParameterizedTest
  @MethodSource("pairs")
  void everyWidthBecomesEveryOther(int[] orders) throws IOException {
    int snapshots = Math.min(orders[0], orders[1]) == 0 ? 0 : 2;
    byte[] before = image(orders[0], snapshots);
    byte[] after =
        new AmendTrial(before, amender -> amender.refcountBits(1 << orders[1])).amended();
    assertThat(after[ORDER_OFFSET]).isEqualTo((byte) orders[1]);
    byte[] back = new AmendTrial(after, amender -> amender.refcountBits(1 << orders[0])).amended();
    assertThat(back[ORDER_OFFSET]).isEqualTo((byte) orders[0]);
  }

  @ParameterizedTest
  @ValueSource(ints = {1, 2, 3, 4, 5, 6})
  void imagesOfEveryKindKeepWhatTheyHold(int seed) throws IOException {
    ImageShape shape =
        new ImageShape(3, 9 + seed % 4, 4, false, 600 << 10, ImageShape.Backing.NONE, 0);
    byte[] image = RandomImage.describe(shape, seed).build().bytes();
    for (int bits : new int[] {8, 64, 32}) {
      image = new AmendTrial(image, amender -> amender.refcountBits(bits)).amended();
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"6 0", "0 6", "4 6", "6 4"})
  void powerCutLeavesTheOldWidthOrTheNewAndNoLeak(String orders) throws IOException {
    byte[] image = image(orders.charAt(0) - '0', 0);
    int bits = 1 << (orders.charAt(2) - '0');
    assertThat(new AmendTrial(image, amender -> amender.refcountBits(bits)).cutPower())
        .isGreaterThan(4);
  }

  @Test
  void countThatDoesNotFitIsRefusedBeforeAnythingIsWritten() throws IOException {
    byte[] image = image(4, 4);
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).lazyRefcounts(true).refcountBits(2).run())
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("does not fit in 2 bits");
    assertThat(storage.toByteArray()).isEqualTo(image);
    Qcow2Image.amend(storage).refcountBits(4).run();
  }

  @Test
  void tableThatExceedsTheLimitsIsRefusedBeforeAnythingIsWritten() throws IOException {
    HeapStorage made = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(made, 4 << 20).clusterSize(512).refcountBits(1).build()) {
      image.write(ByteBuffer.allocate(3 << 20), 0);
    }
    byte[] before = made.toByteArray();
    HeapStorage storage = HeapStorage.copyOf("image", before);
    Limits limits = Limits.DEFAULT.withRefcountTableBytes(512);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).limits(limits).refcountBits(64).run())
        .isInstanceOf(LimitExceededException.class);
    assertThat(storage.toByteArray()).isEqualTo(before);
  }

  @Test
  void structuresThatDoNotCountThemselvesAreRefused() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 64 << 10).data(1, Content.bytes(1, 0, 512)).build();
    long block = ByteBuffer.wrap(built.bytes()).getLong((int) table(built.bytes()));
    for (long count : new long[] {0, 2}) {
      byte[] image = built.withRefcount(block, count).bytes();
      HeapStorage storage = HeapStorage.copyOf("image", image);
      assertThatThrownBy(() -> Qcow2Image.amend(storage).refcountBits(8).run())
          .isInstanceOf(CorruptImageException.class);
      assertThat(storage.toByteArray()).isEqualTo(image);
    }
  }

  private static long table(byte[] image) throws IOException {
    return SpecOracle.of(image).header().refcountTableOffset();
  }

  @Test
  void tableThatIsCalledFreeIsNotOverwritten() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 64 << 10).data(1, Content.bytes(1, 0, 512)).build();
    long table = table(built.bytes());
    long block = ByteBuffer.wrap(built.bytes()).getLong((int) table);
    for (long cluster = 512; cluster < built.bytes().length; cluster += 512) {
      built = cluster == table || cluster == block ? built : built.withRefcount(cluster, 0);
    }
    byte[] image = built.bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).refcountBits(8).run())
        .isInstanceOf(CorruptImageException.class);
    assertThat(storage.toByteArray()).startsWith(image);
  }

  @Test
  void cancelledChangeHasNotBeenMade() throws IOException {
    byte[] image = image(4, 1);
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(
            () ->
                Qcow2Image.amend(storage)
                    .refcountBits(64)
                    .progress((done, total) -> done < total)
                    .run())
        .isInstanceOf(OperationCancelledException.class);
    assertThat(storage.toByteArray()).startsWith(image);
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void staleCountsAreRepairedBeforeTheyAreCopied() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 64 << 10).data(1, Content.bytes(1, 0, 512)).build();
    byte[] image = built.withRefcount(512 * 40, 1).bytes();
    image[79] |= 1;
    byte[] after = new AmendTrial(image, amender -> amender.refcountBits(8)).amended();
    assertThat(after[79] & 1).isZero();
    assertThat(after[ORDER_OFFSET]).isEqualTo((byte) 3);
  }

  @Test
  void lazyRefcountsAreOneBit() throws IOException {
    byte[] image = image(4, 1);
    byte[] lazy = new AmendTrial(image, amender -> amender.lazyRefcounts(true)).amended();
    image[87] |= 1;
    assertThat(lazy).isEqualTo(image);
    assertThat(new AmendTrial(lazy, amender -> amender.lazyRefcounts(false)).cutPower())
        .isPositive();
  }

  @Test
  void nothingIsWrittenWhereEverythingIsAsWanted() throws IOException {
    // An unknown autoclear bit would be cleared by any write.
    byte[] image = ImageBuilder.of(9, 64 << 10).features(0, 1, 1L << 40).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    Qcow2Image.amend(storage).refcountBits(16).lazyRefcounts(true).run();
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void unknownBitsAreKeptButForAutoclearOnes() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).features(0, 1L << 50, 1L << 40).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    Qcow2Image.amend(storage).lazyRefcounts(true).run();
    ByteBuffer after = ByteBuffer.wrap(storage.toByteArray());
    assertThat(after.getLong(80)).isEqualTo(1L << 50 | 1);
    assertThat(after.getLong(88)).isZero();
  }

  @Test
  void versionTwoHasNeitherOtherWidthsNorLazyRefcounts() throws IOException {
    ImageShape shape = new ImageShape(2, 9, 4, false, 1 << 20, ImageShape.Backing.NONE, 0);
    byte[] before = ImageBuilder.of(shape).build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", before);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).refcountBits(8).run())
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).lazyRefcounts(true).run())
        .isInstanceOf(UnsupportedFeatureException.class);
    Qcow2Image.amend(storage).refcountBits(16).lazyRefcounts(false).run();
    assertThat(storage.toByteArray()).isEqualTo(before);
  }
}
