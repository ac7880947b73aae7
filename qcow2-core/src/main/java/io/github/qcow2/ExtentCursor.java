package io.github.qcow2;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Walks the extents of a range of a device, in guest order. The extents tile the range exactly, and
 * no two neighbours could have been one. Not thread-safe; keeps nothing but its place, so a range
 * of any length costs the same memory.
 */
public final class ExtentCursor {
  private final BlockDevice device;
  private final long end;
  private long position;
  private @Nullable Extent ahead;

  ExtentCursor(BlockDevice device, long position, long length) {
    this.device = device;
    this.position = position;
    this.end = position + length;
  }

  /** The next extent, or null after the last. */
  public @Nullable Extent next() throws IOException {
    Extent extent = ahead;
    ahead = null;
    while (position < end) {
      Extent step = device.extentAt(position, end - position);
      position = step.end();
      if (extent == null) {
        extent = step;
      } else if (extent.isContinuedBy(step)) {
        extent =
            new Extent(
                extent.start(),
                extent.length() + step.length(),
                extent.kind(),
                extent.depth(),
                extent.hostOffset());
      } else {
        ahead = step;
        break;
      }
    }
    return extent;
  }

  /** All extents that are left, as a list: for ranges known to be small. */
  public List<Extent> toList() throws IOException {
    List<Extent> extents = new ArrayList<>();
    for (Extent extent = next(); extent != null; extent = next()) {
      extents.add(extent);
    }
    return extents;
  }
}
