package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Gives guest clusters their host clusters before anything is written to them: {@link
 * Preallocation} where a disk grows.
 *
 * <p>Owns no state. Holds the clusters of one L2 slice at a time. Host clusters are taken behind
 * the end of the file, where every byte reads as zero, and the file is made longer before an entry
 * points there: on disk, the barrier that comes before L2 entries covers that too.
 */
final class ClusterReservation {
  private final Geometry geometry;
  private final GuestMap map;
  private final MapChanges changes;
  private final ClusterLocks locks;
  private final ClusterAllocator allocator;
  private final TrackedFile file;
  private final @Nullable TrackedFile dataFile;

  ClusterReservation(
      GuestMap map,
      MapChanges changes,
      ClusterLocks locks,
      ClusterAllocator allocator,
      TrackedFile file,
      @Nullable TrackedFile dataFile) {
    this.geometry = map.geometry();
    this.map = map;
    this.changes = changes;
    this.locks = locks;
    this.allocator = allocator;
    this.file = file;
    this.dataFile = dataFile;
  }

  /**
   * Reserves clusters that nobody can write to yet, since they are behind the end of the disk; the
   * caller has passed the operation gate. In a data file, its bytes there have been dealt with.
   *
   * @param position a multiple of the cluster size
   * @return how many bytes have host clusters now, at least one
   */
  long reserveSome(long position, long length, Preallocation preallocation) throws IOException {
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    long first = geometry.clusterIndex(position);
    int clusters = (int) geometry.clustersFor(bytes);
    ClusterLocks.Range held = locks.acquire(first, first + clusters - 1);
    try {
      changes.ensureTable(position);
      int skipped = 0;
      while (skipped < clusters && isPlaced(first + skipped)) {
        skipped++;
      }
      int wanted = 0;
      while (skipped + wanted < clusters && !isPlaced(first + skipped + wanted)) {
        wanted++;
      }
      int reserved = wanted == 0 ? 0 : reserve(first + skipped, wanted, preallocation);
      return Math.min(bytes, (long) (skipped + reserved) << geometry.clusterBits());
    } finally {
      locks.release(held);
    }
  }

  private boolean isPlaced(long guestCluster) throws IOException {
    long guestOffset = guestCluster << geometry.clusterBits();
    TableSlice slice = map.slice(guestOffset);
    long entry =
        slice == null ? 0 : slice.word(map.indexInSlice(guestOffset) * geometry.l2EntryWords());
    return L2Entry.copied(entry) || L2Entry.compressed(entry) || L2Entry.offset(entry) != 0;
  }

  private int reserve(long guestCluster, int wanted, Preallocation preallocation)
      throws IOException {
    int clusterBits = geometry.clusterBits();
    if (dataFile != null) {
      changes.reserve(guestCluster, wanted, guestCluster << clusterBits);
      return wanted;
    }
    ClusterRun run = allocator.allocateBehindEnd(wanted);
    try {
      long host = run.first() << clusterBits;
      preallocation.prepare(file, host, run.count() << clusterBits);
      changes.reserve(guestCluster, (int) run.count(), host);
      return (int) run.count();
    } catch (Throwable t) {
      allocator.giveBack(run, DropCause.UNUSED);
      throw t;
    }
  }

  /**
   * Takes host clusters away again, from clusters behind the end of the disk; the caller has passed
   * the operation gate.
   *
   * @param position a multiple of the cluster size
   * @return how many bytes are unallocated now, at least one
   */
  long cancelSome(long position, long length) throws IOException {
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    long first = geometry.clusterIndex(position);
    int clusters = (int) geometry.clustersFor(bytes);
    ClusterLocks.Range held = locks.acquire(first, first + clusters - 1);
    try {
      if (map.slice(position) != null) {
        changes.unmap(first, clusters, DropCause.UNUSED);
      }
      return bytes;
    } finally {
      locks.release(held);
    }
  }
}
