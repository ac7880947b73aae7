package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.format.Geometry;
import java.io.IOException;

/**
 * Which ranges can be made to read as zeros without writing data: whole clusters, or subclusters,
 * of a version 3 image, and parts of those that read as zeros already.
 */
final class FastZeroes {
  private FastZeroes() {}

  /**
   * Refuses a range that cannot.
   *
   * @throws IoRefusal in the words of qemu-io
   */
  static void require(BlockDevice device, long offset, long length) throws IoRefusal, IOException {
    if (!(device instanceof Qcow2Image image) || length == 0) {
      return;
    }
    Geometry geometry = image.geometry();
    long unit = geometry.subclusterSize();
    long end = offset + length;
    boolean possible =
        image.header().version() >= 3
            && (offset % unit == 0 || isZero(image, offset - offset % unit, unit))
            && (end % unit == 0 || end == image.size() || isZero(image, end - end % unit, unit));
    if (!possible) {
      throw new IoRefusal("write failed: Operation not supported");
    }
  }

  private static boolean isZero(Qcow2Image image, long start, long length) throws IOException {
    ExtentCursor extents = image.extents(start, Math.min(length, image.size() - start));
    for (Extent extent = extents.next(); extent != null; extent = extents.next()) {
      if (!extent.readsAsZeroes()) {
        return false;
      }
    }
    return true;
  }
}
