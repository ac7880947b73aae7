package io.github.qcow2;

import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.SubclusterBitmap;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.metadata.TableSlice;

/**
 * What a write finds in the L2 entries of the clusters it has locked: which of them keep their host
 * cluster, and how far copy-on-write reaches.
 *
 * <p>The entries cannot change, since the clusters are held in {@link
 * io.github.qcow2.mapping.ClusterLocks}. Clusters are counted from the first one written.
 *
 * <pre>
 *   without subclusters           │·····████│█████████│███······│   · copied, █ written
 *   with, into an empty cluster   │    ·████│█████████│███·     │   only to the subcluster's border
 * </pre>
 */
final class EntryReader {
  private final Geometry geometry;
  private final TableSlice slice;
  private final int firstEntry;
  private final boolean dataFile;

  /**
   * Reads the entries from that of {@code position} on.
   *
   * @param slice where those are marked that nobody else refers to
   */
  EntryReader(GuestMap map, TableSlice slice, long position) {
    this.geometry = map.geometry();
    this.dataFile = map.hasDataFile();
    this.slice = slice;
    this.firstEntry = map.indexInSlice(position);
  }

  /** The first word of an entry. */
  long entry(int cluster) {
    return slice.word((firstEntry + cluster) * geometry.l2EntryWords());
  }

  private long bitmap(int cluster) {
    return geometry.extendedL2() ? slice.word(2 * (firstEntry + cluster) + 1) : 0;
  }

  /** How many clusters from the first on have host clusters of their own, in a row. */
  int clustersKept(int wanted) {
    long expected = L2Entry.offset(entry(0));
    int count = 0;
    while (count < wanted && isKept(count) && L2Entry.offset(entry(count)) == expected) {
      expected += geometry.clusterSize();
      count++;
    }
    return count;
  }

  /** How many clusters from the first on need new host clusters. */
  int clustersToReplace(int wanted) {
    int count = 1;
    while (count < wanted && !isKept(count)) {
      count++;
    }
    return count;
  }

  private boolean isKept(int cluster) {
    long entry = entry(cluster);
    return !L2Entry.compressed(entry)
        && L2Entry.copied(entry)
        && slice.isVerified(firstEntry + cluster)
        && L2Entry.offset(entry) != 0;
  }

  /**
   * Where in the cluster the bytes begin that the host cluster must receive.
   *
   * @param from first byte written, relative to the cluster
   * @param kept whether the cluster keeps its host cluster
   */
  long copyFrom(int cluster, long from, boolean kept) {
    long entry = entry(cluster);
    long bitmap = bitmap(cluster);
    if (holdsData(entry, kept)) {
      return from;
    }
    if (copiesAll(entry, kept)) {
      return 0;
    }
    int subcluster = (int) (from >>> geometry.subclusterBits());
    if (kept && SubclusterBitmap.isAllocated(bitmap, subcluster)) {
      return from;
    }
    long start = (long) subcluster << geometry.subclusterBits();
    long allocated = bitmap & SubclusterBitmap.ALL_ALLOCATED;
    if (!kept && allocated != 0) {
      long first = Long.numberOfTrailingZeros(allocated);
      return Math.min(start, first << geometry.subclusterBits());
    }
    return start;
  }

  /**
   * Where in the cluster the bytes end that the host cluster must receive.
   *
   * @param to after the last byte written, relative to the cluster
   * @param kept whether the cluster keeps its host cluster
   */
  long copyTo(int cluster, long to, boolean kept) {
    long entry = entry(cluster);
    long bitmap = bitmap(cluster);
    if (holdsData(entry, kept)) {
      return to;
    }
    if (copiesAll(entry, kept)) {
      return geometry.clusterSize();
    }
    int subcluster = (int) ((to - 1) >>> geometry.subclusterBits());
    if (kept && SubclusterBitmap.isAllocated(bitmap, subcluster)) {
      return to;
    }
    long end = (subcluster + 1L) << geometry.subclusterBits();
    long allocated = bitmap & SubclusterBitmap.ALL_ALLOCATED;
    if (!kept && allocated != 0) {
      long last = (long) Long.SIZE - Long.numberOfLeadingZeros(allocated);
      return Math.max(end, last << geometry.subclusterBits());
    }
    return end;
  }

  /**
   * Whether the host cluster already holds what the guest sees. Then nothing may be copied: others
   * write there in place without holding the cluster.
   */
  private boolean holdsData(long entry, boolean kept) {
    return kept
        && !geometry.extendedL2()
        && L2Entry.type(entry, geometry, dataFile) == ClusterType.NORMAL;
  }

  private boolean copiesAll(long entry, boolean kept) {
    return !geometry.extendedL2() || (L2Entry.compressed(entry) && !kept);
  }
}
