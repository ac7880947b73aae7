package io.github.qcow2;

import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.mapping.Mapping;
import io.github.qcow2.metadata.TableSlice;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Makes guest ranges read as zeros, and gives back the space of ranges that no longer matter, by
 * changing L2 entries where that is possible and by writing zeros where it is not.
 *
 * <pre>
 *   cluster was              zero, keep        zero, may unmap    discard
 *   unallocated, no backing  zero              zero               unchanged
 *   unallocated, backing     zero              zero               zero
 *   data, or zero in place   zero in place     zero, freed        zero, freed
 *   compressed               zero, freed       zero, freed        zero, freed
 *   version 2, no backing    unallocated, freed: version 2 has no zero flag
 *   version 2, backing       zeros are written                    unchanged
 * </pre>
 *
 * <p>Owns no state. Holds the clusters of one L2 slice at a time; what a power cut leaves is, per
 * cluster, the old bytes or zeros.
 */
final class ZeroAndDiscard {
  private final Geometry geometry;
  private final GuestMap map;
  private final MapChanges changes;
  private final ClusterLocks locks;
  private final ImageWriter writer;
  private final ImageReader reader;
  private final boolean rawDataFile;
  private final boolean hasBacking;
  private final DiskSize size;

  /**
   * Changes entries through a map.
   *
   * @param rawDataFile whether the data file must by itself hold what the guest reads, so that
   *     zeros have to be written
   */
  ZeroAndDiscard(
      GuestMap map,
      MapChanges changes,
      ClusterLocks locks,
      ImageWriter writer,
      ImageReader reader,
      boolean rawDataFile,
      @Nullable BlockDevice backing,
      DiskSize size) {
    this.geometry = map.geometry();
    this.map = map;
    this.changes = changes;
    this.locks = locks;
    this.writer = writer;
    this.reader = reader;
    this.rawDataFile = rawDataFile;
    this.hasBacking = backing != null;
    this.size = size;
  }

  /**
   * Zeroes some bytes from {@code position} on; the caller has passed the operation gate.
   *
   * @return how many bytes now read as zeros, at least one
   */
  long zeroSome(long position, long length, ZeroMode mode) throws IOException {
    long diskEnd = size.reach();
    if (rawDataFile || (geometry.version() == 2 && hasBacking)) {
      return writeZeroes(position, length);
    }
    int subclusterSize = geometry.subclusterSize();
    long inSubcluster = position & (subclusterSize - 1);
    if (inSubcluster != 0 || (length < subclusterSize && position + length < diskEnd)) {
      return zeroPartial(position, Math.min(length, subclusterSize - inSubcluster), diskEnd);
    }
    if (geometry.offsetInCluster(position) != 0 || !coversCluster(position, length, diskEnd)) {
      return zeroSubclusters(position, length, diskEnd);
    }
    return zeroClusters(position, length, mode, diskEnd);
  }

  private boolean coversCluster(long position, long length, long diskEnd) {
    return length >= geometry.clusterSize() || position + length == diskEnd;
  }

  /** A part of a subcluster: the flag will do if the whole of it reads as zeros already. */
  private long zeroPartial(long position, long length, long diskEnd) throws IOException {
    long start = position & -(long) geometry.subclusterSize();
    long whole = Math.min(geometry.subclusterSize(), diskEnd - start);
    ClusterLocks.Range held = hold(start, whole);
    try {
      Extent extent = reader.extent(start, whole);
      if (extent.readsAsZeroes() && extent.length() == whole) {
        return length;
      }
    } finally {
      locks.release(held);
    }
    return writeZeroes(position, length);
  }

