package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.DiskHistory;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.constraints.IntRange;

/** Whatever is done to an image of whatever shape, it holds what a plain array would hold. */
final class ImageHistoryPropertyTest {
  @Provide
  Arbitrary<DiskHistory> histories() {
    return DiskHistories.on(ImageShapes.upTo(16L << 20), 40);
  }

  @Provide
  Arbitrary<DiskHistory> historiesOnLargeDisks() {
    // A raw backing file of that size does not fit the array that stands for it.
    return DiskHistories.on(
        ImageShapes.any().filter(shape -> shape.backing() != ImageShape.Backing.RAW), 20);
  }

  @Property(tries = 200, shrinking = ShrinkingMode.BOUNDED)
  void imageAgreesWithTheReferenceDiskAndTheSpecOracle(
      @ForAll("histories") DiskHistory history, @ForAll @IntRange(max = 64 << 10) int cacheBytes)
      throws IOException {
    ShapedImage image = new ShapedImage(history.shape(), history.backingSeed(), cacheBytes);
    ReferenceDisk model;
    try (SideBySide sides = image.sideBySide()) {
      sides.applyAll(history.operations());
      assertExtentsTileTheDiskAndAgreeWithReads(sides.device());
      model = sides.model();
    }
    SpecOracle oracle = image.oracle();
    assertThat(oracle.check().findings()).isEmpty();
    assertHolds(oracle, model);
  }

  @Property(tries = 60, shrinking = ShrinkingMode.BOUNDED)
  void largeSparseDisksAreNoDifferent(@ForAll("historiesOnLargeDisks") DiskHistory history)
      throws IOException {
    ShapedImage image = new ShapedImage(history.shape(), history.backingSeed(), 16 << 10);
    try (SideBySide sides = image.sideBySide()) {
      sides.applyAll(history.operations());
    }
    assertThat(image.oracle().check().findings()).isEmpty();
  }

  private static void assertHolds(SpecOracle oracle, ReferenceDisk model) throws IOException {
    int step = 1 << 20;
    for (long at = 0; at < model.size(); at += step) {
      int length = (int) Math.min(step, model.size() - at);
      assertThat(model.observe(at, oracle.read(at, length))).isEmpty();
    }
  }

  private static void assertExtentsTileTheDiskAndAgreeWithReads(BlockDevice device)
      throws IOException {
    long at = 0;
    ExtentCursor cursor = device.extents(0, device.size());
    for (Extent extent = cursor.next(); extent != null; extent = cursor.next()) {
      assertThat(extent.start()).isEqualTo(at);
      assertThat(extent.length()).isPositive();
      at = extent.end();
      if (extent.readsAsZeroes()) {
        ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(extent.length(), 1 << 20));
        device.read(bytes, extent.start());
        assertThat(bytes.array()).containsOnly(0);
      }
    }
    assertThat(at).isEqualTo(device.size());
  }
}
