package io.github.qcow2;

import static io.github.qcow2.metadata.ClusterKind.ACTIVE_L1;
import static io.github.qcow2.metadata.ClusterKind.ACTIVE_L2;
import static io.github.qcow2.metadata.ClusterKind.BITMAP_DIRECTORY;
import static io.github.qcow2.metadata.ClusterKind.HEADER;
import static io.github.qcow2.metadata.ClusterKind.INACTIVE_L1;
import static io.github.qcow2.metadata.ClusterKind.INACTIVE_L2;
import static io.github.qcow2.metadata.ClusterKind.REFCOUNT_BLOCK;
import static io.github.qcow2.metadata.ClusterKind.REFCOUNT_TABLE;
import static io.github.qcow2.metadata.ClusterKind.SNAPSHOT_TABLE;

import io.github.qcow2.metadata.ClusterKind;
import java.util.Collections;
import java.util.EnumSet;
import java.util.Set;

/**
 * Which tables of a writable image every write to its file is kept away from; QEMU's {@code
 * overlap-check}. Each constant protects what the one before does, and more.
 *
 * <p>A write that would hit a table, because the image's tables or refcounts are wrong, fails with
 * a {@link io.github.qcow2.error.CorruptImageException} and writes nothing. The image is then
 * marked as corrupt on disk (version 3), and refuses every further change; it can still be read.
 * Writes to an external data file need no such check.
 */
public enum OverlapCheck {
  /** Nothing is protected. For images that were checked before, if at all. */
  NONE,

  /**
   * What has one place and seldom another: header, active L1 table, refcount table, snapshot table,
   * bitmap directory.
   */
  CONSTANT,

  /**
   * Besides, what is known without reading more of the file: L2 tables, refcount blocks, and the L1
   * tables of snapshots. The default.
   */
  CACHED,

  /**
   * Besides, the L2 tables of snapshots, for which the snapshots' L1 tables are read when the image
   * is opened. All of these together may be as long as one L1 table may be.
   */
  ALL;

  /** The kinds of cluster that are protected. */
  Set<ClusterKind> kinds() {
    Set<ClusterKind> kinds = EnumSet.noneOf(ClusterKind.class);
    if (compareTo(CONSTANT) >= 0) {
      Collections.addAll(
          kinds, HEADER, ACTIVE_L1, REFCOUNT_TABLE, SNAPSHOT_TABLE, BITMAP_DIRECTORY);
    }
    if (compareTo(CACHED) >= 0) {
      Collections.addAll(kinds, ACTIVE_L2, REFCOUNT_BLOCK, INACTIVE_L1);
    }
    if (this == ALL) {
      kinds.add(INACTIVE_L2);
    }
    return kinds;
  }
}
