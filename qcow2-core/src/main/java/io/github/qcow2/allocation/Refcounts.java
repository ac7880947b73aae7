package io.github.qcow2.allocation;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountTableEntry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TopTable;
import java.io.IOException;

/**
 * The reference count of every host cluster (qcow2 spec, "Host cluster management").
 *
 * <p>Owns the meaning of the refcount table and blocks; their bytes belong to the {@link TopTable}
 * and {@link SliceStore} below. Every method but {@link #count} is called with the store's lock
 * held.
 *
 * <pre>
 *   refcount table      refcount block = one cluster of counts
 *   ┌───────┐           ┌───┬───┬───┬───┬───────────
 *   │   0 ──┼──────────▶│ 1 │ 1 │ 1 │ 1 │ …        counts of clusters 0, 1, 2, 3 …
 *   ├───────┤           └───┴───┴─▲─┴───┴───────────
 *   │   1   │ 0: all counts are 0 │
 *   └───────┘                     └ the block is itself a cluster: it lies at cluster 2 and counts
 *                                   itself
 * </pre>
 */
public final class Refcounts {
  private final String image;
  private final Damage damage;
  private final Geometry geometry;
  private final RefcountWidth width;
  private final TopTable table;
  private final SliceStore blocks;
  private final long countsPerSlice;

  /** Takes the tables of one image. */
  public Refcounts(
      String image, Damage damage, Geometry geometry, TopTable table, SliceStore blocks) {
    this.image = image;
    this.damage = damage;
    this.geometry = geometry;
    this.width = RefcountWidth.of(geometry.refcountOrder());
    this.table = table;
    this.blocks = blocks;
    this.countsPerSlice = blocks.sliceBytes() * 8L / geometry.refcountBits();
  }

  SliceStore blocks() {
    return blocks;
  }

  TopTable table() {
    return table;
  }

  RefcountWidth width() {
    return width;
  }

  /** Index of the refcount table entry that covers a cluster. */
  long tableIndex(long cluster) {
    return cluster >>> geometry.refcountBlockBits();
  }

  /** Host offset of the block that covers a cluster, or 0 if there is none. */
  long blockOffset(long cluster) throws CorruptImageException {
    long index = tableIndex(cluster);
    long offset = RefcountTableEntry.offset(table.get(index));
    if ((offset & geometry.clusterMask()) != 0
        || offset < 0
        || offset >= Geometry.HOST_OFFSET_END) {
      throw damage.found(
          table.offset() + index * Long.BYTES,
          "refcount block offset 0x"
              + Long.toHexString(offset)
              + " is not cluster aligned, or not below 2^56");
    }
    return offset;
  }

  /** The slice that holds the count of a cluster, whose block is at {@code blockOffset}. */
  TableSlice slice(long blockOffset, long cluster) throws IOException {
    long inBlock = cluster & (geometry.refcountsPerBlock() - 1);
    return blocks.slice(blockOffset + inBlock / countsPerSlice * blocks.sliceBytes());
  }

  int indexInSlice(long cluster) {
    return (int) (cluster & (countsPerSlice - 1));
  }

  long countsPerSlice() {
    return countsPerSlice;
  }

  /** The count of one cluster, unsigned, for a caller that does not hold the store's lock. */
  public long count(long cluster) throws IOException {
    long block = blockOffset(cluster);
    if (block != 0) {
      // Loads the slice outside the lock.
      slice(block, cluster);
    }
    blocks.lock().lock();
    try {
      return get(cluster);
    } finally {
      blocks.lock().unlock();
    }
  }

  /** The count of one cluster. */
  long get(long cluster) throws IOException {
    long block = blockOffset(cluster);
    return block == 0 ? 0 : width.get(slice(block, cluster).words(), indexInSlice(cluster));
  }

  /**
   * Adds 1 to, or takes 1 from, the counts of clusters in a row: of all or of none.
   *
   * @param delta 1 or -1
   * @throws CorruptImageException if a count would fall below 0, or no block covers a cluster
   * @throws LimitExceededException if a count would exceed what the refcount width can hold
   */
  public void add(long first, long count, int delta) throws IOException {
    long end = first + count;
    for (long at = first; at < end; at = endInSlice(at, end)) {
      check(at, endInSlice(at, end), delta);
    }
    long done = first;
    try {
      while (done < end) {
        long next = endInSlice(done, end);
        apply(done, next, delta);
        done = next;
      }
    } finally {
      // What was applied is in dirty slices, which cannot have been evicted: undoing reads nothing.
      for (long at = first; done < end && at < done; at = endInSlice(at, done)) {
        apply(at, endInSlice(at, done), -delta);
      }
    }
  }

  /**
   * Where the counts end that lie in one slice with that of a cluster, or {@code end} if before.
   */
  long endInSlice(long cluster, long end) {
    return Math.min(end, cluster - indexInSlice(cluster) + countsPerSlice);
  }

  /** Refuses a change of counts in one slice. */
  private void check(long from, long to, int delta) throws IOException {
    if (from == 0) {
      throw damage.found(0, "cluster 0, which holds the header, is used for something else too");
    }
    long block = blockOffset(from);
    if (block == 0) {
      throw damage.found(
          table.offset() + tableIndex(from) * Long.BYTES,
          "no refcount block covers host cluster " + from + ", which is in use");
    }
    long[] words = slice(block, from).words();
    for (long cluster = from; cluster < to; cluster++) {
      long now = width.get(words, indexInSlice(cluster));
      if (delta < 0 && now == 0) {
        throw damage.found(block, "host cluster " + cluster + " is in use, but its refcount is 0");
      }
      if (delta > 0 && now == width.max()) {
        throw new LimitExceededException(
            image,
            block,
            "refcount of host cluster "
                + cluster
                + " cannot exceed "
                + Long.toUnsignedString(width.max()));
      }
    }
  }

  /** Changes counts in one slice. */
  private void apply(long from, long to, int delta) throws IOException {
    TableSlice slice;
    do {
      slice = slice(blockOffset(from), from);
    } while (!blocks.markDirty(slice));
    long[] words = slice.words();
    for (int index = indexInSlice(from), end = index + (int) (to - from); index < end; index++) {
      width.set(words, index, width.get(words, index) + delta);
    }
  }
}
