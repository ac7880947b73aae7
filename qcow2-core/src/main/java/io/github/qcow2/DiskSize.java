package io.github.qcow2;

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
