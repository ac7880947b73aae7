package io.github.qcow2;

import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Header;

/**
 * The size of the disk in bytes. While the disk grows, what is behind its old end is already dealt
 * with inside, but not yet to be seen. A disk that shrinks does so here first.
 */
final class DiskSize {
  private volatile long visible;
  private volatile long reach;

  DiskSize(long bytes) {
    this.visible = bytes;
    this.reach = bytes;
  }

  /**
   * Looks for what ties an image to the size of its disk.
   *
   * @throws UnsupportedFeatureException if there is something
   */
  static void requireChangeable(String image, Header header) throws UnsupportedFeatureException {
    if (header.version() == 2 && header.snapshots() > 0) {
      throw new UnsupportedFeatureException(
          image,
          Header.SIZE_FIELD_OFFSET,
          "a version 2 image with snapshots cannot change its size: snapshots do not record theirs");
    }
    if (header.bitmaps() != null) {
      throw new UnsupportedFeatureException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the image has persistent bitmaps, which cover the disk as it is");
    }
  }

  /** The size that users see. */
  long visible() {
    return visible;
  }

  /** Where the disk ends for whoever copies and zeroes clusters; at least the visible size. */
  long reach() {
    return reach;
  }

  /** Growth begins, or is given up. */
  void reach(long bytes) {
    reach = bytes;
  }

  /** Shrinking begins: nobody gets behind the new end any more. */
  void cut(long bytes) {
    visible = bytes;
    reach = bytes;
  }

  /** Shrinking is given up. */
  void restore(long bytes) {
    reach = bytes;
    visible = bytes;
  }

  /** Growth is complete. */
  void show() {
    visible = reach;
  }
}
