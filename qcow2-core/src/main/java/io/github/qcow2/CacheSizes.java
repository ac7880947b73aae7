package io.github.qcow2;

import io.github.qcow2.format.Geometry;

/**
 * How much memory the two metadata caches get, by QEMU's formulas, so that advice written for
 * QEMU's {@code cache-size}, {@code l2-cache-size} and {@code refcount-cache-size} holds here too.
 *
 * <p>One thing differs: tables are always cached in slices of at most 4 KiB, where QEMU uses whole
 * clusters if the L2 cache covers the disk. The bytes are the same; a miss reads less.
 *
 * @param l2Slices slices of L2 tables to keep
 * @param l2CoversDisk whether these are all that map the disk
 * @param refcountSlices slices of refcount blocks to keep
 * @param sliceBytes bytes in each slice of either kind
 */
record CacheSizes(int l2Slices, boolean l2CoversDisk, int refcountSlices, int sliceBytes) {
  /** What stands for an option that was not given. */
  static final long UNSET = -1;

  private static final long DEFAULT_L2_BYTES = 32L << 20;
  private static final int DEFAULT_SLICE_BYTES = 4096;
  private static final int REFCOUNT_CLUSTERS_AT_LEAST = 4;
  private static final int L2_SLICES_AT_LEAST = 2;

  /**
   * Shares out the memory.
   *
   * @param size of the disk in bytes
   * @param total bytes for both caches, or {@link #UNSET}
   * @param l2 bytes for L2 tables, or {@link #UNSET}
   * @param refcount bytes for refcount blocks, or {@link #UNSET}
   * @param slice bytes in a slice, or {@link #UNSET}
   * @throws IllegalArgumentException if the numbers contradict each other
   */
  static CacheSizes of(
      Geometry geometry, long size, long total, long l2, long refcount, long slice) {
    int clusterSize = geometry.clusterSize();
    long sliceBytes = slice == UNSET ? Math.min(DEFAULT_SLICE_BYTES, clusterSize) : slice;
    if (sliceBytes < 512 || sliceBytes > clusterSize || Long.bitCount(sliceBytes) != 1) {
      throw new IllegalArgumentException(
          "cache entry size " + sliceBytes + " is not a power of two from 512 to the cluster size");
    }
    long l2AtMost = geometry.roundUpToCluster(geometry.clustersFor(size) * geometry.l2EntryBytes());
    long refcountAtLeast = (long) REFCOUNT_CLUSTERS_AT_LEAST * clusterSize;
    long l2Bytes = Math.min(l2AtMost, l2 == UNSET ? DEFAULT_L2_BYTES : l2);
    long refcountBytes = refcount == UNSET ? 0 : refcount;
    if (total != UNSET) {
      if (l2 != UNSET && refcount != UNSET) {
        throw new IllegalArgumentException("of three cache sizes at most two can be given");
      }
      if (l2 > total || refcount > total) {
        throw new IllegalArgumentException("one cache cannot be larger than both: " + total);
      }
      if (l2 != UNSET) {
        refcountBytes = total - l2Bytes;
      } else if (refcount != UNSET) {
        l2Bytes = total - refcount;
      } else if (total >= l2AtMost + refcountAtLeast) {
        l2Bytes = l2AtMost;
        refcountBytes = total - l2AtMost;
      } else {
        refcountBytes = Math.min(total, refcountAtLeast);
        l2Bytes = total - refcountBytes;
      }
    }
    return new CacheSizes(
        slices(Math.max(l2Bytes, L2_SLICES_AT_LEAST * sliceBytes), sliceBytes),
        l2Bytes >= l2AtMost,
        slices(Math.max(refcountBytes, refcountAtLeast), sliceBytes),
        (int) sliceBytes);
  }

  /**
   * How many slices of L2 tables may be dirty before they should be written. Where more slices are
   * wanted than there is room for, the others need half of it.
   */
  int l2MostDirty() {
    return l2CoversDisk ? l2Slices : l2Slices / 2;
  }

  /** The same of refcount blocks. */
  int refcountMostDirty() {
    return refcountSlices / 2;
  }

  private static int slices(long bytes, long sliceBytes) {
    return (int) Math.min(Integer.MAX_VALUE / 2, bytes / sliceBytes);
  }
}
