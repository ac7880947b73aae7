package io.github.qcow2.format;

/**
 * Bits of {@code incompatible_features} (qcow2 spec, "Header"): who does not know a set bit must
 * not open the image.
 */
public final class IncompatibleFeature {
  /** Refcounts may be stale; rebuild them before anything is allocated. */
  public static final long DIRTY = 1L;

  /** Some table may be damaged; writing is refused until a repair. */
  public static final long CORRUPT = 1L << 1;

  /** Guest data lies in an external data file. */
  public static final long DATA_FILE = 1L << 2;

  /** The compression type is not deflate. Set exactly when the field is not 0. */
  public static final long COMPRESSION_TYPE = 1L << 3;

  /** L2 entries are 16 bytes and clusters have 32 subclusters. */
  public static final long EXTENDED_L2 = 1L << 4;

  /** Every bit above. */
  public static final long KNOWN = DIRTY | CORRUPT | DATA_FILE | COMPRESSION_TYPE | EXTENDED_L2;

  private IncompatibleFeature() {}
}
