package io.github.qcow2.format;

import org.jspecify.annotations.Nullable;

/**
 * The second word of an extended L2 entry (qcow2 spec, "Extended L2 entries"): bit {@code i} says
 * that subcluster {@code i} is allocated, bit {@code 32 + i} that it reads as zeros. With neither,
 * it reads from the backing file. Ranges are {@code [from, to)} with {@code 0 <= from <= to <= 32}.
 */
public final class SubclusterBitmap {
  /** Subclusters in a cluster. */
  public static final int SUBCLUSTERS = 32;

  /** Every subcluster holds data: 0x00000000FFFFFFFF. */
  public static final long ALL_ALLOCATED = 0x0000_0000_ffff_ffffL;

  /** Every subcluster reads as zeros: 0xFFFFFFFF00000000. */
  public static final long ALL_ZERO = 0xffff_ffff_0000_0000L;

  private SubclusterBitmap() {}

  /** The allocation bits of the subclusters in a range. */
  public static long allocated(int from, int to) {
    return (1L << to) - (1L << from);
  }

  /** The zero bits of the subclusters in a range. */
  public static long zero(int from, int to) {
    return allocated(from, to) << SUBCLUSTERS;
  }

  /** Whether subcluster {@code i} holds data in the host cluster. */
  public static boolean isAllocated(long bitmap, int i) {
    return ((bitmap >>> i) & 1) != 0;
  }

  /** Whether subcluster {@code i} reads as zeros. */
  public static boolean isZero(long bitmap, int i) {
    return ((bitmap >>> (SUBCLUSTERS + i)) & 1) != 0;
  }

  /** The bitmap after data was written to every subcluster in a range. */
  public static long withAllocated(long bitmap, int from, int to) {
    return (bitmap | allocated(from, to)) & ~zero(from, to);
  }

  /** The bitmap after every subcluster in a range was made to read as zeros. */
  public static long withZero(long bitmap, int from, int to) {
    return (bitmap | zero(from, to)) & ~allocated(from, to);
  }

  /**
   * What the entry says about subcluster {@code i}. {@link ClusterType#UNALLOCATED} is the answer
   * with and without a host cluster; the entry's offset tells these apart.
   *
   * @param cluster the answer of {@link L2Entry#type} for the first word
   * @param bitmap the second word, which {@link #brokenRule} accepts
   * @param i the subcluster, 0 to 31
   */
  public static ClusterType type(ClusterType cluster, long bitmap, int i) {
    if (cluster == ClusterType.COMPRESSED) {
      return ClusterType.COMPRESSED;
    }
    boolean hasHostCluster = cluster == ClusterType.NORMAL;
    if (isZero(bitmap, i)) {
      return hasHostCluster ? ClusterType.ZERO_ALLOCATED : ClusterType.ZERO_PLAIN;
    }
    return hasHostCluster && isAllocated(bitmap, i) ? ClusterType.NORMAL : ClusterType.UNALLOCATED;
  }

  /**
   * How many subclusters from {@code from} on, and below {@code to}, have the same two bits as
   * subcluster {@code from}; at least 1.
   *
   * @throws IllegalArgumentException unless {@code 0 <= from < to <= 32}
   */
  public static int runLength(long bitmap, int from, int to) {
    if (from < 0 || from >= to || to > SUBCLUSTERS) {
      throw new IllegalArgumentException("subclusters " + from + " to " + to);
    }
    long sameAllocated = isAllocated(bitmap, from) ? bitmap : ~bitmap;
    long sameZero = (isZero(bitmap, from) ? bitmap : ~bitmap) >>> SUBCLUSTERS;
    long same = (sameAllocated & sameZero & ALL_ALLOCATED) >>> from;
    return Math.min(Long.numberOfTrailingZeros(~same), to - from);
  }

  /**
   * The rule that the bitmap of an entry that is not compressed breaks, or null if there is none.
   * Allocates nothing.
   *
   * @param bitmap the second word
   * @param hasHostCluster whether the first word has a host offset
   */
  public static @Nullable String brokenRule(long bitmap, boolean hasHostCluster) {
    long allocated = bitmap & ALL_ALLOCATED;
    if ((allocated & (bitmap >>> SUBCLUSTERS)) != 0) {
      return "subcluster both allocated and zero";
    }
    if (allocated != 0 && !hasHostCluster) {
      return "subcluster allocated without a host cluster";
    }
    return null;
  }
}
