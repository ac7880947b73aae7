package io.github.qcow2.allocation;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Finds free host clusters, first fit from the lowest that may be free.
 *
 * <p>Owns the search hint and the list of what is still to be given back. Guarded by the lock of
 * the refcount store. A cluster handed out has its count raised in memory; on disk the raise comes
 * before any entry that points to the cluster, because {@link FlushEpochs} writes it so. A power
 * cut in between leaves a leak.
 *
 * <p>Where no refcount block covers the place of the search, the first cluster there becomes the
 * block, which thus counts itself. Where the refcount table ends, {@link RefcountTableGrowth} makes
 * a longer one.
 */
public final class ClusterAllocator {
  private static final Logger LOG = LoggerFactory.getLogger(ClusterAllocator.class);

  private final String image;
  private final Geometry geometry;
  private final TrackedFile file;
  private final Refcounts refcounts;
  private final FlushEpochs epochs;
  private final RefcountTableGrowth growth;
  private final ReentrantLock lock;
  private final long clustersAtMost;
  private final AppendCursor cursor;
  private final RefcountTail tail;

  /** Every cluster below is in use. Cluster 0 holds the header and is never handed out (I7). */
  private long hint = 1;

  private final HostDiscards discards;

  /** Clusters that are to lose a reference, and why. */
  private record Owed(ClusterRun run, DropCause cause) {}

  /** Out of everybody's reach, and counted all the same: leaks, unless they are given back. */
  private final Deque<Owed> owed = new ArrayDeque<>();

  /**
   * Puts an allocator on top of an image's refcounts.
   *
   * @param discards learns of clusters that come free, before they can be handed out again
   */
  public ClusterAllocator(
      String image,
      Geometry geometry,
      TrackedFile file,
      Refcounts refcounts,
      FlushEpochs epochs,
      RefcountTableGrowth growth,
      HostDiscards discards) {
    this.image = image;
    this.geometry = geometry;
    this.file = file;
    this.refcounts = refcounts;
    this.epochs = epochs;
    this.growth = growth;
    this.discards = discards;
    this.lock = refcounts.blocks().lock();
    this.clustersAtMost = geometry.clusterIndex(Geometry.HOST_OFFSET_END);
    this.cursor = new AppendCursor(geometry.clusterBits());
    this.tail = new RefcountTail(geometry, file, refcounts, epochs);
  }

  Refcounts refcounts() {
    return refcounts;
  }

  AppendCursor cursor() {
    return cursor;
  }

  /**
   * Takes the first free clusters.
   *
   * @param wanted how many at most
   * @return at least one cluster, fewer than wanted where the next one is in use
   * @throws LimitExceededException if the refcount table cannot grow any more
   */
  public ClusterRun allocate(long wanted) throws IOException {
    return allocate(0, wanted, false);
  }

  /**
   * Takes the first free clusters behind the end of the file, where nothing has ever been written:
   * they read as zeros, whoever had the clusters before them.
   *
   * @param wanted how many at most
   * @return at least one cluster, fewer than wanted where the next one is in use
   * @throws LimitExceededException if the refcount table cannot grow any more
   */
  public ClusterRun allocateBehindEnd(long wanted) throws IOException {
    while (true) {
      ClusterRun run = allocate(endOfFile(), wanted, false);
      // Another thread may have had these clusters before, written to them, and given them back.
      if (endOfFile() <= run.first()) {
        return run;
      }
      giveBack(run, DropCause.UNUSED);
    }
  }

  /**
   * Takes exactly {@code count} clusters in a row behind the end of the file and of everything that
   * is counted, with the refcount blocks that they need in front of them. For many clusters: whole
   * blocks are written at once, past the cache.
   *
   * @throws LimitExceededException if the refcount table cannot grow so far
   */
  public ClusterRun allocateManyBehindEnd(long count) throws IOException {
    ClusterRun[] run = new ClusterRun[1];
    epochs.beforeChange();
    epochs.exclusively(
        () -> {
          lock.lock();
          try {
            while (run[0] == null) {
              run[0] = takeManyBehindEnd(count);
            }
          } finally {
            lock.unlock();
          }
        });
    return run[0];
  }

