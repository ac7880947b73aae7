package io.github.qcow2.mapping;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.HostRanges;
import io.github.qcow2.allocation.Quarantine;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.SubclusterBitmap;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Publishes new L2 entries.
 *
 * <p>Owns the lock under which L2 tables are made; entries change under the lock of the L2 store.
 * Whoever calls holds the clusters concerned in {@link ClusterLocks}, so their entries change under
 * nobody else's hands. A change covers entries of one slice: all of them or none.
 *
 * <p>An entry is published after the guest data that it points to has been written, and into a
 * table that is in the file in full. On disk, {@link FlushEpochs} keeps that order. What an entry
 * pointed to before goes to the {@link Quarantine} under the number of the epoch that the change is
 * in.
 */
public final class MapChanges {
  private final GuestMap map;
  private final Exclusiveness exclusiveness;
  private final Geometry geometry;
  private final TopTable l1;
  private final SliceStore l2;
  private final TrackedFile file;
  private final ClusterAllocator allocator;
  private final Quarantine quarantine;
  private final FlushEpochs epochs;
  private final BufferPool buffers;

  /** Taken before any lock below, and never by a thread that already holds one. */
  private final ReentrantLock tableLock = new ReentrantLock();

  /** What becomes of an entry. */
  @FunctionalInterface
  private interface Change {
    /** Changes the entry in {@code word} and notes what it dropped; cannot fail. */
    void apply(TableSlice slice, int word, long guestCluster, long epoch);
  }

  /** Puts changes on top of a map of the active L1 table. */
  public MapChanges(
      GuestMap map,
      Exclusiveness exclusiveness,
      TrackedFile file,
      ClusterAllocator allocator,
      Quarantine quarantine,
      FlushEpochs epochs,
      BufferPool buffers) {
    this.map = map;
    this.exclusiveness = exclusiveness;
    this.geometry = map.geometry();
    this.l1 = map.l1();
    this.l2 = map.l2();
    this.file = file;
    this.allocator = allocator;
    this.quarantine = quarantine;
    this.epochs = epochs;
    this.buffers = buffers;
  }

  /**
   * Makes sure that an L2 table of our own maps a guest offset: a new one where there is none, a
   * copy where a snapshot shares it (I6). Comes before every other change, and so makes sure that
   * the file says so where counts on disk are about to become stale.
   *
   * <p>On failure nothing has changed. On success the table is in the file; its L1 entry becomes
   * durable with the current epoch.
   */
  public void ensureTable(long guestOffset) throws IOException {
    epochs.beforeChange();
    int index = (int) geometry.l1Index(guestOffset);
    if (exclusiveness.isTableOurs(index)) {
      return;
    }
    tableLock.lock();
    try {
      if (exclusiveness.isTableOurs(index)) {
        return;
      }
      long old = l1.get(index);
      l1.checkWritable(index);
      ClusterRun cluster = allocator.allocate(1);
      long offset = cluster.first() << geometry.clusterBits();
      try {
        if (L1Entry.offset(old) == 0) {
          allocator.zeroCluster(offset);
        } else {
          copyTable(guestOffset, L1Entry.offset(old), offset);
        }
        linkTable(index, old, offset);
      } catch (Throwable t) {
        allocator.giveBack(cluster, DropCause.UNUSED);
        throw t;
      }
    } finally {
      tableLock.unlock();
    }
  }

  /** How many L2 tables in a row are missing, from the one that would map a guest offset on. */
  public int missingTables(long guestOffset, int most) {
    int first = (int) geometry.l1Index(guestOffset);
    int count = 0;
    while (count < most && first + count < l1.length() && l1.get(first + count) == 0) {
      count++;
    }
    return count;
  }

  /**
   * Links new L2 tables in a row where there were none. They are in the file in full, and what they
   * point to is as they say; nobody else can map the same guest clusters meanwhile.
   *
   * @param guestOffset that the first table maps
   * @param offset of the first table, the others follow it
   */
  public void linkTables(long guestOffset, int count, long offset) throws IOException {
    epochs.beforeChange();
    int first = (int) geometry.l1Index(guestOffset);
    l2.lock().lock();
    try {
      for (int i = 0; i < count; i++) {
        l1.checkWritable(first + i);
      }
      for (int i = 0; i < count; i++) {
        l1.set(first + i, L1Entry.of(offset + ((long) i << geometry.clusterBits()), true));
        l1.setVerified(first + i);
      }
    } finally {
      l2.lock().unlock();
    }
  }

