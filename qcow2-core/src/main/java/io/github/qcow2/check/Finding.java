package io.github.qcow2.check;

/**
 * One thing that a check found wrong.
 *
 * @param kind what it is
 * @param hostOffset the byte offset in the image file that it is about: of the cluster whose
 *     reference count is wrong, of the table entry at fault, or of what it points to
 * @param times how often it counts: an entry of a table that several snapshots share is at fault
 *     once for each of them
 * @param message one line in the words of {@code qemu-img check}, where that has words for it; free
 *     of control characters
 */
public record Finding(Kind kind, long hostOffset, long times, String message) {

  /** What a finding means for the image. */
  public enum Severity {
    /** Data may be lost or overwritten. */
    CORRUPTION,
    /** Space is wasted, nothing else. */
    LEAK,
    /** The check could not look at something, so its verdict is incomplete. */
    CHECK_ERROR
  }

  /** Kinds of finding. */
  public enum Kind {
    /** A cluster's stored reference count is higher than the number of references. */
    LEAKED_CLUSTER(Severity.LEAK),
    /** A cluster's stored reference count is lower than the number of references. */
    REFCOUNT_TOO_LOW(Severity.CORRUPTION),
    /** More references to a cluster than a count of the image's width can hold. */
    REFCOUNT_OVERFLOW(Severity.CORRUPTION),
    /** A stored reference count cannot be read. */
    REFCOUNT_UNREADABLE(Severity.CHECK_ERROR),
    /** An entry of the refcount table cannot be followed. */
    REFCOUNT_TABLE_ENTRY(Severity.CORRUPTION),
    /** A refcount block is used for something else as well. */
    REFCOUNT_BLOCK_SHARED(Severity.CORRUPTION),
    /** A COPIED flag disagrees with the stored reference count. */
    COPIED_FLAG(Severity.CORRUPTION),
    /** Bits are set that the format reserves. */
    RESERVED_BITS(Severity.CORRUPTION),
    /** An offset is not a multiple of the cluster size. */
    UNALIGNED_OFFSET(Severity.CORRUPTION),
    /** A reference reaches a cluster or more beyond the end of the file. */
    BEYOND_END_OF_FILE(Severity.CORRUPTION),
    /** A subcluster bitmap breaks a rule of the format. */
    SUBCLUSTER_BITMAP(Severity.CORRUPTION),
    /** An L2 entry that a read refuses to follow for another reason. */
    UNREADABLE_ENTRY(Severity.CORRUPTION),
    /** A cluster of a table is in use for something else too, and its count covers that up. */
    OVERLAP(Severity.CORRUPTION),
    /** An entry of the snapshot table, or its presence, breaks a rule of the format. */
    SNAPSHOT_TABLE(Severity.CORRUPTION),
    /** The bitmap directory or the table of a bitmap breaks a rule of the format. */
    BITMAP(Severity.CORRUPTION),
    /** A table that names clusters cannot be read, so leaks cannot be told from its clusters. */
    TABLE_UNREADABLE(Severity.CHECK_ERROR);

    private final Severity severity;

    Kind(Severity severity) {
      this.severity = severity;
    }

    /** What it means for the image. */
    public Severity severity() {
      return severity;
    }

    /** Whether all is well again once counts, and the flags that repeat them, are made anew. */
    boolean isMendedByCounting() {
      return this == LEAKED_CLUSTER || this == REFCOUNT_TOO_LOW || this == COPIED_FLAG;
    }
  }
}
