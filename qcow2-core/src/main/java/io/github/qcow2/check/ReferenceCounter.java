package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountWidth;
import java.util.Locale;

/**
 * Counts, for each host cluster, how many references there are to it: what its reference count
 * should be (qcow2 spec, "Host cluster management").
 *
 * <p>References that end a cluster or more beyond the end of the file are reported and not counted,
 * so no offset in an image makes the books larger than the file warrants.
 */
final class ReferenceCounter {
  /** As in QEMU: a file of more clusters cannot be checked. */
  private static final long MAX_CLUSTERS = Integer.MAX_VALUE;

  private final Geometry geometry;
  private final long fileLength;
  private final long fileClusters;
  private final long maxCount;
  private final FindingLog log;
  private final ReferenceCounts counts;
  private final ReferenceCounts exclusive;
  private long clustersEnd;

  /**
   * For one check.
   *
   * @param image what exceptions name
   * @param fileLength in bytes
   * @throws LimitExceededException if the file has too many clusters to be checked
   */
  ReferenceCounter(
      String image, long fileLength, Geometry geometry, FindingLog log, CheckBudget budget)
      throws LimitExceededException {
    this.geometry = geometry;
    this.fileLength = fileLength;
    this.fileClusters = geometry.clustersFor(fileLength);
    if (fileClusters > MAX_CLUSTERS) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "a file of " + fileClusters + " clusters is too large to be checked");
    }
    this.clustersEnd = fileClusters;
    this.maxCount = RefcountWidth.of(geometry.refcountOrder()).max();
    this.log = log;
    // A reference may end less than a cluster beyond the last, partial one.
    this.counts = new ReferenceCounts(fileClusters + 1, budget);
    this.exclusive = new ReferenceCounts(fileClusters + 1, budget);
  }

  /**
   * Counts {@code times} references to each cluster that a range of the file touches.
   *
   * @param offset first byte
   * @param length in bytes; 0 is no reference
   * @return whether the range lies in the file, as far as references must
   */
  boolean count(long offset, long length, long times) throws LimitExceededException {
    boolean inFile = isInFile(offset, length, times);
    if (inFile) {
      for (long cluster = first(offset); cluster <= last(offset, length); cluster++) {
        add(cluster, times);
      }
    }
    return inFile;
  }

  /**
   * Counts {@code times} references to each of some clusters in a row, as {@link #count} would, if
   * that is plain: they lie in the file, and nothing has referred to any of them before.
   *
   * @return false if it is not; nothing has been counted then
   */
  boolean countFirst(long first, long clusters, long times) throws LimitExceededException {
    long end = first + clusters;
    if (end > fileClusters || times > maxCount || counts.nextUsed(first, end) < end) {
      return false;
    }
    counts.fill(first, end, times);
    return true;
  }

  /** Counts one reference to a range that belongs to a single table and to nothing else. */
  void countTable(long offset, long length) throws LimitExceededException {
    if (isInFile(offset, length, 1)) {
      for (long cluster = first(offset); cluster <= last(offset, length); cluster++) {
        add(cluster, 1);
        exclusive.set(cluster, 1);
      }
    }
  }

  /** How many references to a cluster were counted; no more than a stored count can hold. */
  long references(long cluster) {
    return counts.get(cluster);
  }

  /** The first cluster in {@code [from, to)} that has references, or {@code to}. */
  long nextReferenced(long from, long to) {
    return from >= clustersEnd
        ? to
        : Math.min(to, counts.nextUsed(from, Math.min(to, clustersEnd)));
  }

  /** The first cluster in {@code [from, to)} that has not {@code count} references, or its end. */
  long nextOther(long from, long to, long count) {
    return counts.nextOther(from, Math.min(to, clustersEnd), count);
  }

  /** Whether a cluster belongs to a table that no two references may share. */
  boolean isTable(long cluster) {
    return exclusive.get(cluster) != 0;
  }

  /** The first cluster in {@code [from, to)} that {@link #isTable}, or {@code to}. */
  long nextTable(long from, long to) {
    return exclusive.nextUsed(from, to);
  }

  /** The number of clusters in the file, the last one perhaps partial. */
  long fileClusters() {
    return fileClusters;
  }

  /** The number of clusters up to the end of the file or of the last reference. */
  long clustersEnd() {
    return clustersEnd;
  }

  private boolean isInFile(long offset, long length, long times) {
    if (length == 0) {
      return false;
    }
    long end = offset + length;
    boolean possible = offset >= 0 && length > 0 && end > 0;
    if (!possible || end - fileLength >= geometry.clusterSize()) {
      log.add(
          Kind.BEYOND_END_OF_FILE,
          offset,
          times,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR: counting reference for region exceeding the end of the file by one cluster"
                      + " or more: offset 0x%x size 0x%x",
                  offset,
                  length));
      return false;
    }
    return true;
  }

  private long first(long offset) {
    return geometry.clusterIndex(offset);
  }

  private long last(long offset, long length) {
    return geometry.clusterIndex(offset + length - 1);
  }

  private void add(long cluster, long times) throws LimitExceededException {
    long before = counts.get(cluster);
    long room = maxCount - before;
    counts.set(cluster, before + Math.min(room, times));
    clustersEnd = Math.max(clustersEnd, cluster + 1);
    if (times > room) {
      log.add(
          Kind.REFCOUNT_OVERFLOW,
          cluster << geometry.clusterBits(),
          times - room,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR: overflow cluster offset=0x%x",
                  cluster << geometry.clusterBits()));
    }
  }
}
