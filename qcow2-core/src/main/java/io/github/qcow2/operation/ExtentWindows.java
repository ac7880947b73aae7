package io.github.qcow2.operation;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The extents of a device in guest order, looked up a window at a time: the cursor of a device
 * would follow a run of zeros through all tables of a large disk before it returns, and could not
 * be cancelled meanwhile. Not thread-safe.
 */
final class ExtentWindows {
  /** No extent is longer: 64 GiB, whose mapping takes some milliseconds to read. */
  static final long WINDOW = 64L << 30;

  private final BlockDevice device;
  private final long size;
  private long windowEnd;
  private ExtentCursor window;

  /** The extents from 0 to {@code size}. */
  ExtentWindows(BlockDevice device, long size) {
    this.device = device;
    this.size = size;
    this.windowEnd = Math.min(size, WINDOW);
    this.window = device.extents(0, windowEnd);
  }

  /** The next extent, or null after the last. */
  @Nullable Extent next() throws IOException {
    Extent extent = window.next();
    if (extent == null && windowEnd < size) {
      long start = windowEnd;
      windowEnd = Math.min(size, start + WINDOW);
      window = device.extents(start, windowEnd - start);
      extent = window.next();
    }
    return extent;
  }
}
