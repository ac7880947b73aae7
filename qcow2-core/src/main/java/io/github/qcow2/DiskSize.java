package io.github.qcow2;

/** The size of the disk in bytes, which grows while operations are under way. */
final class DiskSize {
  private volatile long bytes;

  DiskSize(long bytes) {
    this.bytes = bytes;
  }

  long bytes() {
    return bytes;
  }

  void set(long bytes) {
    this.bytes = bytes;
  }
}