  private void linkTable(int index, long old, long offset) {
    l2.lock().lock();
    try {
      l1.set(index, L1Entry.of(offset, true));
      l1.setVerified(index);
      if (L1Entry.offset(old) != 0) {
        long dropped = L1Entry.offset(old) >>> geometry.clusterBits();
        quarantine.add(epochs.filling(), Quarantine.Kind.TABLE, DropCause.OTHER, dropped, 1);
      }
    } finally {
      l2.lock().unlock();
    }
  }

  /** A shared table is never changed, so its bytes in the file are all there is to it. */
  private void copyTable(long guestOffset, long from, long to) throws IOException {
    map.checkTable(guestOffset, from);
    ByteBuffer table = buffers.take(geometry.clusterSize());
    try {
      file.read(table, from);
      file.write(table.flip(), to, ClusterKind.DATA);
    } finally {
      buffers.give(table);
    }
  }

  /**
   * Points clusters to where their data has been written.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   * @param hostOffset of the first, the others follow it; nobody else refers to them
   * @param from first guest byte written
   * @param to after the last guest byte written; with subclusters, those in between have their
   *     bytes in the host clusters now, and so has every one that was allocated before
   */
  public void link(long guestCluster, int count, long hostOffset, long from, long to)
      throws IOException {
    change(
        guestCluster,
        count,
        (slice, word, cluster, epoch) -> {
          long host = hostOffset + ((cluster - guestCluster) << geometry.clusterBits());
          long old = slice.word(word);
          if (geometry.extendedL2()) {
            slice.setPair(
                word,
                L2Entry.normal(host, true),
                bitmapAfterWrite(old, slice.word(word + 1), cluster, from, to));
          } else {
            slice.setWord(word, L2Entry.normal(host, true));
          }
          slice.setVerified(word / geometry.l2EntryWords());
          if (L2Entry.compressed(old) || L2Entry.offset(old) != host) {
            drop(old, epoch, DropCause.REPLACED);
          }
        });
  }

  /**
   * Gives clusters that have none a place, without a change in what they read as.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice, none of which has a host cluster
   * @param hostOffset of the first, the others follow it; nobody else refers to them, and they read
   *     as zeros, as do those guest clusters that no table says anything about
   */
  public void reserve(long guestCluster, int count, long hostOffset) throws IOException {
    change(
        guestCluster,
        count,
        (slice, word, cluster, epoch) -> {
          long host = hostOffset + ((cluster - guestCluster) << geometry.clusterBits());
          if (geometry.extendedL2()) {
            slice.setPair(word, L2Entry.normal(host, true), slice.word(word + 1));
          } else {
            slice.setWord(word, L2Entry.normal(host, true) | (slice.word(word) & L2Entry.ZERO));
          }
          slice.setVerified(word / geometry.l2EntryWords());
        });
  }

  /**
   * Points one cluster to compressed data that has been written.
   *
   * @param descriptor the new L2 entry
   */
  public void linkCompressed(long guestCluster, long descriptor) throws IOException {
    change(
        guestCluster,
        1,
        (slice, word, cluster, epoch) -> {
          long old = slice.word(word);
          if (geometry.extendedL2()) {
            slice.setPair(word, descriptor, 0);
          } else {
            slice.setWord(word, descriptor);
          }
          drop(old, epoch, DropCause.REPLACED);
        });
  }

  private long bitmapAfterWrite(long old, long oldBitmap, long cluster, long from, long to) {
    if (L2Entry.compressed(old)) {
      return SubclusterBitmap.ALL_ALLOCATED;
    }
    long start = cluster << geometry.clusterBits();
    long first = Math.max(from - start, 0) >>> geometry.subclusterBits();
    long last = (Math.min(to - start, geometry.clusterSize()) - 1) >>> geometry.subclusterBits();
    return SubclusterBitmap.withAllocated(oldBitmap, (int) first, (int) last + 1);
  }

