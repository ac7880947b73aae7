package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import java.io.IOException;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Walks a range of a disk as {@code qemu-img map} does: each entry is as long as its flags, its
 * layer and its place in the file allow. Not thread-safe.
 */
final class LayeredMap {
  /**
   * A run of guest bytes.
   *
   * @param depth the layer of the backing chain, 0 being the image itself
   * @param present whether a layer says anything about the bytes
   * @param offset where they are in that layer's file, or {@link Extent#NO_HOST_OFFSET}
   */
  record Entry(
      long start,
      long length,
      int depth,
      boolean present,
      boolean zero,
      boolean data,
      long offset) {

    private boolean isContinuedBy(Entry next) {
      return depth == next.depth
          && present == next.present
          && zero == next.zero
          && data == next.data
          && (offset == Extent.NO_HOST_OFFSET
              ? next.offset == Extent.NO_HOST_OFFSET
              : offset + length == next.offset);
    }

    private Entry joined(Entry next) {
      return new Entry(start, length + next.length, depth, present, zero, data, offset);
    }
  }

  private final List<BackingChain.Layer> layers;
  private final @Nullable ExtentCursor extents;
  private @Nullable Entry ahead;

  /**
   * The map of a range, cut at the end of the disk.
   *
   * @param start first guest byte; may lie beyond the end
   */
  LayeredMap(BlockDevice device, long start, long length) {
    this.layers = BackingChain.of(device);
    long left = Math.max(0, device.size() - start);
    long wanted = Math.min(length, left);
    if (wanted == 0) {
      // qemu-img has an entry even for an empty range.
      this.extents = null;
      this.ahead = new Entry(start, 0, 0, false, false, false, Extent.NO_HOST_OFFSET);
    } else {
      this.extents = device.extents(start, wanted);
    }
  }

  /** The next entry, or null after the last. */
  @Nullable Entry next() throws IOException {
    Entry entry = ahead;
    ahead = null;
    for (Entry step = step(); step != null; step = step()) {
      if (entry == null) {
        entry = step;
      } else if (entry.isContinuedBy(step)) {
        entry = entry.joined(step);
      } else {
        ahead = step;
        break;
      }
    }
    return entry;
  }

  /** Name of the file that holds the data of a layer. */
  String fileAt(int depth) {
    return layers.get(depth).data();
  }

  private @Nullable Entry step() throws IOException {
    Extent extent = extents == null ? null : extents.next();
    if (extent == null) {
      return null;
    }
    boolean data = extent.kind() == Extent.Kind.DATA || extent.kind() == Extent.Kind.COMPRESSED;
    return new Entry(
        extent.start(),
        extent.length(),
        extent.depth(),
        extent.kind() != Extent.Kind.UNALLOCATED,
        !data,
        data,
        extent.hostOffset());
  }
}
