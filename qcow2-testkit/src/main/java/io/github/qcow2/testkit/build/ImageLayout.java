package io.github.qcow2.testkit.build;

import java.nio.ByteBuffer;
import java.util.HashSet;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Decides where everything goes, counts the references and writes the bytes. One per image.
 *
 * <p>The order in the file is: header, L1 tables, snapshot table, L2 tables, data, compressed data,
 * refcount blocks, refcount table. The last two come last because only then is it known how many
 * clusters they have to count, themselves included.
 */
final class ImageLayout {
  private static final long COPIED = 1L << 63;
  private static final long COMPRESSED = 1L << 62;
  private static final long ZERO = 1;
  private static final int SECTOR = 512;

  private final ImageBuilder image;
  private final int clusterSize;
  private final List<MappingTable> tables;
  private final References references;
  private long snapshotTableOffset;
  private long end;

  ImageLayout(ImageBuilder image) {
    this.image = image;
    this.clusterSize = image.clusterSize();
    this.tables = MappingTable.of(image);
    this.references = new References(image.clusterBits, image.refcountOrder);
    this.end = clusterSize;
  }

  BuiltImage build() {
    references.add(0, clusterSize);
    for (MappingTable table : tables) {
      table.offset = place(table.entries * 8L);
    }
    snapshotTableOffset = place(SnapshotTableWriter.length(image));
    Set<MappingTable.L2> l2s = placeL2Tables();
    placeClusters();
    references.placeStructures(end);

    byte[] bytes = new byte[Math.toIntExact(references.end())];
    HeaderWriter.write(image, bytes, tables.get(0), snapshotTableOffset, references);
    for (MappingTable table : tables) {
      writeL1(table, bytes);
    }
    SnapshotTableWriter.write(image, tables, bytes, (int) snapshotTableOffset);
    byte[] dataFile = image.hasDataFile() ? new byte[Math.toIntExact(image.size)] : new byte[0];
    for (MappingTable.L2 l2 : l2s) {
      l2.clusters.forEach((guest, cluster) -> writeEntry(l2, guest, cluster, bytes));
      l2.clusters.values().forEach(cluster -> writeData(cluster, bytes, dataFile));
    }
    references.write(bytes);
    return new BuiltImage(image, bytes, dataFile, tables, snapshotTableOffset, references);
  }

  /** Room from a cluster's start on, referred to once; nowhere for nothing. */
  private long place(long length) {
    if (length == 0) {
      return 0;
    }
    long offset = end;
    references.add(offset, length);
    end += (length + clusterSize - 1) / clusterSize * clusterSize;
    return offset;
  }

  /** A table gets its place from the first L1 table that has it; each one refers to it. */
  private Set<MappingTable.L2> placeL2Tables() {
    Set<MappingTable.L2> placed = new LinkedHashSet<>();
    for (MappingTable table : tables) {
      for (MappingTable.L2 l2 : table.l2s.values()) {
        if (placed.add(l2)) {
          l2.offset = place(clusterSize);
        } else {
          references.add(l2.offset, clusterSize);
        }
      }
    }
    return placed;
  }

  /** Plain clusters first, then compressed ones: those follow each other without a gap. */
  private void placeClusters() {
    Set<Cluster> placed = new HashSet<>();
    for (boolean compressed : new boolean[] {false, true}) {
      for (MappingTable table : tables) {
        for (Map.Entry<Long, Cluster> entry : table.source.clusters().entrySet()) {
          Cluster cluster = entry.getValue();
          if (cluster.stored != null && cluster.compressed == compressed) {
            placeCluster(entry.getKey(), cluster, cluster.stored.length, placed.add(cluster));
          }
        }
      }
    }
    end = (end + clusterSize - 1) / clusterSize * clusterSize;
  }

  private void placeCluster(long guestCluster, Cluster cluster, int length, boolean first) {
    if (image.hasDataFile()) {
      cluster.host = guestCluster << image.clusterBits;
      return;
    }
    if (first) {
      cluster.host = end;
      boolean mayShare = cluster.compressed && references.max() > 1;
      end += mayShare ? length : (length + clusterSize - 1) / clusterSize * clusterSize;
    }
    references.add(cluster.host, length);
  }

  private void writeL1(MappingTable table, byte[] bytes) {
    table.l2s.forEach(
        (index, l2) -> {
          boolean copied = table.active && references.count(l2.offset) == 1;
          putLong(bytes, table.offset + index * 8L, l2.offset | (copied ? COPIED : 0));
        });
  }

  private void writeEntry(MappingTable.L2 l2, long guest, Cluster cluster, byte[] bytes) {
    long at = l2.offset + guest % image.clustersPerL2Table() * image.l2EntryBytes();
    long entry = cluster.zeroFlag ? ZERO : 0;
    if (cluster.stored != null && cluster.compressed) {
      long first = cluster.host / SECTOR;
      long last = (cluster.host + cluster.stored.length - 1) / SECTOR;
      entry = COMPRESSED | (last - first) << (62 - (image.clusterBits - 8)) | cluster.host;
    } else if (cluster.stored != null) {
      boolean copied = image.hasDataFile() || (l2.active && references.count(cluster.host) == 1);
      entry |= cluster.host | (copied ? COPIED : 0);
    }
    putLong(bytes, at, entry);
    if (image.extendedL2) {
      putLong(bytes, at + 8, cluster.bitmap);
    }
  }

  private void writeData(Cluster cluster, byte[] bytes, byte[] dataFile) {
    byte[] stored = cluster.stored;
    if (stored != null) {
      byte[] target = image.hasDataFile() ? dataFile : bytes;
      int host = (int) cluster.host;
      System.arraycopy(stored, 0, target, host, Math.min(stored.length, target.length - host));
    }
  }

  static void putLong(byte[] bytes, long offset, long value) {
    ByteBuffer.wrap(bytes).putLong((int) offset, value);
  }
}