  /**
   * Makes whole clusters read as zeros, for version 3.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   * @param keep whether data clusters stay where they are; compressed ones never do
   * @param unneeded collects where bytes lie that no longer matter, though nobody gives their
   *     clusters back; null if that is of no interest
   */
  public void zero(long guestCluster, int count, boolean keep, @Nullable HostRanges unneeded)
      throws IOException {
    verifyKept(guestCluster, count, keep, unneeded);
    change(
        guestCluster,
        count,
        (slice, word, cluster, epoch) -> zero(slice, word, keep, epoch, unneeded));
  }

  /**
   * Makes whole clusters that are allocated read as zeros, for version 3.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   * @param hide whether to do so with unallocated clusters too, which may show a backing file
   * @param keep as for {@link #zero}
   * @param unneeded as for {@link #zero}
   */
  public void discard(
      long guestCluster, int count, boolean hide, boolean keep, @Nullable HostRanges unneeded)
      throws IOException {
    verifyKept(guestCluster, count, keep, unneeded);
    change(
        guestCluster,
        count,
        (slice, word, cluster, epoch) -> {
          ClusterType type = L2Entry.type(slice.word(word), geometry, map.hasDataFile());
          if (hide || type != ClusterType.UNALLOCATED) {
            zero(slice, word, keep, epoch, unneeded);
          }
        });
  }

  /** Bytes that a snapshot holds too are needed. */
  private void verifyKept(long guestCluster, int count, boolean keep, @Nullable HostRanges unneeded)
      throws IOException {
    if (keep && unneeded != null) {
      exclusiveness.verify(guestCluster, count);
    }
  }

  private void zero(
      TableSlice slice, int word, boolean keep, long epoch, @Nullable HostRanges unneeded) {
    long old = slice.word(word);
    boolean stays = keep && !L2Entry.compressed(old);
    long host = stays ? L2Entry.offset(old) : 0;
    boolean copied = stays && L2Entry.copied(old);
    if (unneeded != null
        && isPlaced(old)
        && (map.hasDataFile() || (stays && isOurs(slice, word)))) {
      unneeded.add(L2Entry.offset(old), geometry.clusterSize());
    }
    if (geometry.extendedL2()) {
      slice.setPair(word, L2Entry.normal(host, copied), SubclusterBitmap.ALL_ZERO);
    } else {
      slice.setWord(word, L2Entry.zeroAllocated(host, copied));
    }
    if (!stays) {
      drop(old, epoch, DropCause.REQUEST);
    }
  }

  /** Whether the host cluster of an entry that has one is used by nobody else, a snapshot say. */
  private boolean isOurs(TableSlice slice, int word) {
    return L2Entry.copied(slice.word(word)) && slice.isVerified(word / geometry.l2EntryWords());
  }

  /** Whether an entry has a place for the bytes of its cluster. */
  private boolean isPlaced(long entry) {
    return !L2Entry.compressed(entry)
        && (L2Entry.offset(entry) != 0 || (map.hasDataFile() && L2Entry.copied(entry)));
  }

  /**
   * Makes some subclusters of one cluster, which is not compressed, read as zeros.
   *
   * @param from first subcluster
   * @param to after the last
   */
  public void zeroSubclusters(long guestCluster, int from, int to) throws IOException {
    change(
        guestCluster,
        1,
        (slice, word, cluster, epoch) ->
            slice.setPair(
                word, slice.word(word), SubclusterBitmap.withZero(slice.word(word + 1), from, to)));
  }

  /**
   * Makes whole clusters unallocated, so that the backing file shows, or zeros where there is none.
   *
   * @param guestCluster number of the first guest cluster
   * @param count clusters in a row, in one slice
   * @param cause why what they pointed to is given back
   */
  public void unmap(long guestCluster, int count, DropCause cause) throws IOException {
    change(
        guestCluster,
        count,
        (slice, word, cluster, epoch) -> {
          long old = slice.word(word);
          if (geometry.extendedL2()) {
            slice.setPair(word, 0, 0);
          } else {
            slice.setWord(word, 0);
          }
          drop(old, epoch, cause);
        });
  }

