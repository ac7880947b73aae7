package io.github.qcow2.repair;

import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.check.Recount;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.RefcountWidth;
import java.util.Arrays;

/**
 * Where refcount blocks go that are missing, and the refcount table if it is too short for them.
 *
 * <p>All that is new lies in one run of clusters without any reference: the first that is long
 * enough, or else what is free at the end of the file and behind it. So the file never grows by
 * more than what is new.
 *
 * <pre>
 *   … in use │ free   free   free   free │ in use …
 *            │ table │ block │ block │
 *              only if it has to grow
 * </pre>
 *
 * <p>Owns the table as it will be. Nothing is written here; what cannot be done is refused here.
 */
final class RepairPlan {
  private final Geometry geometry;
  private final Recount recount;
  private final long oldTableOffset;
  private final long[] oldTable;
  private final long[] table;
  private final long first;
  private final int tableClusters;
  private final int blocks;

  private RepairPlan(
      Recount recount, long[] oldTable, long[] table, long first, int tableClusters, int blocks) {
    this.geometry = recount.header().geometry();
    this.recount = recount;
    this.oldTableOffset = recount.header().refcountTableOffset();
    this.oldTable = oldTable;
    this.table = table;
    this.first = first;
    this.tableClusters = tableClusters;
    this.blocks = blocks;
  }

  /**
   * Makes a plan.
   *
   * @param oldTable the refcount table, sound as it is
   * @throws LimitExceededException if the counts do not fit within the limits
   */
  static RepairPlan of(String image, Recount recount, long[] oldTable, Limits limits)
      throws LimitExceededException {
    Geometry geometry = recount.header().geometry();
    Needs needs = new Needs(recount, oldTable);
    long run = 0;
    int newTable = 0;
    long blocks = needs.missing;
    while (blocks > 0) {
      run = freeRun(recount, newTable + blocks);
      long end = run + newTable + blocks;
      requireHostOffset(image, geometry, end);
      long length = Math.max(needs.length, geometry.refcountTableIndex(end - 1) + 1);
      int wantedTable =
          length <= oldTable.length ? 0 : tableClusters(image, geometry, length, limits);
      long wanted = needs.missing + needs.missingOnlyFor(run, end);
      if (wanted <= blocks && wantedTable <= newTable) {
        break;
      }
      blocks = Math.max(blocks, wanted);
      newTable = Math.max(newTable, wantedTable);
    }
    long[] table =
        newTable == 0
            ? oldTable.clone()
            : Arrays.copyOf(oldTable, newTable << geometry.clusterBits() >>> 3);
    int made = 0;
    for (int index = 0; index < table.length; index++) {
      if (table[index] == 0 && needs.covers(index, run, run + newTable + blocks)) {
        table[index] = (run + newTable + made) << geometry.clusterBits();
        made++;
      }
    }
    RepairPlan plan = new RepairPlan(recount, oldTable, table, run, newTable, made);
    plan.requireLittleWork(image);
    return plan;
  }

  /** Which parts of the file need a block, because something in them is counted. */
  private static final class Needs {
    private final Recount recount;
    private final Geometry geometry;
    private final long[] table;

    /** Entries that the table must have. */
    private long length;

    /** Blocks that the present references need and that are not there. */
    private long missing;

    Needs(Recount recount, long[] table) {
      this.recount = recount;
      this.geometry = recount.header().geometry();
      this.table = table;
      long end = recount.clustersEnd();
      for (long cluster = recount.nextReferenced(0, end);
          cluster < end;
          cluster = recount.nextReferenced(start(length), end)) {
        long index = geometry.refcountTableIndex(cluster);
        length = index + 1;
        if (isMissing(index)) {
          missing++;
        }
      }
    }

    private long start(long index) {
      return Math.min(index << geometry.refcountBlockBits(), recount.clustersEnd());
    }

    private boolean isMissing(long index) {
      return index >= table.length || table[(int) index] == 0;
    }

    private boolean hasReferences(long index) {
      long end = start(index + 1);
      return recount.nextReferenced(start(index), end) < end;
    }

