package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever qemu-img and qemu-io make reads here as they read it. */
@RequiresQemu
final class ReadingInteropTest {
  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  static List<ImageVariant> variants() {
    return ImageVariants.all();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void imagesAndSnapshotsByQemuReadAsQemuReadsThem(ImageVariant variant) throws IOException {
    VariantImage made = new VariantImage(variant, directory, qemu);
    made.makeByQemu();

    try (Qcow2Image image = made.open()) {
      byte[] content = GuestBytes.of(image);
      assertSame(content, qemu.content(made.path()), variant);
      assertExtentsTileAndAgreeWith(content, image);
      assertThat(ExtentMap.of(image, made.depthOfRaw()))
          .as("map of %s", variant)
          .isEqualTo(ExtentMap.ofQemu(qemu.map(made.path()), made.depthOfRaw()));
      for (String name : made.snapshots()) {
        try (BlockDevice snapshot = image.openSnapshot(name)) {
          byte[] kept = GuestBytes.of(snapshot);
          byte[] expected = qemu.snapshotContent(made.path(), name);
          assertSame(kept, Arrays.copyOf(expected, kept.length), name + " of " + variant);
          assertExtentsTileAndAgreeWith(kept, snapshot);
        }
      }
    }
  }

  private static void assertExtentsTileAndAgreeWith(byte[] content, BlockDevice device)
      throws IOException {
    byte[] zeroes = new byte[content.length];
    long at = 0;
    ExtentCursor cursor = device.extents(0, device.size());
    for (Extent extent = cursor.next(); extent != null; extent = cursor.next()) {
      assertThat(extent.start()).isEqualTo(at);
      assertThat(extent.length()).isPositive();
      if (extent.readsAsZeroes()) {
        int from = (int) at;
        int to = (int) extent.end();
        assertThat(Arrays.mismatch(content, from, to, zeroes, from, to)).isEqualTo(-1);
      }
      at = extent.end();
    }
    assertThat(at).isEqualTo(device.size());
  }
}
