package io.github.qcow2;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderBuilder;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where everything lies in a new, empty image: as qemu-img lays it out.
 *
 * <pre>
 *   cluster 0   1 …             …                …
 *   ┌────────┬────────────────┬─────────────────┬──────────┐
 *   │ header │ refcount table │ refcount blocks │ L1 table │
 *   └────────┴────────────────┴─────────────────┴──────────┘
 *              1 cluster and 1 block, unless those cannot count all of this
 * </pre>
 */
final class ImageLayout {
  private final Geometry geometry;
  private final int l1Entries;
  private final long l1Clusters;
  private final long tableClusters;
  private final long blocks;

  private ImageLayout(Geometry geometry, int l1Entries) {
    this.geometry = geometry;
    this.l1Entries = l1Entries;
    this.l1Clusters = geometry.clustersFor((long) l1Entries * Long.BYTES);
    long table = 1;
    long counted = 1;
    while (true) {
      long clusters = 1 + table + counted + l1Clusters;
      long needed = (clusters + geometry.refcountsPerBlock() - 1) / geometry.refcountsPerBlock();
      long neededTable = geometry.clustersFor(needed * Long.BYTES);
      if (needed <= counted && neededTable <= table) {
        break;
      }
      counted = Math.max(counted, needed);
      table = Math.max(table, neededTable);
    }
    this.tableClusters = table;
    this.blocks = counted;
  }

  /**
   * Plans an image.
   *
   * @param size of the disk in bytes
   * @throws LimitExceededException if the disk needs a longer L1 table than the limits allow
   */
  static ImageLayout of(String image, Geometry geometry, long size, Limits limits)
      throws LimitExceededException {
    long entries = geometry.l1EntriesFor(size);
    if (entries > limits.l1Bytes() / Long.BYTES) {
      throw new LimitExceededException(
          image,
          Header.L1_TABLE_FIELDS_OFFSET,
          "a disk of "
              + size
              + " bytes needs "
              + entries
              + " L1 entries; clusters of "
              + geometry.clusterSize()
              + " bytes are too small for it");
    }
    return new ImageLayout(geometry, (int) entries);
  }

  /** Says in the header where the tables are. */
  void describe(HeaderBuilder header) {
    header.refcountTable(geometry.clusterSize(), (int) tableClusters);
    header.l1Table(l1Entries == 0 ? 0 : l1Offset(), l1Entries);
  }

  private long l1Offset() {
    return (1 + tableClusters + blocks) << geometry.clusterBits();
  }

  /** Writes the image; the header last, so that an unfinished file is no image at all. */
  void write(TrackedFile file, Header header) throws IOException {
    long clusters = 1 + tableClusters + blocks + l1Clusters;
    file.writeWords(new long[l1Entries], l1Offset(), ClusterKind.ACTIVE_L1);
    long perBlock = geometry.refcountsPerBlock();
    long[] table = new long[(int) (tableClusters << geometry.clusterBits()) / Long.BYTES];
    RefcountWidth width = RefcountWidth.of(geometry.refcountOrder());
    for (int block = 0; block < blocks; block++) {
      long[] counts = new long[geometry.clusterSize() / Long.BYTES];
      int used = (int) Math.min(perBlock, clusters - block * perBlock);
      for (int i = 0; i < used; i++) {
        width.set(counts, i, 1);
      }
      table[block] = (1 + tableClusters + block) << geometry.clusterBits();
      file.writeWords(counts, table[block], ClusterKind.REFCOUNT_BLOCK);
    }
    file.writeWords(table, geometry.clusterSize(), ClusterKind.REFCOUNT_TABLE);
    file.barrier();
    file.write(ByteBuffer.wrap(header.encode()), 0, ClusterKind.HEADER);
    file.barrier();
  }
}
