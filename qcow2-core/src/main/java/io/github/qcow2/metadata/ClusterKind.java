package io.github.qcow2.metadata;

/** What a host cluster is used for, as far as a write must not mistake one use for another (I7). */
public enum ClusterKind {
  /** The header and its extensions. */
  HEADER(0, "header"),
  /** The L1 table of the disk. */
  ACTIVE_L1(1, "active L1 table"),
  /** An L2 table that the active L1 table points to. */
  ACTIVE_L2(2, "active L2 table"),
  /** The refcount table. */
  REFCOUNT_TABLE(3, "refcount table"),
  /** A refcount block. */
  REFCOUNT_BLOCK(4, "refcount block"),
  /** The snapshot table. */
  SNAPSHOT_TABLE(5, "snapshot table"),
  /** The L1 table of a snapshot. */
  INACTIVE_L1(6, "inactive L1 table"),
  /** An L2 table that the L1 table of a snapshot points to. */
  INACTIVE_L2(7, "inactive L2 table"),
  /** The directory of persistent bitmaps. */
  BITMAP_DIRECTORY(8, "bitmap directory"),
  /** No table: guest data, and what is yet to become a table. */
  DATA(9, "data");

  private final int bit;
  private final String text;

  ClusterKind(int number, String text) {
    this.bit = 1 << number;
    this.text = text;
  }

  /** The name that messages use. */
  String text() {
    return text;
  }

  /** A bit of a mask of kinds, among the lowest ten. */
  int bit() {
    return bit;
  }
}