  /** Takes the clusters, or makes the refcount table longer and returns null. */
  private @Nullable ClusterRun takeManyBehindEnd(long count) throws IOException {
    int present = refcounts.table().length();
    while (present > 0 && refcounts.table().get(present - 1L) == 0) {
      present--;
    }
    long covered = (long) present << geometry.refcountBlockBits();
    long start = endOfUse(endOfFile(), covered);
    long index = Math.max(present, refcounts.tableIndex(start));
    long blocks = 0;
    long end = start + count;
    while (refcounts.tableIndex(end - 1) + 1 - index > blocks) {
      blocks = refcounts.tableIndex(end - 1) + 1 - index;
      end = start + blocks + count;
    }
    checkHostOffset(end - 1);
    int tableLength = refcounts.table().length();
    if (index + blocks > tableLength) {
      // The longer table will lie behind all that the present one covers, and the clusters behind
      // that: it has to count itself too, or it would have to grow again.
      long behind = Math.max(start, (long) tableLength << geometry.refcountBlockBits());
      long length = refcounts.tableIndex(behind + blocks + count) + 1;
      long ofTable = geometry.clustersFor(length * Long.BYTES);
      growTable(tableLength, length + refcounts.tableIndex(ofTable) + 2 - tableLength);
      return null;
    }
    writeBlocks((int) index, (int) blocks, start, end);
    raise(start, Math.min(end, covered));
    for (int i = 0; i < blocks; i++) {
      refcounts.table().set((int) index + i, (start + i) << geometry.clusterBits());
    }
    return new ClusterRun(start + blocks, count);
  }

  /** Writes new blocks, which lie where the clusters begin that they count. */
  private void writeBlocks(int index, int blocks, long start, long end) throws IOException {
    for (int i = 0; i < blocks; i++) {
      refcounts.table().checkWritable(index + i);
    }
    for (int i = 0; i < blocks; i++) {
      long first = (long) (index + i) << geometry.refcountBlockBits();
      long used = Math.min(geometry.refcountsPerBlock(), end - first);
      long[] words = new long[geometry.clusterSize() / Long.BYTES];
      for (int count = (int) Math.max(0, start - first); count < used; count++) {
        refcounts.width().set(words, count, 1);
      }
      file.writeWords(words, (start + i) << geometry.clusterBits(), ClusterKind.DATA);
    }
  }

  /** Raises counts, however many slices they are in. */
  private void raise(long from, long to) throws IOException {
    long at = from;
    try {
      while (at < to) {
        long next = refcounts.endInSlice(at, to);
        refcounts.add(at, next - at, 1);
        at = next;
        if (epochs.isCrowded()) {
          epochs.writeRefcounts();
        }
      }
    } finally {
      if (at < to) {
        giveBack(new ClusterRun(from, at - from), DropCause.UNUSED);
      }
    }
  }

  /** The first cluster, not below {@code least}, from which on nothing is counted. */
  private long endOfUse(long least, long covered) throws IOException {
    long end = least;
    long cluster = least;
    while (cluster < covered) {
      long block = refcounts.blockOffset(cluster);
      if (block == 0) {
        // A gap in the table: what is behind it is not looked at, but left out.
        return covered;
      }
      TableSlice slice = refcounts.slice(block, cluster);
      int index = refcounts.indexInSlice(cluster);
      int to = (int) refcounts.countsPerSlice();
      for (int used = refcounts.width().nextUsed(slice.words(), index, to); used < to; ) {
        end = cluster - index + used + 1;
        used = refcounts.width().nextUsed(slice.words(), used + 1, to);
      }
      cluster += to - index;
    }
    return end;
  }

  private long endOfFile() throws IOException {
    return geometry.clustersFor(file.size());
  }

  /** Adds one reference to each of some clusters that are in use: of all or of none. */
  public void addReference(ClusterRun run) throws IOException {
    lock.lock();
    try {
      refcounts.add(run.first(), run.count(), 1);
    } finally {
      lock.unlock();
    }
  }

  /** Takes exactly {@code count} clusters in a row, at the first place where they fit. */
  public ClusterRun allocateContiguous(long count) throws IOException {
    // Where every block has to be made first, it would lie in the middle of the run.
    return count < geometry.refcountsPerBlock()
        ? allocate(0, count, true)
        : allocateBehindAll(count);
  }

