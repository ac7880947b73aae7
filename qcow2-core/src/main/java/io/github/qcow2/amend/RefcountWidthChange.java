package io.github.qcow2.amend;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.transfer.Checkpoint;
import java.io.IOException;

/**
 * Gives the counts of an image another width (qcow2 spec, "Header", {@code refcount_order}).
 *
 * <pre>
 *   new refcount blocks and a new refcount table, in clusters that the old counts call free
 *   ═══ barrier
 *   place and length of the table and the width: 52 bytes in the header's first sector
 *   ═══ barrier
 * </pre>
 *
 * <p>Before the header is written, nothing leads to the new structures and nothing counts them;
 * afterwards that is so for the old ones. So a power cut leaves no leak at any time.
 *
 * <p>Used by one thread; nobody else has the file, and its counts are not stale.
 */
public final class RefcountWidthChange {
  private final String image;
  private final TrackedFile file;
  private final HeaderFile header;
  private final Limits limits;
  private final int order;

  /**
   * Prepares the change.
   *
   * @param image what exceptions name
   * @param order log2 of the new width in bits
   */
  public RefcountWidthChange(
      String image, TrackedFile file, HeaderFile header, Limits limits, int order) {
    this.image = image;
    this.file = file;
    this.header = header;
    this.limits = limits;
    this.order = order;
  }

  /**
   * Finds out whether the change can be made; writes nothing.
   *
   * @throws LimitExceededException if a count does not fit the new width, or the refcount table
   *     would exceed the limits
   * @throws io.github.qcow2.error.CorruptImageException if the refcount structures are broken
   */
  public void check() throws IOException {
    plan();
  }

  private RefcountPlan plan() throws IOException {
    Header now = header.header();
    return RefcountPlan.of(image, OldCounts.read(image, file, now), now, order, limits);
  }

  /**
   * Makes the change. Can be cancelled until the header is written.
   *
   * @throws LimitExceededException as {@link #check} does
   * @throws io.github.qcow2.error.OperationCancelledException if it was cancelled
   */
  public void run(Progress progress) throws IOException {
    RefcountPlan plan = plan();
    Geometry geometry = header.header().geometry();
    long[] table = new long[plan.tableClusters() << geometry.clusterBits() >>> 3];
    long[] counts = new long[geometry.clusterSize() / Long.BYTES];
    Checkpoint checkpoint =
        new Checkpoint(
            progress,
            image,
            "the change of the refcount width",
            (long) plan.blocks() << geometry.clusterBits());
    checkpoint.reached(0);
    int made = 0;
    for (int index = plan.nextBlock(0); index >= 0; index = plan.nextBlock(index + 1)) {
      plan.counts(index, counts);
      table[index] = plan.blockOffset(made);
      // Not yet counted, so for whoever guards tables it is data.
      file.writeWords(counts, table[index], ClusterKind.DATA);
      made++;
      checkpoint.reached((long) made << geometry.clusterBits());
    }
    file.writeWords(table, plan.tableOffset(), ClusterKind.DATA);
    header.change(
        header.header().withRefcounts(plan.tableOffset(), plan.tableClusters(), order),
        Header.REFCOUNT_FIELDS_OFFSET,
        Header.REFCOUNT_FIELDS_LENGTH);
  }
}
