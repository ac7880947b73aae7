package io.github.qcow2.check;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The reference counts that the image itself records (qcow2 spec, "Host cluster management").
 *
 * <p>Reading goes through the blocks in order once and remembers which clusters have a count of
 * exactly 1, because {@link #isOne} is asked for every entry of every L2 table, in no order. {@link
 * #get} looks a count up through a small cache, and {@link #block} hands out whole blocks. Memory:
 * a bit for each cluster, 1 MiB of cache and one block.
 */
final class StoredCounts {
  /** What {@link #get} gives when the refcount table entry cannot be followed. */
  static final long UNREADABLE = -1;

  private static final int SLICE_BYTES = 4096;
  private static final int SLICES = 256;

  private final RefcountTable table;
  private final Geometry geometry;
  private final RefcountWidth width;
  private final long fileLength;
  private final CheckBudget budget;
  private final long fileClusters;
  private final ReferenceCounts ones;
  private final TableReader lookups;
  private final TableReader scan;
  private final long[] blockWords;

  private final int sliceWords;
  private final long[][] slices = new long[SLICES][];
  private final long[] sliceOffsets = new long[SLICES];

  private StoredCounts(
      RefcountTable table, Storage storage, long fileLength, Geometry geometry, CheckBudget budget)
      throws LimitExceededException {
    this.table = table;
    this.geometry = geometry;
    this.width = RefcountWidth.of(geometry.refcountOrder());
    this.fileLength = fileLength;
    this.budget = budget;
    this.fileClusters = geometry.clustersFor(fileLength);
    this.ones = new ReferenceCounts(fileClusters, budget);
    this.lookups = new TableReader(storage, fileLength, budget);
    this.scan = new TableReader(storage, fileLength, budget);
    this.blockWords = new long[geometry.clusterSize() / Long.BYTES];
    this.sliceWords = Math.min(SLICE_BYTES, geometry.clusterSize()) / Long.BYTES;
    Arrays.fill(sliceOffsets, -1);
  }

  /** Reads the blocks that count the clusters of the file. */
  static StoredCounts read(
      RefcountTable table, Storage storage, long fileLength, Geometry geometry, CheckBudget budget)
      throws IOException {
    budget.memory(geometry.clusterSize());
    StoredCounts stored = new StoredCounts(table, storage, fileLength, geometry, budget);
    stored.findOnes();
    return stored;
  }

  private void findOnes() throws IOException {
    long perBlock = geometry.refcountsPerBlock();
    for (long first = 0; first < fileClusters; first += perBlock) {
      long index = geometry.refcountTableIndex(first);
      long[] words = isReadable(index) ? block(index) : null;
      if (words != null) {
        int count = (int) Math.min(perBlock, fileClusters - first);
        for (int i = width.nextUsed(words, 0, count); i < count; ) {
          int other = width.nextOther(words, i, count, 1);
          ones.fill(first + i, first + other, 1);
          i = width.nextUsed(words, Math.max(other, i + 1), count);
        }
      }
    }
  }

  /**
   * Whether the stored count of a cluster is exactly 1, so that it may be written in place. False
   * as well if the count cannot be read.
   */
  boolean isOne(long cluster) throws IOException {
    return cluster < fileClusters ? ones.get(cluster) == 1 : get(cluster) == 1;
  }

  /** Whether {@link #isOne} has one answer for all clusters of {@code [from, to)}, in the file. */
  boolean areAll(boolean one, long from, long to) {
    return to <= fileClusters && ones.nextOther(from, to, one ? 1 : 0) == to;
  }

  /** The stored count of a cluster, or {@link #UNREADABLE}. */
  long get(long cluster) throws IOException {
    long index = geometry.refcountTableIndex(cluster);
    long block = blockOffset(index);
    if (block == 0) {
      return 0;
    }
    if (block == UNREADABLE) {
      return UNREADABLE;
    }
    int inBlock = geometry.refcountBlockIndex(cluster);
    int word = inBlock / width.entriesPerWord();
    long offset = block + (long) (word / sliceWords) * sliceWords * Long.BYTES;
    int inSlice = inBlock - word / sliceWords * sliceWords * width.entriesPerWord();
    return width.get(slice(offset), inSlice);
  }

  /**
   * The words of the block that counts the clusters of one refcount table entry, or null if all of
   * them are 0. Valid until the next call.
   *
   * @param index of the refcount table entry, which {@link #isReadable} accepts; may lie beyond the
   *     table
   */
  long @Nullable [] block(long index) throws IOException {
    long offset = blockOffset(index);
    if (offset == 0) {
      return null;
    }
    scan.read(offset, blockWords, blockWords.length);
    return blockWords;
  }

  /** Whether the counts of a refcount table entry can be read. */
  boolean isReadable(long index) {
    return blockOffset(index) != UNREADABLE;
  }

  /** How counts lie in a block. */
  RefcountWidth width() {
    return width;
  }

  /** Where the block of a refcount table entry is, 0 where all its counts are 0. */
  private long blockOffset(long index) {
    if (index >= table.length()) {
      return 0;
    }
    long offset = RefcountTable.blockOffset(table.entry((int) index));
    if (offset < 0 || !geometry.isClusterAligned(offset)) {
      return UNREADABLE;
    }
    return offset >= fileLength ? 0 : offset;
  }

  private long[] slice(long offset) throws IOException {
    int slot = (int) ((offset * 0x9e37_79b9_7f4a_7c15L) >>> 56);
    long[] words = slices[slot];
    if (words == null) {
      budget.memory((long) sliceWords * Long.BYTES);
      words = new long[sliceWords];
      slices[slot] = words;
    }
    if (sliceOffsets[slot] != offset) {
      sliceOffsets[slot] = -1;
      lookups.read(offset, words, sliceWords);
      sliceOffsets[slot] = offset;
    }
    return words;
  }
}
