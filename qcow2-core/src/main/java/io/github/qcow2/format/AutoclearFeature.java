package io.github.qcow2.format;

/**
 * Bits of {@code autoclear_features} (qcow2 spec, "Header"): a writer that does not know a set bit
 * clears it before its first change.
 */
public final class AutoclearFeature {
  /** The bitmaps extension agrees with the data. */
  public static final long BITMAPS = 1L;

  /** The external data file alone is the whole guest image. */
  public static final long RAW_DATA_FILE = 1L << 1;

  /** Every bit above. */
  public static final long KNOWN = BITMAPS | RAW_DATA_FILE;

  private AutoclearFeature() {}
}
