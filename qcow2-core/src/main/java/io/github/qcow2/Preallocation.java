package io.github.qcow2;

import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;

/**
 * What a disk is given in advance when it is created, or where it grows. However much that is, the
 * new bytes read as zeros, or show the backing file where the disk is created with one.
 */
public enum Preallocation {
  /** Nothing: host clusters are found when something is written. */
  OFF,

  /**
   * Every cluster has its place in the host file, and every table that says so is there. The file
   * is as long as it will ever be but for tables and snapshots to come, and has no data yet. A raw
   * image has no such tables.
   */
  METADATA,

  /**
   * As {@link #METADATA}, and the host has set the space aside, so that writing does not fail for
   * want of it. A host that cannot do so is made to by writing zeros.
   */
  FALLOC,

  /** As {@link #METADATA}, and zeros have been written to every cluster. */
  FULL;

  /**
   * Prepares bytes of a host file that nobody else uses, and that no mapping leads to yet. The file
   * reaches to their end afterwards; those behind its present end read as zeros, all others keep
   * what they hold unless zeros are written.
   */
  void prepare(TrackedFile file, long position, long length) throws IOException {
    if (length == 0) {
      return;
    }
    switch (this) {
      case OFF, METADATA -> file.extend(position + length);
      case FALLOC -> file.allocate(position, length);
      // As bytes: what the host has only noted down as zeros is written again by the first write.
      case FULL -> file.writeZeroBytes(position, length, ClusterKind.DATA);
    }
  }
}