    /** Blocks that are missing only for a run of new clusters. */
    long missingOnlyFor(long from, long to) {
      long count = 0;
      for (long index = geometry.refcountTableIndex(from);
          index <= geometry.refcountTableIndex(to - 1);
          index++) {
        if (isMissing(index) && !hasReferences(index)) {
          count++;
        }
      }
      return count;
    }

    /** Whether a block is needed for references, or for a run of new clusters. */
    boolean covers(int index, long from, long to) {
      return (from < to
              && index >= geometry.refcountTableIndex(from)
              && index <= geometry.refcountTableIndex(to - 1))
          || hasReferences(index);
    }
  }

  /** The first clusters in a row without a reference, in the file or at its end. */
  private static long freeRun(Recount recount, long count) {
    long end = recount.clustersEnd();
    long start = 1;
    while (true) {
      long to = Math.min(start + count, end);
      long used = recount.nextReferenced(start, to);
      if (used >= to) {
        return start;
      }
      start = used + 1;
    }
  }

  private static int tableClusters(String image, Geometry geometry, long length, Limits limits)
      throws LimitExceededException {
    long bytes = geometry.roundUpToCluster(length * Long.BYTES);
    if (bytes > limits.refcountTableBytes()) {
      throw new LimitExceededException(
          image,
          Header.REFCOUNT_TABLE_FIELDS_OFFSET,
          "the image was not closed, and to repair it needs a refcount table of "
              + bytes
              + " bytes");
    }
    return (int) (bytes >>> geometry.clusterBits());
  }

  private static void requireHostOffset(String image, Geometry geometry, long end)
      throws LimitExceededException {
    if (end > geometry.clusterIndex(Geometry.HOST_OFFSET_END)) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the image was not closed, and to repair it needs host offsets of 2^56 or more");
    }
  }

  /** The blocks of a large sparse file can have any size. */
  private void requireLittleWork(String image) throws LimitExceededException {
    long bytes = 0;
    for (long entry : table) {
      bytes += entry == 0 ? 0 : geometry.clusterSize();
    }
    if (bytes > ImageCheck.DEFAULT_TABLES) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the image was not closed, and to repair it " + bytes + " bytes of counts must be made");
    }
  }

  /** The refcount table as it is. */
  long[] oldTable() {
    return oldTable;
  }

  /** The refcount table as it will be. */
  long[] table() {
    return table;
  }

  /** How many blocks are new. */
  int blocks() {
    return blocks;
  }

  /** Whether the block of a table entry is new. */
  boolean isNew(int index) {
    return table[index] != 0 && (index >= oldTable.length || oldTable[index] == 0);
  }

  /** Whether the table moves. */
  boolean movesTable() {
    return tableClusters > 0;
  }

  /** Where the table will be, in bytes. */
  long tableOffset() {
    return movesTable() ? first << geometry.clusterBits() : oldTableOffset;
  }

  /** How long the table will be, in clusters; only if it moves. */
  int tableClusters() {
    return tableClusters;
  }

  /**
   * The counts of one block as they will be.
   *
   * @param index of its table entry
   * @param counts receives them: all words of a block
   */
  void counts(int index, RefcountWidth width, long[] counts) {
    Arrays.fill(counts, 0);
    long from = (long) index << geometry.refcountBlockBits();
    long to = from + geometry.refcountsPerBlock();
    for (long cluster = recount.nextReferenced(from, to); cluster < to; ) {
      long next = recount.nextOther(cluster, to);
      width.fill(counts, (int) (cluster - from), (int) (next - from), recount.references(cluster));
      cluster = recount.nextReferenced(next, to);
    }
    if (movesTable()) {
      long old = geometry.clusterIndex(oldTableOffset);
      long length = geometry.clustersFor((long) oldTable.length * Long.BYTES);
      fill(counts, width, from, to, old, old + length, 0);
    }
    fill(counts, width, from, to, first, first + tableClusters + blocks, 1);
  }

  /** Gives clusters of a run one count, as far as they are in this block. */
  private static void fill(
      long[] counts, RefcountWidth width, long from, long to, long start, long end, long count) {
    for (long cluster = Math.max(from, start); cluster < Math.min(to, end); cluster++) {
      width.set(counts, (int) (cluster - from), count);
    }
  }
}
