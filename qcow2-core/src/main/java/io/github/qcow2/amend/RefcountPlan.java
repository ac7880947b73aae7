package io.github.qcow2.amend;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.RefcountWidth;
import java.io.IOException;
import java.util.Arrays;
import java.util.BitSet;

/**
 * Where refcount structures of another width go, and what they count: all that the old ones count
 * except themselves, and the new ones.
 *
 * <p>The new structures take one run of clusters of which the old counts say that they are free:
 *
 * <pre>
 *   … in use │ free    free    free    free │ in use …
 *            │ table   block   block   block│
 * </pre>
 *
 * <p>Nothing is written here; what cannot be done is refused here.
 */
final class RefcountPlan {
  private final String image;
  private final OldCounts old;
  private final RefcountWidth width;

  /** log2 of the clusters that a new block covers. */
  private final int blockBits;

  private final int clusterBits;

  /** Which new blocks are needed for what the old counts say. */
  private final BitSet needed = new BitSet();

  private long first;
  private int tableClusters;
  private int blocks;

  private RefcountPlan(String image, OldCounts old, Geometry geometry, int order) {
    this.image = image;
    this.old = old;
    this.width = RefcountWidth.of(order);
    this.clusterBits = geometry.clusterBits();
    this.blockBits = clusterBits + 3 - order;
  }

  /**
   * Makes a plan.
   *
   * @param order log2 of the new width in bits
   * @throws LimitExceededException if a count does not fit the new width, or the table the limits
   * @throws CorruptImageException if the old structures do not count themselves
   */
  static RefcountPlan of(String image, OldCounts old, Header header, int order, Limits limits)
      throws IOException {
    RefcountPlan plan = new RefcountPlan(image, old, header.geometry(), order);
    long entriesAtMost = limits.refcountTableBytes() / Long.BYTES;
    plan.checkCounts(entriesAtMost);
    plan.place(entriesAtMost);
    return plan;
  }

  private void checkCounts(long entriesAtMost) throws IOException {
    long structures = 0;
    for (int index = 0; index < old.length(); index++) {
      long[] words = old.block(index);
      if (words == null) {
        continue;
      }
      int counts = words.length * old.width().entriesPerWord();
      for (int i = old.width().nextUsed(words, 0, counts);
          i < counts;
          i = old.width().nextUsed(words, i + 1, counts)) {
        long cluster = old.firstCluster(index) + i;
        long count = old.width().get(words, i);
        if (old.isStructure(cluster)) {
          requireOne(cluster, count);
          structures++;
          continue;
        }
        if (count > width.max()) {
          throw new LimitExceededException(
              image,
              cluster << clusterBits,
              "refcount " + count + " of host cluster " + cluster + " does not fit in " + width);
        }
        need(cluster >>> blockBits, entriesAtMost);
      }
    }
    if (structures != old.structureClusters()) {
      throw new CorruptImageException(
          image, Qcow2Exception.NO_OFFSET, "refcount structures with a refcount of 0");
    }
  }

  private void requireOne(long cluster, long count) throws CorruptImageException {
    if (count != 1) {
      throw new CorruptImageException(
          image,
          cluster << clusterBits,
          "a cluster of the refcount structures has refcount " + count);
    }
  }

  private void need(long index, long entriesAtMost) throws LimitExceededException {
    if (index >= entriesAtMost) {
      throw new LimitExceededException(
          image,
          Header.REFCOUNT_TABLE_FIELDS_OFFSET,
          "with counts of " + width + " the refcount table exceeds " + entriesAtMost + " entries");
    }
    needed.set((int) index);
  }

  /** Finds a run that is long enough for the structures that count it, too. */
  private void place(long entriesAtMost) throws IOException {
    BitSet counted = (BitSet) needed.clone();
    while (true) {
      long wanted = (long) tableClusters + blocks;
      first = wanted == 0 ? 1 : freeRun(wanted);
      if ((first + wanted) > Geometry.HOST_OFFSET_END >>> clusterBits) {
        throw new LimitExceededException(
            image, Qcow2Exception.NO_OFFSET, "host offsets are below 2^56: the image is full");
      }
      needed.clear();
      needed.or(counted);
      for (long index = first >>> blockBits; index << blockBits < first + wanted; index++) {
        need(index, entriesAtMost);
      }
      long tableBytes = (long) needed.length() * Long.BYTES;
      int table = (int) ((tableBytes + (1L << clusterBits) - 1) >>> clusterBits);
      int count = needed.cardinality();
      if (table <= tableClusters && count <= blocks) {
        return;
      }
      tableClusters = Math.max(tableClusters, table);
      blocks = Math.max(blocks, count);
    }
  }

  /** The first clusters in a row that are free, in the file or at its end. */
  private long freeRun(long wanted) throws IOException {
    long start = 1;
    for (int index = 0; index < old.length(); index++) {
      long[] words = old.block(index);
      long from = old.firstCluster(index);
      if (words != null) {
        int counts = words.length * old.width().entriesPerWord();
        int used = old.width().nextUsed(words, 0, counts);
        while (used < counts) {
          if (from + used - start >= wanted) {
            return start;
          }
          int free = old.width().nextFree(words, used, counts);
          start = from + free;
          used = old.width().nextUsed(words, free, counts);
        }
      }
      if (old.firstCluster(index + 1) - start >= wanted) {
        return start;
      }
    }
    return start;
  }

  /** Where the new table will be, in bytes. */
  long tableOffset() {
    return first << clusterBits;
  }

  /** How long the new table will be, in clusters. */
  int tableClusters() {
    return tableClusters;
  }

  /** How many new blocks there will be, at most as many as there is room for. */
  int blocks() {
    return needed.cardinality();
  }

  /** The index of the first new block from {@code from} on, or -1. */
  int nextBlock(int from) {
    return needed.nextSetBit(from);
  }

  /**
   * Where the {@code number}-th new block will be, in bytes.
   *
   * @param number from 0, in the order of the table
   */
  long blockOffset(int number) {
    return (first + tableClusters + number) << clusterBits;
  }

  /**
   * The counts of one new block.
   *
   * @param index of its table entry
   * @param counts receives them: all words of a block
   */
  void counts(int index, long[] counts) throws IOException {
    Arrays.fill(counts, 0);
    long from = (long) index << blockBits;
    long to = from + (1L << blockBits);
    for (long at = from; at < to; ) {
      int block = (int) Math.min(at / countsPerOldBlock(), Integer.MAX_VALUE);
      if (block >= old.length()) {
        break;
      }
      long end = Math.min(to, old.firstCluster(block + 1));
      long[] words = old.block(block);
      if (words != null) {
        copy(words, old.firstCluster(block), at, end, counts, from);
      }
      at = end;
    }
    // Where the run has room for a block that turned out not to be needed, that stays free.
    long newEnd = first + tableClusters + blocks();
    for (long cluster = Math.max(from, first); cluster < Math.min(to, newEnd); cluster++) {
      width.set(counts, (int) (cluster - from), 1);
    }
  }

  private long countsPerOldBlock() {
    return old.firstCluster(1);
  }

  private void copy(
      long[] words, long wordsFrom, long from, long to, long[] counts, long countsFrom) {
    int end = (int) (to - wordsFrom);
    for (int i = old.width().nextUsed(words, (int) (from - wordsFrom), end);
        i < end;
        i = old.width().nextUsed(words, i + 1, end)) {
      long cluster = wordsFrom + i;
      if (!old.isStructure(cluster)) {
        width.set(counts, (int) (cluster - countsFrom), old.width().get(words, i));
      }
    }
  }
}
