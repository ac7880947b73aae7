package io.github.qcow2.format;

/**
 * One word of an L1 table (qcow2 spec, "Cluster mapping"): where an L2 table lies, and whether it
 * may be written in place.
 *
 * <p>An offset of 0 means that no guest cluster of the range has a mapping.
 */
public final class L1Entry {
  /** Set when the refcount of the L2 table is exactly 1; reliable in the active L1 table only. */
  public static final long COPIED = 1L << 63;

  /** Bits 9 to 55: the host offset of the L2 table. */
  public static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;

  /** Bits 0 to 8 and 56 to 62: always zero. */
  public static final long RESERVED = 0x7f00_0000_0000_01ffL;

  private L1Entry() {}

  /** The host offset of the L2 table, or 0 if there is none. */
  public static long offset(long entry) {
    return entry & OFFSET_MASK;
  }

  /** Whether the entry claims that the L2 table has a refcount of exactly 1. */
  public static boolean copied(long entry) {
    return entry < 0;
  }

  /**
   * Makes an entry.
   *
   * @param offset the host offset of the L2 table, a multiple of 512 below 2^56
   * @param copied whether the refcount of the table is exactly 1
   * @throws IllegalArgumentException if an entry cannot hold the offset
   */
  public static long of(long offset, boolean copied) {
    if ((offset & ~OFFSET_MASK) != 0) {
      throw new IllegalArgumentException("no table entry holds offset " + offset);
    }
    return copied ? offset | COPIED : offset;
  }
}
