package io.github.qcow2;

import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.HostDiscards;
import io.github.qcow2.allocation.HostRanges;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.mapping.Mapping;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
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
 *     and clusters are kept  zero in place     zero in place      zero in place
 *   compressed               zero, freed       zero, freed        zero, freed
 *   version 2, no backing    unallocated, freed: version 2 has no zero flag
 *   version 2, backing       zeros are written                    unchanged
 *   in a raw data file       zeros are written there; entries stay as they are
 * </pre>
 *
 * <p>Zeroes reach as far as subclusters do (clusters, where there are none). A part of one that is
 * not allocated and reads as zeros takes the whole of it along; for any other part zeros are
 * written. What is discarded is whole clusters. The last cluster of the disk is whole if everything
 * up to the end of the disk is.
 *
 * <p>Entries of a raw data file stay, since an entry and the data beside it cannot become durable
 * in one moment: a power cut would leave a disk that differs from its raw file.
 *
 * <p>Owns no state. Holds the clusters of one L2 slice at a time, and asks only then where the disk
 * ends: what is behind its end belongs to whoever makes it grow. A disk that becomes smaller waits
 * for those who are already inside; for them, no cluster is the last. What a power cut leaves is,
 * per sector, the old bytes or zeros.
 */
final class ZeroAndDiscard {
  private final Geometry geometry;
  private final GuestMap map;
  private final MapChanges changes;
  private final ClusterLocks locks;
  private final ImageWriter writer;
  private final ImageReader reader;
  private final TrackedFile data;
  private final HostDiscards discards;
  private final boolean rawDataFile;
  private final boolean hasBacking;
  private final boolean keepsClusters;
  private final DiskSize size;

  /**
   * Changes entries through a map.
   *
   * @param data the file that holds guest data
   * @param discards passes on what is discarded of that file while its clusters are held
   * @param rawDataFile whether the data file must by itself hold what the guest reads
   * @param keepsClusters whether data clusters keep their place even where they could be freed
   */
  ZeroAndDiscard(
      GuestMap map,
      MapChanges changes,
      ClusterLocks locks,
      ImageWriter writer,
      ImageReader reader,
      TrackedFile data,
      HostDiscards discards,
      boolean rawDataFile,
      @Nullable BlockDevice backing,
      boolean keepsClusters,
      DiskSize size) {
    this.geometry = map.geometry();
    this.map = map;
    this.changes = changes;
    this.locks = locks;
    this.writer = writer;
    this.reader = reader;
    this.data = data;
    this.discards = discards;
    this.rawDataFile = rawDataFile;
    this.hasBacking = backing != null;
    this.keepsClusters = keepsClusters;
    this.size = size;
  }

  /**
   * Zeroes some bytes from {@code position} on; the caller has passed the operation gate.
   *
   * @return how many bytes now read as zeros, at least one
   */
  long zeroSome(long position, long length, ZeroMode mode) throws IOException {
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    ClusterLocks.Range held = hold(position, bytes);
    try {
      return zeroHeld(position, bytes, mode, size.reach());
    } finally {
      locks.release(held);
    }
  }

  private long zeroHeld(long position, long length, ZeroMode mode, long diskEnd)
      throws IOException {
    if (rawDataFile) {
      return zeroDataFile(position, length, mode == ZeroMode.MAY_UNMAP);
    }
    if ((geometry.version() == 2 && hasBacking) || position + length > diskEnd) {
      return writeZeroes(position, length);
    }
    long start = position & -(long) geometry.subclusterSize();
    long end = Math.min(start + geometry.subclusterSize(), diskEnd);
    if (position != start || position + length < end) {
      long part = Math.min(length, end - position);
      if (!isHole(start, end - start)) {
        return writeZeroes(position, part);
      }
      zeroWhole(start, end - start, mode, diskEnd);
      return part;
    }
    return zeroWhole(position, length, mode, diskEnd);
  }

  /** Whether bytes are not allocated here, unless as zeros, and read as zeros. */
  private boolean isHole(long position, long length) throws IOException {
    long at = position;
    while (at < position + length) {
      Extent extent = reader.extent(at, position + length - at);
      if (!extent.readsAsZeroes()) {
        return false;
      }
      at = extent.end();
    }
    return true;
  }

  /** At least one subcluster. */
  private long zeroWhole(long position, long length, ZeroMode mode, long diskEnd)
      throws IOException {
    boolean fromCluster = geometry.offsetInCluster(position) == 0;
    return fromCluster && coversCluster(position, length, diskEnd)
        ? zeroClusters(position, length, mode, diskEnd)
        : zeroSubclusters(position, length, diskEnd);
  }

  private boolean coversCluster(long position, long length, long diskEnd) {
    return length >= geometry.clusterSize() || position + length == diskEnd;
  }