  private ClusterRun allocate(long least, long wanted, boolean whole) throws IOException {
    while (true) {
      int tableLength;
      lock.lock();
      try {
        ClusterRun run = search(Math.max(hint, least), wanted, whole);
        if (run != null) {
          checkHostOffset(run.first() + run.count() - 1);
          refcounts.add(run.first(), run.count(), 1);
          if (!whole && least <= hint) {
            hint = run.first() + run.count();
          }
          return run;
        }
        tableLength = refcounts.table().length();
      } finally {
        lock.unlock();
      }
      epochs.exclusively(() -> growTable(tableLength, 1));
    }
  }

  /** Takes clusters behind everything that a block covers, making the blocks they need. */
  private ClusterRun allocateBehindAll(long count) throws IOException {
    long perBlock = geometry.refcountsPerBlock();
    long blocks = 1;
    while (blocks * perBlock < blocks + count) {
      blocks++;
    }
    while (true) {
      int tableLength;
      lock.lock();
      try {
        tableLength = refcounts.table().length();
        int index = tableLength;
        while (index > 0 && refcounts.table().get(index - 1) == 0) {
          index--;
        }
        if (index + blocks <= tableLength) {
          long start = (long) index << geometry.refcountBlockBits();
          checkHostOffset(start + blocks + count - 1);
          addBlocks(index, start, (int) blocks, count);
          return new ClusterRun(start + blocks, count);
        }
      } finally {
        lock.unlock();
      }
      long more = blocks;
      epochs.exclusively(() -> growTable(tableLength, more));
    }
  }

  /**
   * Takes one reference from each of some clusters, which are out of everybody's reach and, where
   * the disk knew of that reference, durably so. Cannot fail: where the counts cannot be read, the
   * clusters are {@linkplain #owe owed}.
   *
   * <p>The host may be told of those that come free, which is done outside the lock. As long as it
   * lasts they are still counted, so nobody can take them.
   */
  public void giveBack(ClusterRun run, DropCause cause) {
    if (discards.passes(cause)) {
      discards.pass(closeForGood(run));
    }
    lock.lock();
    try {
      lower(run);
    } catch (CorruptImageException e) {
      LOG.warn("clusters are not given back, since their counts are wrong: {}", e.getMessage());
    } catch (IOException e) {
      LOG.debug("{}: clusters are given back later, since their counts cannot be read", image, e);
      owed.add(new Owed(run, cause));
    } finally {
      lock.unlock();
    }
  }

  /**
   * The clusters to which the reference about to be taken is the last. None of them can get another
   * any more: only what appends to a cluster with compressed data could still come across it.
   */
  private HostRanges closeForGood(ClusterRun run) {
    HostRanges last = new HostRanges();
    lock.lock();
    try {
      for (long cluster = run.first(); cluster < run.first() + run.count(); cluster++) {
        if (refcounts.get(cluster) == 1) {
          if (cluster == cursor.cluster()) {
            cursor.leave();
          }
          last.add(cluster << geometry.clusterBits(), geometry.clusterSize());
        }
      }
    } catch (IOException e) {
      LOG.debug("{}: the host does not learn of clusters without known counts", image, e);
    } finally {
      lock.unlock();
    }
    return last;
  }

  private void lower(ClusterRun run) throws IOException {
    refcounts.add(run.first(), run.count(), -1);
    hint = Math.min(hint, run.first());
    long open = cursor.cluster();
    if (run.first() <= open && open < run.first() + run.count() && refcounts.get(open) == 0) {
      cursor.leave();
    }
  }

  /** Takes note of clusters that {@link #giveBackOwed} is to give back. */
  public void owe(ClusterRun run, DropCause cause) {
    lock.lock();
    try {
      owed.add(new Owed(run, cause));
    } finally {
      lock.unlock();
    }
  }

  /** How many runs of clusters are still to be given back. */
  public int owed() {
    lock.lock();
    try {
      return owed.size();
    } finally {
      lock.unlock();
    }
  }

  /** Gives back the clusters that have been owed longest, or tries to. */
  public void giveBackOwed() {
    Owed oldest;
    lock.lock();
    try {
      oldest = owed.poll();
    } finally {
      lock.unlock();
    }
    if (oldest != null) {
      giveBack(oldest.run, oldest.cause);
    }
  }

