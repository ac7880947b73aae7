package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import java.io.IOException;

/** Extents of one device as those of another that shows the same bytes at another place. */
final class ExtentShift {
  private ExtentShift() {}

  /**
   * The first extent of a range.
   *
   * @param position in {@code device}
   * @param length in bytes, at least one
   * @param shift what to add to get from a position in {@code device} to that in the other
   */
  static Extent first(BlockDevice device, long position, long length, long shift)
      throws IOException {
    Extent extent = device.extents(position, length).next();
    if (extent == null) {
      throw new IllegalStateException("no extent at " + position + " of " + device);
    }
    return new Extent(
        extent.start() + shift,
        extent.length(),
        extent.kind(),
        extent.depth(),
        extent.hostOffset());
  }
}
