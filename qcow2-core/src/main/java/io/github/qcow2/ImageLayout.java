package io.github.qcow2;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderBuilder;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.format.SubclusterBitmap;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Where everything lies in a new image.
 *
 * <pre>
 *   cluster 0   1 …             …                …
 *   ┌────────┬────────────────┬─────────────────┬──────────┬───────────┬───────────────┐
 *   │ header │ refcount table │ refcount blocks │ L1 table │ L2 tables │ data clusters │
 *   └────────┴────────────────┴─────────────────┴──────────┴───────────┴───────────────┘
 *              1 cluster and 1 block, unless those        if the disk is  and if the data
 *              cannot count all of this                   mapped at once  lie in this file
 * </pre>
 *
 * <p>Each of these is one range, so it is written from front to back in large transfers, and no
 * cache takes part. Immutable.
 */
final class ImageLayout {
  private static final int WORDS_PER_TRANSFER = (1 << 20) / Long.BYTES;

  /** What the L2 tables of a new image say. */
  enum Mapping {
    /** There are none. */
    NONE,

    /** Every guest cluster has its host cluster in the image file, and is free of data. */
    RESERVED,

    /** Every guest cluster has its place in the external data file, and is free of data. */
    RESERVED_IN_DATA_FILE,

    /** Every guest cluster is where it is in the external data file, whatever that holds. */
    DATA_FILE
  }

  /** Computes one word of a range of tables. */
  @FunctionalInterface
  private interface Words {
    long at(long index);
  }

  private final Geometry geometry;
  private final Mapping mapping;
  private final int l1Entries;
  private final long guestClusters;
  private final long l1Clusters;
  private final long l2Tables;
  private final long dataClusters;
  private final long tableClusters;
  private final long blocks;

  /** The words of a refcount block whose first 0, 1, 2 … counts are 1 and the others 0. */
  private final long[] countsOfOne;

  private ImageLayout(Geometry geometry, long size, Mapping mapping) {
    this.geometry = geometry;
    this.mapping = mapping;
    this.l1Entries = (int) geometry.l1EntriesFor(size);
    this.guestClusters = geometry.clustersFor(size);
    this.l1Clusters = geometry.clustersFor((long) l1Entries * Long.BYTES);
    this.l2Tables = mapping == Mapping.NONE ? 0 : l1Entries;
    this.dataClusters = mapping == Mapping.RESERVED ? guestClusters : 0;
    long table = 1;
    long counted = 1;
    while (true) {
      long clusters = 1 + table + counted + l1Clusters + l2Tables + dataClusters;
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
    this.countsOfOne = countsOfOne(RefcountWidth.of(geometry.refcountOrder()));
  }

  private static long[] countsOfOne(RefcountWidth width) {
    long[] words = new long[width.entriesPerWord() + 1];
    for (int counts = 1; counts < words.length; counts++) {
      long[] word = {words[counts - 1]};
      width.set(word, counts - 1, 1);
      words[counts] = word[0];
    }
    return words;
  }

  /**
   * Plans an image.
   *
   * @param size of the disk in bytes
   * @throws LimitExceededException if the disk needs longer tables than the limits allow
   */
  static ImageLayout of(String image, Geometry geometry, long size, Mapping mapping, Limits limits)
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
    ImageLayout layout = new ImageLayout(geometry, size, mapping);
    if (layout.tableClusters > limits.refcountTableBytes() >> geometry.clusterBits()
        || layout.clusters() > geometry.clusterIndex(Geometry.HOST_OFFSET_END)) {
      throw new LimitExceededException(
          image,
          Header.REFCOUNT_TABLE_FIELDS_OFFSET,
          "a disk of "
              + size
              + " bytes cannot be preallocated: no refcount table of at most "
              + limits.refcountTableBytes()
              + " bytes counts its clusters");
    }
    return layout;
  }

  /** Says in the header where the tables are. */
  void describe(HeaderBuilder header) {
    header.refcountTable(geometry.clusterSize(), (int) tableClusters);
    header.l1Table(l1Entries == 0 ? 0 : offsetOf(firstOfL1()), l1Entries);
  }

  private long firstOfL1() {
    return 1 + tableClusters + blocks;
  }

  private long firstOfL2() {
    return firstOfL1() + l1Clusters;
  }

  private long firstOfData() {
    return firstOfL2() + l2Tables;
  }

  private long clusters() {
    return firstOfData() + dataClusters;
  }

  private long offsetOf(long cluster) {
    return cluster << geometry.clusterBits();
  }

  /**
   * Writes the image into an empty file; the header last, so that an unfinished file is no image at
   * all.
   *
   * @param preallocation how the data clusters are prepared, if there are any
   */
  void write(TrackedFile file, Header header, Preallocation preallocation) throws IOException {
    // Before all else: this is what may fail for want of space.
    preallocation.prepare(file, offsetOf(firstOfData()), offsetOf(dataClusters));
    long tables = offsetOf(firstOfL2());
    write(
        file,
        offsetOf(firstOfL1()),
        l1Entries,
        ClusterKind.ACTIVE_L1,
        i -> l2Tables == 0 ? 0 : L1Entry.of(tables + offsetOf(i), true));
    write(
        file, tables, offsetOf(l2Tables) / Long.BYTES, ClusterKind.ACTIVE_L2, this::wordOfL2Tables);
    long firstBlock = 1 + tableClusters;
    write(
        file,
        offsetOf(firstBlock),
        offsetOf(blocks) / Long.BYTES,
        ClusterKind.REFCOUNT_BLOCK,
        this::wordOfBlocks);
    write(
        file,
        geometry.clusterSize(),
        offsetOf(tableClusters) / Long.BYTES,
        ClusterKind.REFCOUNT_TABLE,
        i -> i < blocks ? offsetOf(firstBlock + i) : 0);
    file.barrier();
    file.write(ByteBuffer.wrap(header.encode()), 0, ClusterKind.HEADER);
    file.barrier();
  }

  private long wordOfL2Tables(long index) {
    long cluster = index / geometry.l2EntryWords();
    if (cluster >= guestClusters) {
      return 0;
    }
    if (index % geometry.l2EntryWords() != 0) {
      return mapping == Mapping.DATA_FILE ? SubclusterBitmap.ALL_ALLOCATED : 0;
    }
    return L2Entry.normal(
        offsetOf(mapping == Mapping.RESERVED ? firstOfData() + cluster : cluster), true);
  }

  private static void write(
      TrackedFile file, long position, long count, ClusterKind kind, Words words)
      throws IOException {
    for (long at = 0; at < count; at += WORDS_PER_TRANSFER) {
      long[] chunk = new long[(int) Math.min(WORDS_PER_TRANSFER, count - at)];
      for (int i = 0; i < chunk.length; i++) {
        chunk[i] = words.at(at + i);
      }
      file.writeWords(chunk, position + at * Long.BYTES, kind);
    }
  }

  /** Refcount blocks in a row are one array of counts: 1 for every cluster that there is. */
  private long wordOfBlocks(long index) {
    int perWord = countsOfOne.length - 1;
    long left = clusters() - index * perWord;
    return countsOfOne[(int) Math.max(0, Math.min(perWord, left))];
  }
}
