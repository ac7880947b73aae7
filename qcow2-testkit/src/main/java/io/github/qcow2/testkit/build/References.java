package io.github.qcow2.testkit.build;

import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.Map;

/** Counts what refers to each cluster, and lays out and writes the refcount structures. */
final class References {
  private final int clusterBits;
  private final int refcountOrder;
  private final Map<Long, Long> counts = new HashMap<>();
  private long blocksOffset;
  private long blocks;
  private long tableOffset;
  private long tableClusters;

  References(int clusterBits, int refcountOrder) {
    this.clusterBits = clusterBits;
    this.refcountOrder = refcountOrder;
  }

  /** Counts a reference to each cluster that a range touches. */
  void add(long offset, long length) {
    for (long cluster = offset >> clusterBits;
        cluster <= (offset + length - 1) >> clusterBits;
        cluster++) {
      counts.merge(cluster, 1L, Long::sum);
    }
  }

  /** References to the cluster at an offset. */
  long count(long offset) {
    return counts.getOrDefault(offset >> clusterBits, 0L);
  }

  /** The largest count that fits. */
  long max() {
    return refcountOrder == 6 ? Long.MAX_VALUE : (1L << (1 << refcountOrder)) - 1;
  }

  /** Finds room for blocks and table behind everything else, and counts them too. */
  void placeStructures(long end) {
    long used = end >> clusterBits;
    long perBlock = 1L << (clusterBits + 3 - refcountOrder);
    long perTableCluster = 1L << (clusterBits - 3);
    long before;
    do {
      before = blocks + tableClusters;
      blocks = (used + before + perBlock - 1) / perBlock;
      tableClusters = (blocks + perTableCluster - 1) / perTableCluster;
    } while (blocks + tableClusters != before);
    blocksOffset = end;
    tableOffset = end + (blocks << clusterBits);
    add(blocksOffset, (blocks + tableClusters) << clusterBits);
    counts.forEach(
        (cluster, count) -> {
          if (count > max()) {
            throw new IllegalArgumentException(
                count + " references to cluster " + cluster + " do not fit its refcount");
          }
        });
  }

  /** First byte behind the table, which is the end of the file. */
  long end() {
    return tableOffset + (tableClusters << clusterBits);
  }

  long tableOffset() {
    return tableOffset;
  }

  int tableClusters() {
    return (int) tableClusters;
  }

  void write(byte[] bytes) {
    for (long block = 0; block < blocks; block++) {
      ImageLayout.putLong(bytes, tableOffset + block * 8, blocksOffset + (block << clusterBits));
    }
    counts.forEach((cluster, count) -> put(bytes, cluster, count));
  }

  /** Writes the refcount of one cluster, whatever it should be. */
  void put(byte[] bytes, long cluster, long count) {
    int perBlockBits = clusterBits + 3 - refcountOrder;
    if (cluster >>> perBlockBits >= blocks) {
      throw new IllegalArgumentException("no refcount block for cluster " + cluster);
    }
    // Blocks follow each other, so that all of them are one array of refcounts.
    int bits = 1 << refcountOrder;
    int at = (int) (blocksOffset + (cluster * bits) / 8);
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    switch (refcountOrder) {
      case 3 -> buffer.put(at, (byte) count);
      case 4 -> buffer.putShort(at, (short) count);
      case 5 -> buffer.putInt(at, (int) count);
      case 6 -> buffer.putLong(at, count);
      default -> {
        int shift = (int) (cluster * bits % 8);
        int mask = ((1 << bits) - 1) << shift;
        buffer.put(at, (byte) ((bytes[at] & ~mask) | ((int) count << shift & mask)));
      }
    }
  }
}
