package io.github.qcow2.format;

import org.jspecify.annotations.Nullable;

/**
 * One word of a bitmap table (qcow2 spec, "Bitmap table"): where one cluster of a bitmap's bits
 * lies, or what they all are.
 */
public final class BitmapTableEntry {
  /** Bits 9 to 55: the host offset of the cluster. */
  public static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;

  /** Set, without an offset, when every bit is 1; without either, every bit is 0. */
  public static final long ALL_ONES = 1L;

  /** Bits 1 to 8 and 56 to 63: always zero. */
  public static final long RESERVED = 0xff00_0000_0000_01feL;

  private BitmapTableEntry() {}

  /** The host offset of the cluster, or 0 if there is none. */
  public static long offset(long entry) {
    return entry & OFFSET_MASK;
  }

  /** The rule that the entry breaks, or null if there is none. Allocates nothing. */
  public static @Nullable String brokenRule(long entry, Geometry geometry) {
    if ((entry & RESERVED) != 0) {
      return "reserved bits set in a bitmap table entry";
    }
    if (!geometry.isClusterAligned(offset(entry))) {
      return "host offset of bitmap data is not cluster aligned";
    }
    if (offset(entry) != 0 && (entry & ALL_ONES) != 0) {
      return "bitmap table entry with an offset and the all-ones flag";
    }
    return null;
  }
}
