package io.github.qcow2.allocation;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import java.io.IOException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Finds room for compressed data, which is packed at byte granularity (qcow2 spec, "Compressed
 * Clusters Descriptor").
 *
 * <pre>
 *   host cluster 7               host cluster 8
 *   ┌───────┬──────────┬─────────┼───────────┬─────────────┐
 *   │ guest │  guest 5 │    guest 9          │ cursor ─▶   │
 *   └───────┴──────────┴─────────┼───────────┴─────────────┘
 *    counted 3 times              counted once
 * </pre>
 *
 * <p>Each piece of data counts once in every host cluster that it touches. A piece continues in the
 * next host cluster only if that one happens to be free and adjacent; otherwise it begins a new
 * one.
 *
 * <p>{@link #appending} lets one thread at a time move the {@link AppendCursor}, which itself is
 * guarded by the lock of the refcount store. Data of a piece is written by its owner, outside every
 * lock. On disk, counts come before the entries that need them, as for any allocation.
 */
public final class CompressedSpace {
  private final String image;
  private final Geometry geometry;
  private final ClusterAllocator allocator;
  private final Refcounts refcounts;
  private final AppendCursor cursor;

  /** Taken before the flush lock and everything below it. */
  private final ReentrantLock appending = new ReentrantLock();

  /** Puts byte-wise allocation on top of an allocator of clusters. */
  public CompressedSpace(String image, Geometry geometry, ClusterAllocator allocator) {
    this.image = image;
    this.geometry = geometry;
    this.allocator = allocator;
    this.refcounts = allocator.refcounts();
    this.cursor = allocator.cursor();
  }

  /**
   * Takes room for compressed data.
   *
   * @param length in bytes, less than a cluster
   * @return the host offset of the first byte
   * @throws LimitExceededException if no descriptor can hold the offset, or the image is full
   */
  public long allocate(int length) throws IOException {
    appending.lock();
    try {
      long offset = append(length);
      if (offset == AppendCursor.NONE) {
        offset = appendWith(allocator.allocate(1), length);
      }
      return offset;
    } finally {
      appending.unlock();
    }
  }

  /**
   * Takes room in the open cluster, or returns {@link AppendCursor#NONE} if there is too little.
   */
  private long append(int length) throws IOException {
    refcounts.blocks().lock().lock();
    try {
      long start = cursor.next();
      if (length > cursor.room() || !canCount(cursor.cluster())) {
        return AppendCursor.NONE;
      }
      refcounts.add(cursor.cluster(), 1, 1);
      cursor.moveTo(start + length);
      return start;
    } finally {
      refcounts.blocks().lock().unlock();
    }
  }

  /**
   * Takes room in a cluster that has just been allocated, and in the one before if that is open.
   */
  private long appendWith(ClusterRun fresh, int length) throws IOException {
    boolean done = false;
    refcounts.blocks().lock().lock();
    try {
      long open = cursor.cluster();
      boolean adjoins = open + 1 == fresh.first() && length > cursor.room() && canCount(open);
      long start = adjoins ? cursor.next() : fresh.first() << geometry.clusterBits();
      if (start > geometry.compressedOffsetEnd() - length) {
        throw new LimitExceededException(
            image,
            Qcow2Exception.NO_OFFSET,
            "compressed data beyond host offset " + geometry.compressedOffsetEnd());
      }
      if (adjoins) {
        refcounts.add(open, 1, 1);
      }
      cursor.moveTo(start + length);
      done = true;
      return start;
    } finally {
      if (!done) {
        allocator.giveBack(new ClusterRun(fresh.first(), 1), DropCause.UNUSED);
      }
      refcounts.blocks().lock().unlock();
    }
  }

  private boolean canCount(long cluster) throws IOException {
    return cluster > 0 && refcounts.get(cluster) < refcounts.width().max();
  }

  /** Gives back room whose data nobody will ever read. */
  public void giveBack(long offset, int length) {
    long first = offset >>> geometry.clusterBits();
    long last = (offset + length - 1) >>> geometry.clusterBits();
    allocator.giveBack(new ClusterRun(first, last - first + 1), DropCause.UNUSED);
  }
}
