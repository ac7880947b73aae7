package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageAmender;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.powercut.CrashBounds;
import java.io.IOException;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** An image changes its version, and the guest sees the same. */
final class VersionTest {
  private static final int UNKNOWN = 0x12345678;
  private static final int BACKING_BYTES = 40 << 10;

  private static ImageShape shape(int version, int clusterBits, boolean backed) {
    return new ImageShape(
        version,
        clusterBits,
        4,
        false,
        112 << 10,
        backed ? ImageShape.Backing.RAW : ImageShape.Backing.NONE,
        backed ? BACKING_BYTES : 0);
  }

  private static byte[] random(int version, int clusterBits, boolean backed, int seed) {
    ImageBuilder image = RandomImage.describe(shape(version, clusterBits, backed), seed);
    if (backed) {
      image.backing("base.raw", "raw");
    }
    return image.extension(UNKNOWN, new byte[] {1, 2, 3}).build().bytes();
  }

  private static byte[] backing(boolean backed) {
    return backed ? Content.bytes(7, 0, BACKING_BYTES) : new byte[0];
  }

  private static Header header(byte[] image) throws IOException {
    return Qcow2Image.inspect(HeapStorage.copyOf("image", image)).header();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void downgradedAndUpgradedImagesHoldWhatTheyHeld(boolean backed) throws IOException {
    for (int seed = 0; seed < 20; seed++) {
      byte[] three = random(3, 9 + seed % 3 * 3, backed, seed);
      byte[] two = new AmendTrial(three, backing(backed), VersionTest::down).amended();
      assertThat(two[7]).isEqualTo((byte) 2);
      assertThat(header(two).extensions())
          .contains(new HeaderExtension(UNKNOWN, new byte[] {1, 2, 3}));
      byte[] again = new AmendTrial(two, backing(backed), VersionTest::up).amended();
      assertThat(header(again).version()).isEqualTo(3);
      assertThat(header(again).extensions())
          .contains(new HeaderExtension(UNKNOWN, new byte[] {1, 2, 3}));
    }
  }

  private static void down(ImageAmender amender) {
    amender.version(2);
  }

  private static void up(ImageAmender amender) {
    amender.version(3);
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void powerCutLeavesAVersionAndAllData(boolean backed) throws IOException {
    ImageBuilder image = ImageBuilder.of(shape(3, 9, backed));
    if (backed) {
      image.backing("base.raw", "raw");
    }
    byte[] hidden = Content.bytes(5, 0, 512);
    image
        .data(1, hidden)
        .zero(2)
        .zeroAllocated(3, hidden)
        .zeroAllocated(70, hidden)
        .data(4, hidden);
    image.snapshot("one").zeroAllocated(1, hidden).zero(5).zero(80).data(70, hidden);
    AmendTrial trial =
        new AmendTrial(image.build().bytes(), backing(backed), VersionTest::down).mayLeak();
    byte[] two = trial.amended();
    assertThat(trial.bounds(new CrashBounds(8, 8, 5, 4, 400)).cutPower()).isGreaterThan(8);
    assertThat(new AmendTrial(two, backing(backed), VersionTest::up).cutPower()).isPositive();
  }

  @Test
  void headerOfSeveralSectorsChangesItsVersionAtOnce() throws IOException {
    ImageBuilder image = ImageBuilder.of(shape(2, 12, false)).extension(UNKNOWN, new byte[700]);
    image.backing("b".repeat(900), "raw");
    AmendTrial trial = new AmendTrial(image.build().bytes(), new byte[0], VersionTest::up);
    byte[] three = trial.amended();
    assertThat(trial.cutPower()).isGreaterThan(3);
    assertThat(header(three).backingFile()).isEqualTo("b".repeat(900));
    AmendTrial back = new AmendTrial(three, new byte[0], VersionTest::down);
    assertThat(header(back.amended()).backingFile()).isEqualTo("b".repeat(900));
    assertThat(back.cutPower()).isGreaterThan(3);
  }

  @Test
  void snapshotRecordsWithoutExtraDataAreCompletedByAnUpgrade() throws IOException {
    byte[] image =
        ImageBuilder.of(shape(2, 9, false))
            .data(1, Content.bytes(1, 0, 512))
            .snapshot("one")
            .data(1, Content.bytes(2, 0, 512))
            .build()
            .bytes();
    assertThat(SpecOracle.of(image).snapshots().get(0).extraLength()).isZero();
    AmendTrial trial = new AmendTrial(image, VersionTest::up).mayLeak();
    byte[] three = trial.amended();
    assertThat(SpecOracle.of(three).snapshots().get(0).extraLength()).isEqualTo(24);
    assertThat(SpecOracle.of(three).snapshots().get(0).diskSize()).isEqualTo(112 << 10);
    assertThat(trial.cutPower()).isGreaterThan(4);
  }

  private static void assertRefused(ImageBuilder builder, Consumer<ImageAmender> values) {
    byte[] image = builder.build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    ImageAmender amender = Qcow2Image.amend(storage);
    values.accept(amender);
    assertThatThrownBy(amender::run).isInstanceOf(UnsupportedFeatureException.class);
    assertThat(storage.toByteArray()).isEqualTo(image);
  }

  @Test
  void whatVersionTwoDoesNotHaveIsRefusedBeforeAnythingIsWritten() {
    ImageShape wide = new ImageShape(3, 9, 6, false, 64 << 10, ImageShape.Backing.NONE, 0);
    assertRefused(ImageBuilder.of(wide), VersionTest::down);
    assertRefused(ImageBuilder.of(9, 64 << 10), amender -> amender.version(2).refcountBits(8));
    assertRefused(ImageBuilder.of(9, 64 << 10), amender -> amender.version(2).lazyRefcounts(true));
    assertRefused(ImageBuilder.of(9, 64 << 10).dataFile("data"), VersionTest::down);
    ImageShape extended = new ImageShape(3, 14, 4, true, 1 << 20, ImageShape.Backing.NONE, 0);
    assertRefused(ImageBuilder.of(extended), VersionTest::down);
    ImageBuilder resized = ImageBuilder.of(9, 64 << 10).snapshot("one").resize(96 << 10);
    assertRefused(resized, VersionTest::down);
    assertRefused(
        ImageBuilder.of(9, 64 << 10).snapshot("one"),
        amender -> amender.version(2).lazyRefcounts(false).size(96 << 10));
  }

  @Test
  void widthAndVersionChangeInTheOrderThatPermitsBoth() throws IOException {
    ImageShape wide = new ImageShape(3, 9, 6, false, 64 << 10, ImageShape.Backing.NONE, 0);
    byte[] image = ImageBuilder.of(wide).zero(3).data(4, Content.bytes(1, 0, 512)).build().bytes();
    byte[] two = new AmendTrial(image, amender -> amender.version(2).refcountBits(16)).amended();
    assertThat(header(two).version()).isEqualTo(2);
    byte[] three =
        new AmendTrial(two, amender -> amender.version(3).refcountBits(1).lazyRefcounts(true))
            .amended();
    assertThat(header(three).geometry().refcountBits()).isEqualTo(1);
    assertThat(header(three).hasLazyRefcounts()).isTrue();
  }

  @Test
  void featureBitsAreClearedByADowngrade() throws IOException {
    byte[] image = ImageBuilder.of(9, 64 << 10).features(0, 1L << 50 | 1, 1L << 40).build().bytes();
    byte[] two = new AmendTrial(image, VersionTest::down).amended();
    Header header = header(new AmendTrial(two, VersionTest::up).amended());
    assertThat(header.compatibleFeatures()).isZero();
    assertThat(header.autoclearFeatures()).isZero();
  }

  @Test
  void snapshotsPermitAChangeOfSizeOnceTheImageIsUpgraded() throws IOException {
    byte[] image =
        ImageBuilder.of(shape(2, 9, false)).data(1, new byte[512]).snapshot("one").build().bytes();
    HeapStorage storage = HeapStorage.copyOf("image", image);
    assertThatThrownBy(() -> Qcow2Image.amend(storage).size(128 << 10).run())
        .isInstanceOf(UnsupportedFeatureException.class);
    Qcow2Image.amend(storage).version(3).size(128 << 10).run();
    assertThat(header(storage.toByteArray()).size()).isEqualTo(128 << 10);
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }
}
