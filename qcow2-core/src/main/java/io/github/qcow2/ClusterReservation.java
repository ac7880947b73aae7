package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Gives guest clusters their host clusters before anything is written to them: {@link
 * Preallocation} where a disk grows.
 *
 * <p>Owns no state. Where only tables are wanted, and there is none yet, whole ones are written at
 * once; else the clusters of one L2 slice are held and changed at a time. Host clusters are taken
 * behind the end of the file, where every byte reads as zero, and the file is made longer before an
 * entry points there: on disk, the barrier that comes before L2 entries covers that too.
 */
final class ClusterReservation {
  /** Tables that are made at once: enough for large transfers. */
  private static final long TABLE_BYTES = 64 << 20;

  private static final int WORDS_PER_TRANSFER = (1 << 20) / Long.BYTES;
  private static final long CLUSTERS_GIVEN_BACK = 256;

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
    if (preallocation == Preallocation.METADATA && isStartOfTable(position)) {
      long most = Math.min(geometry.l1EntriesFor(length), TABLE_BYTES >> geometry.clusterBits());
      int tables = changes.missingTables(position, (int) most);
      if (tables > 0) {
        long bytes = Math.min(length, tables * geometry.bytesPerL2Table());
        reserveTables(position, tables, geometry.clustersFor(bytes));
        return bytes;
      }
    }
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

  private boolean isStartOfTable(long position) {
    return (position & (geometry.bytesPerL2Table() - 1)) == 0;
  }

  /**
   * Makes whole tables in a row, past the cache, and the clusters that they point to. No clusters
   * are held: nobody else has anything to do behind the end of the disk.
   */
  private void reserveTables(long position, int tables, long clusters) throws IOException {
    int clusterBits = geometry.clusterBits();
    ClusterRun run = allocator.allocateManyBehindEnd(tables + (dataFile == null ? clusters : 0));
    boolean linked = false;
    try {
      long offset = run.first() << clusterBits;
      long data = dataFile == null ? offset + ((long) tables << clusterBits) : position;
      file.extend((run.first() + run.count()) << clusterBits);
      writeTables(offset, (long) tables << clusterBits, data, clusters);
      changes.linkTables(position, tables, offset);
      linked = true;
    } finally {
      if (!linked) {
        giveBack(run);
      }
    }
  }

  private void writeTables(long offset, long length, long data, long clusters) throws IOException {
    int perEntry = geometry.l2EntryWords();
    long count = length / Long.BYTES;
    for (long at = 0; at < count; at += WORDS_PER_TRANSFER) {
      long[] words = new long[(int) Math.min(WORDS_PER_TRANSFER, count - at)];
      for (int i = 0; i < words.length; i += perEntry) {
        long cluster = (at + i) / perEntry;
        if (cluster < clusters) {
          words[i] = L2Entry.normal(data + (cluster << geometry.clusterBits()), true);
        }
      }
      file.writeWords(words, offset + at * Long.BYTES, ClusterKind.DATA);
    }
  }

  /** In pieces, so that no more counts change at once than caches hold. */
  private void giveBack(ClusterRun run) {
    long end = run.first() + run.count();
    for (long at = run.first(); at < end; at += CLUSTERS_GIVEN_BACK) {
      long count = Math.min(CLUSTERS_GIVEN_BACK, end - at);
      allocator.owe(new ClusterRun(at, count), DropCause.UNUSED);
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
      // Where there are none the table may still be a snapshot's.
      if (map.hasEntries(position, (long) clusters << geometry.clusterBits())) {
        changes.unmap(first, clusters, DropCause.UNUSED);
      }
      return bytes;
    } finally {
      locks.release(held);
    }
  }
}
