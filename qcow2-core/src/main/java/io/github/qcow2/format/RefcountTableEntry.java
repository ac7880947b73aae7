package io.github.qcow2.format;

/** An entry of the refcount table (qcow2 spec, "Host cluster management"). */
public final class RefcountTableEntry {
  /** Bits 9 to 63; the others are reserved. */
  private static final long OFFSET = -1L << 9;

  private RefcountTableEntry() {}

  /** Host offset of the refcount block in bytes, or 0 if all its counts are 0. */
  public static long offset(long entry) {
    return entry & OFFSET;
  }

  /** The bits that must be 0. */
  public static long reserved(long entry) {
    return entry & ~OFFSET;
  }
}