  /** Whole subclusters inside one cluster. */
  private long zeroSubclusters(long position, long length, long diskEnd) throws IOException {
    long inCluster = geometry.offsetInCluster(position);
    long bytes = Math.min(length, geometry.clusterSize() - inCluster);
    if (position + bytes < diskEnd) {
      bytes &= -(long) geometry.subclusterSize();
    }
    ClusterLocks.Range held = hold(position, bytes);
    try {
      changes.ensureTable(position);
      if (typeAt(position) != ClusterType.COMPRESSED) {
        int from = geometry.subclusterIndex(position);
        int to = geometry.subclusterIndex(position + bytes - 1) + 1;
        changes.zeroSubclusters(geometry.clusterIndex(position), from, to);
        return bytes;
      }
    } finally {
      locks.release(held);
    }
    return writeZeroes(position, bytes);
  }

  private long zeroClusters(long position, long length, ZeroMode mode, long diskEnd)
      throws IOException {
    long bytes = wholeClusters(position, length, diskEnd);
    int count = (int) geometry.clustersFor(bytes);
    ClusterLocks.Range held = hold(position, bytes);
    try {
      changes.ensureTable(position);
      long first = geometry.clusterIndex(position);
      if (geometry.version() == 2) {
        changes.unmap(first, count);
      } else {
        changes.zero(first, count, mode == ZeroMode.KEEP_ALLOCATED);
      }
      return bytes;
    } finally {
      locks.release(held);
    }
  }

  /**
   * Discards some bytes from {@code position} on; the caller has passed the operation gate.
   *
   * @return how many bytes were dealt with, at least one; parts of clusters stay as they are
   */
  long discardSome(long position, long length) throws IOException {
    long diskEnd = size.reach();
    long inCluster = geometry.offsetInCluster(position);
    if (inCluster != 0) {
      return Math.min(length, geometry.clusterSize() - inCluster);
    }
    if (!coversCluster(position, length, diskEnd) || (geometry.version() == 2 && hasBacking)) {
      return length;
    }
    if (rawDataFile) {
      return writeZeroes(position, wholeClusters(position, length, diskEnd));
    }
    long bytes = wholeClusters(position, length, diskEnd);
    ClusterLocks.Range held = hold(position, bytes);
    try {
      Mapping mapping = new Mapping();
      map.resolve(position, bytes, mapping);
      if (!hasBacking && mapping.kind() == Mapping.Kind.UNALLOCATED && !isPlaced(mapping)) {
        return wholeClustersAtLeastOne(mapping.length(), bytes);
      }
      long stored = wholeClustersAtLeastOne(mapping.length(), bytes);
      int count = (int) geometry.clustersFor(stored);
      changes.ensureTable(position);
      long first = geometry.clusterIndex(position);
      if (geometry.version() == 2) {
        changes.unmap(first, count);
      } else {
        changes.zero(first, count, false);
      }
      return stored;
    } finally {
      locks.release(held);
    }
  }

  private static boolean isPlaced(Mapping mapping) {
    return mapping.hostOffset() != Mapping.NO_OFFSET;
  }

  /** A run of subclusters may end inside a cluster; what is discarded is clusters. */
  private long wholeClustersAtLeastOne(long length, long bytes) {
    return Math.min(bytes, Math.max(geometry.clusterSize(), geometry.roundDownToCluster(length)));
  }

  /** Bytes from {@code position} on, at most {@code length}, in whole clusters of one slice. */
  private long wholeClusters(long position, long length, long diskEnd) {
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    return position + bytes == diskEnd ? bytes : geometry.roundDownToCluster(bytes);
  }

  private ClusterLocks.Range hold(long position, long length) {
    return locks.acquire(
        geometry.clusterIndex(position), geometry.clusterIndex(position + length - 1));
  }

  private ClusterType typeAt(long position) throws IOException {
    TableSlice slice = map.slice(position);
    if (slice == null) {
      return ClusterType.UNALLOCATED;
    }
    long entry = slice.word(map.indexInSlice(position) * geometry.l2EntryWords());
    return L2Entry.type(entry, geometry, map.hasDataFile());
  }

  private long writeZeroes(long position, long length) throws IOException {
    int bytes = (int) Math.min(length, ZEROES.capacity());
    ByteBuffer zeroes = ZEROES.duplicate().limit(bytes);
    writer.writeSome(zeroes, position);
    return zeroes.position();
  }

  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();
}
