package io.github.qcow2.format;

/**
 * Bits of {@code compatible_features} (qcow2 spec, "Header"): unknown ones are kept and ignored.
 */
public final class CompatibleFeature {
  /** A writer may postpone refcount updates under {@link IncompatibleFeature#DIRTY}. */
  public static final long LAZY_REFCOUNTS = 1L;

  /** Every bit above. */
  public static final long KNOWN = LAZY_REFCOUNTS;

  private CompatibleFeature() {}
}