  /**
   * Makes everything unallocated that one L2 table maps, and gives up the table. Nobody else gets
   * at these guest clusters.
   *
   * @param index of its entry in the L1 table, which points to a table
   */
  public void dropTable(int index) throws IOException {
    epochs.beforeChange();
    tableLock.lock();
    try {
      long guestOffset = index * geometry.bytesPerL2Table();
      long table = L1Entry.offset(l1.get(index));
      l1.checkWritable(index);
      long[] entries = new long[geometry.l2Entries()];
      for (int at = 0; table != 0 && at < entries.length; at += map.entriesPerSlice()) {
        readEntries(guestOffset + ((long) at << geometry.clusterBits()), entries, at);
      }
      l2.lock().lock();
      try {
        l1.set(index, 0);
        long epoch = epochs.filling();
        for (long entry : entries) {
          drop(entry, epoch, DropCause.UNUSED);
        }
        if (table != 0) {
          quarantine.add(
              epoch, Quarantine.Kind.TABLE, DropCause.UNUSED, table >>> geometry.clusterBits(), 1);
        }
      } finally {
        l2.lock().unlock();
      }
    } finally {
      tableLock.unlock();
    }
  }

  /** Reads the entries of one slice, all of which may be dropped. */
  private void readEntries(long guestOffset, long[] entries, int first) throws IOException {
    TableSlice slice = map.slice(guestOffset);
    if (slice == null) {
      throw new IllegalStateException("no L2 table maps guest offset " + guestOffset);
    }
    map.checkEntries(slice, geometry.clusterIndex(guestOffset), map.entriesPerSlice());
    for (int i = 0; i < map.entriesPerSlice(); i++) {
      int word = i * geometry.l2EntryWords();
      checkData(slice, word);
      entries[first + i] = slice.word(word);
    }
  }

  private void change(long guestCluster, int count, Change change) throws IOException {
    long guestOffset = guestCluster << geometry.clusterBits();
    while (true) {
      TableSlice slice = map.slice(guestOffset);
      if (slice == null) {
        throw new IllegalStateException("no L2 table maps guest cluster " + guestCluster);
      }
      int first = map.indexInSlice(guestOffset) * geometry.l2EntryWords();
      l2.lock().lock();
      try {
        map.checkEntries(slice, guestCluster, count);
        for (int i = 0; i < count; i++) {
          checkData(slice, first + i * geometry.l2EntryWords());
        }
        if (!l2.markDirty(slice)) {
          continue;
        }
        long epoch = epochs.filling();
        for (int i = 0; i < count; i++) {
          change.apply(slice, first + i * geometry.l2EntryWords(), guestCluster + i, epoch);
        }
        return;
      } finally {
        l2.lock().unlock();
      }
    }
  }

  /** What is dropped must not be a table (I7). */
  private void checkData(TableSlice slice, int word) throws CorruptImageException {
    long entry = slice.word(word);
    long place = slice.offset() + (long) word * Long.BYTES;
    if (L2Entry.compressed(entry)) {
      int clusterBits = geometry.clusterBits();
      file.guard()
          .checkData(
              place,
              CompressedDescriptor.hostOffset(entry, clusterBits),
              CompressedDescriptor.byteLength(entry, clusterBits));
    } else if (L2Entry.offset(entry) != 0 && !map.hasDataFile()) {
      file.guard().checkData(place, L2Entry.offset(entry), geometry.clusterSize());
    }
  }

  /** Puts what an entry pointed to into quarantine. Data files have no clusters to give back. */
  private void drop(long old, long epoch, DropCause cause) {
    int clusterBits = geometry.clusterBits();
    if (L2Entry.compressed(old)) {
      long start = CompressedDescriptor.hostOffset(old, clusterBits);
      long end = start + CompressedDescriptor.byteLength(old, clusterBits);
      long first = start >>> clusterBits;
      long count = ((end - 1) >>> clusterBits) - first + 1;
      quarantine.add(epoch, Quarantine.Kind.COMPRESSED, cause, first, count);
    } else if (L2Entry.offset(old) != 0 && !map.hasDataFile()) {
      quarantine.add(epoch, Quarantine.Kind.DATA, cause, L2Entry.offset(old) >>> clusterBits, 1);
    }
  }
}
