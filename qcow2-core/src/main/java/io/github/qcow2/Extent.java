package io.github.qcow2;

/**
 * A run of guest bytes that are stored in the same way.
 *
 * @param start first guest byte
 * @param length in bytes, at least one
 * @param kind how the bytes are stored
 * @param depth the layer of the backing chain that decides: 0 is the device itself, 1 its backing
 *     file, and so on. For {@link Kind#UNALLOCATED} the lowest layer that is long enough
 * @param hostOffset where in that layer's host file (its data file, if it has one) the first byte
 *     is, or {@link #NO_HOST_OFFSET} where no single place holds it
 */
public record Extent(long start, long length, Kind kind, int depth, long hostOffset) {
  /** What {@link #hostOffset()} gives for bytes without a place of their own. */
  public static final long NO_HOST_OFFSET = -1;

  /** How guest bytes are stored. */
  public enum Kind {
    /** As they are, at the host offset; or encrypted, if there is none. */
    DATA,
    /** In a compressed cluster; there is no host offset per byte. */
    COMPRESSED,
    /** Recorded as zeros. A host offset means that space is kept for them. */
    ZERO,
    /**
     * No layer of the chain holds them: they read as zeros. A host offset means that the layer has
     * space for them, in a cluster of which other subclusters are allocated.
     */
    UNALLOCATED
  }

  /** Whether the bytes are known to be zeros without reading them. */
  public boolean readsAsZeroes() {
    return kind == Kind.ZERO || kind == Kind.UNALLOCATED;
  }

  /** First guest byte after the run. */
  public long end() {
    return start + length;
  }

  /** Whether {@code next} continues this run both in the guest and on the host. */
  boolean isContinuedBy(Extent next) {
    return end() == next.start
        && kind == next.kind
        && depth == next.depth
        && (hostOffset == NO_HOST_OFFSET
            ? next.hostOffset == NO_HOST_OFFSET
            : hostOffset + length == next.hostOffset);
  }
}