  /**
   * Gives up refcount blocks that count nothing, and cuts the file behind the last cluster that is
   * in use. Called under the flush lock, by {@link FlushEpochs#exclusively}.
   */
  public void cutTail() throws IOException {
    lock.lock();
    try {
      hint = 1;
      file.cutAt(tail.cut() << geometry.clusterBits());
    } finally {
      lock.unlock();
    }
  }

  private void growTable(int lengthSeen, long more) throws IOException {
    lock.lock();
    try {
      if (refcounts.table().length() == lengthSeen) {
        giveBack(growth.grow(more), DropCause.OTHER);
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Looks for free clusters without taking them.
   *
   * @return null if the search has come to the end of the refcount table
   */
  private @Nullable ClusterRun search(long from, long wanted, boolean whole) throws IOException {
    long cluster = from;
    long start = -1;
    while (refcounts.tableIndex(cluster) < refcounts.table().length()) {
      long block = refcounts.blockOffset(cluster);
      if (block == 0) {
        if (start >= 0 && !whole) {
          return new ClusterRun(start, cluster - start);
        }
        checkHostOffset(cluster);
        addBlock(cluster);
        start = -1;
        cluster++;
        continue;
      }
      TableSlice slice = refcounts.slice(block, cluster);
      long end = cluster - refcounts.indexInSlice(cluster) + refcounts.countsPerSlice();
      while (cluster < end) {
        if (start < 0) {
          cluster = nextFree(slice, cluster, end);
          if (cluster == end) {
            break;
          }
          start = cluster;
        } else if (refcounts.width().get(slice.words(), refcounts.indexInSlice(cluster)) != 0) {
          if (!whole) {
            return new ClusterRun(start, cluster - start);
          }
          start = -1;
          continue;
        }
        cluster++;
        if (cluster - start == wanted) {
          return new ClusterRun(start, wanted);
        }
      }
    }
    return start >= 0 && !whole ? new ClusterRun(start, cluster - start) : null;
  }

  /** First cluster of count 0 from {@code from} on, or {@code end}. */
  private long nextFree(TableSlice slice, long from, long end) {
    RefcountWidth width = refcounts.width();
    long[] words = slice.words();
    int index = refcounts.indexInSlice(from);
    int to = index + (int) (end - from);
    return from + (width.nextFree(words, index, to) - index);
  }

  /** Makes {@code cluster}, which no block covers, the block that covers it. */
  private void addBlock(long cluster) throws IOException {
    addBlocks((int) refcounts.tableIndex(cluster), cluster, 1, 0);
  }

  /**
   * Makes clusters in a row the blocks of table entries in a row, and counts them and some that
   * follow.
   */
  private void addBlocks(int index, long first, int blocks, long following) throws IOException {
    for (int i = 0; i < blocks; i++) {
      refcounts.table().checkWritable(index + i);
    }
    for (int i = 0; i < blocks; i++) {
      zeroCluster((first + i) << geometry.clusterBits());
    }
    boolean counted = false;
    try {
      for (int i = 0; i < blocks; i++) {
        refcounts.table().set(index + i, (first + i) << geometry.clusterBits());
      }
      refcounts.add(first, blocks + following, 1);
      counted = true;
    } finally {
      if (!counted) {
        // Slices of blocks that do not exist may be dirty now, and must not reach the disk.
        for (int i = 0; i < blocks; i++) {
          refcounts.table().set(index + i, 0);
          long block = (first + i) << geometry.clusterBits();
          refcounts.blocks().forgetChanges(block, geometry.clusterSize());
        }
      }
    }
  }

  /**
   * Fills a cluster that is about to become a table with zeros, whatever it held before, unless it
   * is a table already.
   */
  public void zeroCluster(long offset) throws IOException {
    file.writeZeroBytes(offset, geometry.clusterSize(), ClusterKind.DATA);
  }

  private void checkHostOffset(long cluster) throws LimitExceededException {
    if (cluster >= clustersAtMost) {
      throw new LimitExceededException(
          image, Qcow2Exception.NO_OFFSET, "host offsets are below 2^56: the image is full");
    }
  }
}
