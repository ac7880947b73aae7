package io.github.qcow2.allocation;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;

/**
 * Replaces the refcount table by a longer one.
 *
 * <p>The new table lies right behind the last cluster that the old one could cover, after the
 * refcount blocks that count it and themselves:
 *
 * <pre>
 *   … covered by the old table │ new block │ … │ new table        │ free
 *                              │  counts ──┴───┴─────────────────▶│
 * </pre>
 *
 * <p>Before, nothing points there. Blocks and table are written, then a barrier, then the 12 bytes
 * of the header that say where the table is, then a barrier (I2, I4). A power cut leaves the old
 * table or the new one in force; the other is garbage that nothing counts, or a leak. Called under
 * the flush lock and the lock of the refcount store.
 */
public final class RefcountTableGrowth {
  private final String image;
  private final Geometry geometry;
  private final TrackedFile file;
  private final HeaderFile header;
  private final Refcounts refcounts;
  private final FlushEpochs epochs;
  private final long bytesAtMost;

  /**
   * Prepares growth for an image.
   *
   * @param bytesAtMost how long the table may become, in bytes
   */
  public RefcountTableGrowth(
      String image,
      Geometry geometry,
      TrackedFile file,
      HeaderFile header,
      Refcounts refcounts,
      FlushEpochs epochs,
      long bytesAtMost) {
    this.image = image;
    this.geometry = geometry;
    this.file = file;
    this.header = header;
    this.refcounts = refcounts;
    this.epochs = epochs;
    this.bytesAtMost = bytesAtMost;
  }

  /**
   * Grows the table by at least half.
   *
   * @param more how many entries it must at least gain
   * @return where the old table was; its clusters are still counted
   */
  ClusterRun grow(long more) throws IOException {
    // The new table will point to every block there is, so every block must be durable.
    epochs.writeRefcounts();
    int oldLength = refcounts.table().length();
    long start = (long) oldLength << geometry.refcountBlockBits();
    long perBlock = geometry.refcountsPerBlock();
    long blocks = 1;
    long length;
    long tableClusters;
    while (true) {
      length = oldLength + Math.max(oldLength / 2L, blocks + more);
      tableClusters =
          Math.min(
              geometry.clustersFor(length * Long.BYTES), bytesAtMost >> geometry.clusterBits());
      length = (tableClusters << geometry.clusterBits()) / Long.BYTES;
      long needed = (blocks + tableClusters + perBlock - 1) / perBlock;
      if (needed <= blocks) {
        break;
      }
      blocks = needed;
    }
    if (length < oldLength + blocks + more) {
      throw new LimitExceededException(
          image,
          Header.REFCOUNT_TABLE_FIELDS_OFFSET,
          "the refcount table cannot exceed " + bytesAtMost + " bytes: the image is full");
    }

    long[] entries = refcounts.table().copy((int) length);
    for (int block = 0; block < blocks; block++) {
      long cluster = start + block;
      long used = Math.min(perBlock, blocks + tableClusters - block * perBlock);
      file.writeWords(blockOf((int) used), cluster << geometry.clusterBits(), ClusterKind.DATA);
      entries[oldLength + block] = cluster << geometry.clusterBits();
    }
    long tableOffset = (start + blocks) << geometry.clusterBits();
    file.writeWords(entries, tableOffset, ClusterKind.DATA);

    ClusterRun old =
        new ClusterRun(
            refcounts.table().offset() >>> geometry.clusterBits(),
            geometry.clustersFor((long) oldLength * Long.BYTES));
    header.change(
        header.header().withRefcountTable(tableOffset, (int) tableClusters),
        Header.REFCOUNT_TABLE_FIELDS_OFFSET,
        Header.REFCOUNT_TABLE_FIELDS_LENGTH);
    refcounts.table().moved(tableOffset, entries);
    return old;
  }

  /** A block that counts its first {@code used} clusters once. */
  private long[] blockOf(int used) {
    long[] words = new long[geometry.clusterSize() / Long.BYTES];
    for (int i = 0; i < used; i++) {
      refcounts.width().set(words, i, 1);
    }
    return words;
  }
}
