package io.github.qcow2.amend;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.metadata.TableReading;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * All L2 tables of an image, those that only snapshots lead to included. Immutable; true as long as
 * nobody changes the L1 tables.
 */
public final class L2Tables {
  /** Twice as many take 256 MiB; an image with a thousand snapshots of 8 TiB has them. */
  private static final int MOST_TABLES = 1 << 24;

  private final TrackedFile file;
  private final Geometry geometry;
  private final long[] offsets;

  private L2Tables(TrackedFile file, Geometry geometry, long[] offsets) {
    this.file = file;
    this.geometry = geometry;
    this.offsets = offsets;
  }

  /** An L1 table: snapshots may share one. */
  private record L1Table(long offset, long entries) {}

  /**
   * Reads all L1 tables.
   *
   * @param image what exceptions name
   * @throws CorruptImageException if an entry leads to no cluster boundary, the L1 table of a
   *     snapshot cannot be followed, or these tables overlap so much that the file could not hold
   *     them side by side
   * @throws LimitExceededException if there are more tables than can be kept in memory
   */
  public static L2Tables read(
      String image, TrackedFile file, Header header, SnapshotTable snapshots, Limits limits)
      throws IOException {
    Set<L1Table> l1Tables = new LinkedHashSet<>();
    l1Tables.add(new L1Table(header.l1TableOffset(), header.l1Entries()));
    for (int i = 0; i < snapshots.records().size(); i++) {
      snapshots.requireUsable(i, image, header, limits);
      SnapshotRecord snapshot = snapshots.records().get(i);
      l1Tables.add(new L1Table(snapshot.l1TableOffset(), snapshot.l1Entries()));
    }
    long bytes = 0;
    for (L1Table table : l1Tables) {
      bytes += table.entries * Long.BYTES;
    }
    if (l1Tables.size() > 1 && bytes > file.size()) {
      throw new CorruptImageException(
          image,
          header.snapshotTableOffset(),
          "the L1 tables of the snapshots have more bytes than the file: " + bytes);
    }
    Collection found = new Collection();
    for (L1Table table : l1Tables) {
      found.add(entries(image, file, header, table));
      if (found.tooMany) {
        throw new LimitExceededException(
            image, table.offset, "the image has more than " + MOST_TABLES + " L2 tables");
      }
    }
    return new L2Tables(file, header.geometry(), found.distinct());
  }

  private static long[] entries(String image, TrackedFile file, Header header, L1Table table)
      throws IOException {
    long[] l1 = new long[(int) table.entries];
    new TableReading(file).read(table.offset, l1);
    for (int i = 0; i < l1.length; i++) {
      l1[i] = L1Entry.offset(l1[i]);
      if (!header.geometry().isClusterAligned(l1[i])) {
        throw new CorruptImageException(
            image,
            table.offset + (long) i * Long.BYTES,
            "L2 table offset 0x" + Long.toHexString(l1[i]) + " is not cluster aligned");
      }
    }
    return l1;
  }

  /** Offsets, each of which may come many times; sorted only when twice as many are there. */
  private static final class Collection {
    private long[] offsets = new long[0];
    private int length;
    private boolean tooMany;

    void add(long[] more) {
      if (length + more.length > offsets.length) {
        long[] known = distinct();
        tooMany = known.length > MOST_TABLES;
        offsets = Arrays.copyOf(known, 2 * (known.length + more.length));
        length = known.length;
      }
      System.arraycopy(more, 0, offsets, length, more.length);
      length += more.length;
    }

    long[] distinct() {
      return Arrays.stream(offsets, 0, length).filter(at -> at != 0).sorted().distinct().toArray();
    }
  }

  /** Their host offsets in bytes, ascending. */
  public long[] offsets() {
    return offsets.clone();
  }

  /** Whether any of them has a compressed cluster. Reads them all. */
  public boolean haveCompressed() throws IOException {
    TableReading reading = new TableReading(file);
    long[] table = new long[geometry.clusterSize() / Long.BYTES];
    for (long offset : offsets) {
      reading.read(offset, table);
      for (int word = 0; word < table.length; word += geometry.l2EntryWords()) {
        if (L2Entry.compressed(table[word])) {
          return true;
        }
      }
    }
    return false;
  }
}
