package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Compares the reference counts that the image stores with the references that were counted. Too
 * low is a corruption: the cluster will be given away while in use. Too high is a leak.
 */
final class RefcountComparison {
  private static final long REPORT_STEP = 1 << 20;

  private final Geometry geometry;
  private final StoredCounts stored;
  private final ReferenceCounter counter;
  private final FindingLog log;
  private final boolean leaksKnown;
  private long lastUsed;

  /**
   * For one check.
   *
   * @param leaksKnown whether all references could be counted; if not, a cluster without any may
   *     still have one
   */
  RefcountComparison(
      Geometry geometry,
      StoredCounts stored,
      ReferenceCounter counter,
      FindingLog log,
      boolean leaksKnown) {
    this.geometry = geometry;
    this.stored = stored;
    this.counter = counter;
    this.log = log;
    this.leaksKnown = leaksKnown;
  }

  /** Compares everything, block by block; reports one cluster of progress for each. */
  void compare(Checkpoint checkpoint, long doneBefore) throws IOException {
    long end = counter.clustersEnd();
    long perBlock = geometry.refcountsPerBlock();
    long done = doneBefore;
    long reported = done;
    for (long first = 0; first < end; first += perBlock) {
      long last = Math.min(end, first + perBlock);
      long index = geometry.refcountTableIndex(first);
      if (stored.isReadable(index)) {
        compare(first, last, stored.block(index));
      } else {
        unreadable(first, last - first);
      }
      done += geometry.clusterSize();
      if (done - reported >= REPORT_STEP) {
        checkpoint.reached(done);
        reported = done;
      }
    }
    checkpoint.finished();
  }

  /** The number of blocks that {@link #compare} may go through, while references are counted. */
  long blocks() {
    return geometry.refcountTableIndex(counter.fileClusters()) + 1;
  }

  /** The number of the last cluster that is referred to or has a count; 0 if there is none. */
  long lastUsed() {
    return lastUsed;
  }

  /**
   * Compares the counts of one block, those of the clusters {@code [first, last)}. Whatever runs
   * they form, each is looked at a few times at most.
   *
   * @param words the block, or null if all stored counts are 0
   */
  private void compare(long first, long last, long @Nullable [] words) {
    long referenced = counter.nextReferenced(first, last);
    long counted = nextCounted(words, first, first, last);
    long table = counter.nextTable(first, last);
    long alikeEnd = first;
    for (long at = Math.min(referenced, counted); at < last; at = Math.min(referenced, counted)) {
      long refcount = words == null ? 0 : stored.width().get(words, (int) (at - first));
      long references = counter.references(at);
      if (alikeEnd <= at) {
        alikeEnd = counter.nextOther(at, last, references);
      }
      if (table < at) {
        table = counter.nextTable(at, last);
      }
      long next = at + 1;
      if (words != null && refcount == references && at != table) {
        // As it should be, and most often it goes on like that.
        next = endOfEqual(words, first, next, Math.min(alikeEnd, table), references);
      } else {
        compare(at, refcount, references);
      }
      lastUsed = next - 1;
      if (referenced < next) {
        referenced = counter.nextReferenced(next, last);
      }
      if (counted < next) {
        counted = nextCounted(words, first, next, last);
      }
    }
  }

  /** The first cluster in {@code [from, to)} whose stored count is not 0, or {@code to}. */
  private long nextCounted(long @Nullable [] words, long first, long from, long to) {
    return words == null
        ? to
        : first + stored.width().nextUsed(words, (int) (from - first), (int) (to - first));
  }

  /** The first cluster in {@code [from, to)} whose stored count is another, or {@code to}. */
  private long endOfEqual(long[] words, long first, long from, long to, long count) {
    return first + stored.width().nextOther(words, (int) (from - first), (int) (to - first), count);
  }

  private void compare(long cluster, long refcount, long references) {
    if (refcount < references) {
      log.add(
          Kind.REFCOUNT_TOO_LOW,
          cluster << geometry.clusterBits(),
          () -> line("ERROR", cluster, refcount, references));
    } else if (refcount > references && leaksKnown) {
      // A small file can claim millions of these; not even the message's supplier is made then.
      if (log.isFull()) {
        log.count(Kind.LEAKED_CLUSTER, 1);
      } else {
        log.add(
            Kind.LEAKED_CLUSTER,
            cluster << geometry.clusterBits(),
            () -> line("Leaked", cluster, refcount, references));
      }
    }
    if (references > 1 && refcount >= references && counter.isTable(cluster)) {
      log.add(
          Kind.OVERLAP,
          cluster << geometry.clusterBits(),
          () -> line("ERROR table overlaps with something in", cluster, refcount, references));
    }
  }

  private static String line(String what, long cluster, long refcount, long references) {
    return what + " cluster " + cluster + " refcount=" + refcount + " reference=" + references;
  }

  private void unreadable(long first, long count) {
    log.add(
        Kind.REFCOUNT_UNREADABLE,
        first << geometry.clusterBits(),
        count,
        () -> "Can't get refcount for " + count + " clusters from cluster " + first + " on");
  }
}
