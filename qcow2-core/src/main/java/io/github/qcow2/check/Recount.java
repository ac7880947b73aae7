package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * How often each host cluster of an image is referred to, whatever counts the image itself stores:
 * what those should be. Got from {@link ImageCheck#recount()}. Not changed any more by then.
 */
public final class Recount {
  private final Header header;
  private final ReferenceCounter counter;
  private final TableReferences tables;
  private final @Nullable Finding obstacle;

  private Recount(Header header, ReferenceWalk walk, @Nullable Finding obstacle) {
    this.header = header;
    this.counter = walk.counter();
    this.tables = walk.tables();
    this.obstacle = obstacle;
  }

  static Recount of(Storage storage, Limits limits, Progress progress, CheckBudget budget)
      throws IOException {
    Header header = ReferenceWalk.readHeader(storage, limits);
    long fileLength = storage.size();
    FindingLog log = new FindingLog();
    RefcountTable table = RefcountTable.read(header, storage, fileLength, budget);
    ReferenceWalk walk =
        new ReferenceWalk(storage, fileLength, header, limits, budget, table, null, log);
    walk.collect();
    Checkpoint checkpoint =
        new Checkpoint(progress, storage.name(), "the count of references", walk.tableBytes());
    checkpoint.reached(0);
    walk.count(checkpoint);
    findOverlaps(header.geometry(), walk, log);
    return new Recount(header, walk, obstacle(log));
  }

  /** Finds tables whose clusters have other uses too, which no count makes right. */
  private static void findOverlaps(Geometry geometry, ReferenceWalk walk, FindingLog log)
      throws LimitExceededException {
    ReferenceCounter counter = walk.counter();
    long end = counter.clustersEnd();
    for (long cluster = counter.nextTable(0, end);
        cluster < end;
        cluster = counter.nextTable(cluster + 1, end)) {
      if (counter.references(cluster) > 1) {
        overlap(log, cluster << geometry.clusterBits(), counter.references(cluster), 1);
      }
    }
    for (long offset : walk.tables().sortedOffsets()) {
      long references = counter.references(geometry.clusterIndex(offset));
      if (references > walk.tables().total(offset)) {
        overlap(log, offset, references, walk.tables().total(offset));
      }
    }
  }

  private static void overlap(FindingLog log, long offset, long references, long asTable) {
    log.add(
        Kind.OVERLAP,
        offset,
        () ->
            "ERROR table overlaps with something: reference="
                + references
                + " as table="
                + asTable);
  }

  private static @Nullable Finding obstacle(FindingLog log) {
    for (Kind kind : Kind.values()) {
      if (!kind.isMendedByCounting() && log.first(kind) != null) {
        return log.first(kind);
      }
    }
    return null;
  }

  /** The header of the image. */
  public Header header() {
    return header;
  }

  /**
   * Something that stands in the way of making the stored counts right: a reference that could not
   * be counted, or a cluster with two uses that exclude each other. Null if there is none.
   */
  public @Nullable Finding obstacle() {
    return obstacle;
  }

  /** How many references there are to a cluster; no more than a stored count can hold. */
  public long references(long cluster) {
    return cluster < counter.clustersEnd() ? counter.references(cluster) : 0;
  }

  /** The first cluster in {@code [from, to)} that has references, or {@code to}. */
  public long nextReferenced(long from, long to) {
    return counter.nextReferenced(from, to);
  }

  /**
   * The first cluster in {@code [from, to)} that has not as many references as {@code from}, or
   * {@code to}.
   *
   * @param from a cluster that has references
   */
  public long nextOther(long from, long to) {
    return counter.nextOther(from, to, counter.references(from));
  }

  /** The number of clusters up to the end of the file or of the last reference. */
  public long clustersEnd() {
    return counter.clustersEnd();
  }

  /** The host offsets of the L2 tables that the active L1 table refers to, ascending. */
  public long[] activeTables() throws LimitExceededException {
    long[] all = tables.sortedOffsets();
    int count = 0;
    for (long offset : all) {
      count += tables.active(offset) > 0 ? 1 : 0;
    }
    long[] active = new long[count];
    int at = 0;
    for (long offset : all) {
      if (tables.active(offset) > 0) {
        active[at++] = offset;
      }
    }
    return active;
  }
}
