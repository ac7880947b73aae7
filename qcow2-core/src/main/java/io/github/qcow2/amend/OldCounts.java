package io.github.qcow2.amend;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.RefcountTableEntry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.metadata.TableReading;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The refcount structures as they are in the file, read block by block.
 *
 * <p>Owns the table and the block that was read last. Used by one thread, while nobody changes the
 * file.
 */
final class OldCounts {
  private final Geometry geometry;
  private final RefcountWidth width;
  private final TableReading reading;
  private final long[] table;
  private final long firstTableCluster;
  private final long tableClusters;

  /** The clusters of the blocks, ascending. */
  private final long[] blocks;

  private final long[] words;
  private int inWords = -1;

  private OldCounts(Header header, TableReading reading, long[] table, long[] blocks) {
    this.geometry = header.geometry();
    this.width = RefcountWidth.of(geometry.refcountOrder());
    this.reading = reading;
    this.table = table;
    this.firstTableCluster = geometry.clusterIndex(header.refcountTableOffset());
    this.tableClusters = header.refcountTableClusters();
    this.blocks = blocks;
    this.words = new long[geometry.clusterSize() / Long.BYTES];
  }

  /**
   * Reads the table.
   *
   * @throws CorruptImageException if an entry is broken or leads behind the end of the file, or two
   *     lead to one block
   */
  static OldCounts read(String image, TrackedFile file, Header header) throws IOException {
    Geometry geometry = header.geometry();
    TableReading reading = new TableReading(file);
    long[] table = new long[header.refcountTableEntries()];
    reading.read(header.refcountTableOffset(), table);
    long[] blocks = new long[table.length];
    int count = 0;
    // Behind the end of the file a table could name more blocks than anybody can wait for.
    long end = file.size();
    for (int index = 0; index < table.length; index++) {
      long offset = RefcountTableEntry.offset(table[index]);
      if (offset == 0) {
        continue;
      }
      if (offset < 0
          || offset >= Math.min(Geometry.HOST_OFFSET_END, end)
          || !geometry.isClusterAligned(offset)
          || RefcountTableEntry.reserved(table[index]) != 0) {
        throw new CorruptImageException(
            image,
            header.refcountTableOffset() + (long) index * Long.BYTES,
            "refcount table entry 0x" + Long.toHexString(table[index]) + " leads to no block");
      }
      table[index] = offset;
      blocks[count++] = geometry.clusterIndex(offset);
    }
    blocks = Arrays.copyOf(blocks, count);
    Arrays.sort(blocks);
    for (int i = 1; i < count; i++) {
      if (blocks[i] == blocks[i - 1]) {
        throw new CorruptImageException(
            image, blocks[i] << geometry.clusterBits(), "two table entries share a refcount block");
      }
    }
    return new OldCounts(header, reading, table, blocks);
  }

  /** Entries of the table. */
  int length() {
    return table.length;
  }

  /** How counts lie in a block. */
  RefcountWidth width() {
    return width;
  }

  /** The number of the first cluster that a table entry covers. */
  long firstCluster(int index) {
    return (long) index << geometry.refcountBlockBits();
  }

  /**
   * The words of a block, or null where there is none: all its counts are 0. Valid until the next
   * call.
   */
  long @Nullable [] block(int index) throws IOException {
    if (table[index] == 0) {
      return null;
    }
    if (inWords != index) {
      inWords = -1;
      reading.read(table[index], words);
      inWords = index;
    }
    return words;
  }

  /** How many clusters table and blocks take. */
  long structureClusters() {
    return tableClusters + blocks.length;
  }

  /** Whether a cluster belongs to the table or is a block. */
  boolean isStructure(long cluster) {
    return (cluster >= firstTableCluster && cluster < firstTableCluster + tableClusters)
        || Arrays.binarySearch(blocks, cluster) >= 0;
  }
}