  /** Whole subclusters inside one cluster. */
  private long zeroSubclusters(long position, long length, long diskEnd) throws IOException {
    long inCluster = geometry.offsetInCluster(position);
    long bytes = Math.min(length, geometry.clusterSize() - inCluster);
    if (position + bytes < diskEnd) {
      bytes &= -(long) geometry.subclusterSize();
    }
    changes.ensureTable(position);
    if (typeAt(position) == ClusterType.COMPRESSED) {
      return writeZeroes(position, bytes);
    }
    int from = geometry.subclusterIndex(position);
    int to = geometry.subclusterIndex(position + bytes - 1) + 1;
    changes.zeroSubclusters(geometry.clusterIndex(position), from, to);
    return bytes;
  }

  private long zeroClusters(long position, long length, ZeroMode mode, long diskEnd)
      throws IOException {
    long bytes = wholeClusters(position, length, diskEnd);
    int count = (int) geometry.clustersFor(bytes);
    long first = geometry.clusterIndex(position);
    changes.ensureTable(position);
    if (geometry.version() == 2) {
      changes.unmap(first, count, DropCause.REQUEST);
    } else if (mode == ZeroMode.KEEP_ALLOCATED) {
      changes.zero(first, count, true, null);
    } else {
      HostRanges unneeded = unneeded();
      changes.zero(first, count, keepsClusters, unneeded);
      passOn(unneeded);
    }
    return bytes;
  }

  /** Where to collect what can be passed on, or null if nothing is. */
  private @Nullable HostRanges unneeded() {
    boolean freesNothing = keepsClusters || map.hasDataFile();
    return freesNothing && discards.passes(DropCause.REQUEST) ? new HostRanges() : null;
  }

  /**
   * Passes on bytes whose clusters nobody gives back, which is why it has to be done now: as soon
   * as the clusters are let go, the next write may land there.
   */
  private void passOn(@Nullable HostRanges unneeded) {
    if (unneeded != null) {
      discards.pass(unneeded);
    }
  }

  /** Entries have no part in this, and whoever reads sees what the file holds. */
  private long zeroDataFile(long position, long length, boolean mayUnmap) throws IOException {
    boolean unmaps = mayUnmap && discards.passes(DropCause.REQUEST);
    data.writeZeroes(position, length, unmaps, ClusterKind.DATA);
    return length;
  }

  /**
   * Discards some bytes from {@code position} on; the caller has passed the operation gate.
   *
   * @return how many bytes were dealt with, at least one; parts of clusters stay as they are
   */
  long discardSome(long position, long length) throws IOException {
    if (geometry.version() == 2 && hasBacking) {
      return length;
    }
    long inCluster = geometry.offsetInCluster(position);
    if (inCluster != 0) {
      return Math.min(length, geometry.clusterSize() - inCluster);
    }
    long unallocated = hasBacking ? 0 : bytesWithoutTable(position, length);
    if (unallocated > 0) {
      return unallocated;
    }
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    ClusterLocks.Range held = hold(position, bytes);
    try {
      long diskEnd = size.reach();
      if (position + bytes > diskEnd || !coversCluster(position, bytes, diskEnd)) {
        return bytes;
      }
      return discardClusters(position, wholeClusters(position, bytes, diskEnd));
    } finally {
      locks.release(held);
    }
  }

  /** Whole clusters without any L2 table, in bytes; no table is made for them. */
  private long bytesWithoutTable(long position, long length) throws IOException {
    if (map.slice(position) != null) {
      return 0;
    }
    Mapping mapping = new Mapping();
    map.resolve(position, length, mapping);
    if (mapping.kind() != Mapping.Kind.UNALLOCATED || mapping.hostOffset() != Mapping.NO_OFFSET) {
      return 0;
    }
    return mapping.length() == length ? length : geometry.roundDownToCluster(mapping.length());
  }

  private long discardClusters(long position, long bytes) throws IOException {
    if (rawDataFile) {
      return zeroDataFile(position, bytes, true);
    }
    int count = (int) geometry.clustersFor(bytes);
    long first = geometry.clusterIndex(position);
    changes.ensureTable(position);
    if (geometry.version() == 2) {
      changes.unmap(first, count, DropCause.REQUEST);
    } else {
      HostRanges unneeded = unneeded();
      changes.discard(first, count, hasBacking, keepsClusters, unneeded);
      passOn(unneeded);
    }
    return bytes;
  }

  /** Bytes from {@code position} on, at most {@code length}, in whole clusters. */
  private long wholeClusters(long position, long length, long diskEnd) {
    return position + length == diskEnd ? length : geometry.roundDownToCluster(length);
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
    writer.writeHeld(zeroes, position);
    return zeroes.position();
  }

  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();
}
