package io.github.qcow2.amend;

import io.github.qcow2.error.CorruptImageException;
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

/**
 * All L2 tables of an image, those that only snapshots lead to included. Immutable; true as long as
 * nobody changes the L1 tables.
 */
public final class L2Tables {
  private final TrackedFile file;
  private final Geometry geometry;
  private final long[] offsets;

  private L2Tables(TrackedFile file, Geometry geometry, long[] offsets) {
    this.file = file;
    this.geometry = geometry;
    this.offsets = offsets;
  }

  /**
   * Reads all L1 tables.
   *
   * @param image what exceptions name
   * @throws CorruptImageException if an entry leads to no cluster boundary, or the L1 table of a
   *     snapshot cannot be followed
   */
  public static L2Tables read(
      String image, TrackedFile file, Header header, SnapshotTable snapshots, Limits limits)
      throws IOException {
    TableReading reading = new TableReading(file);
    long[] found = new long[0];
    found = with(found, image, reading, header, header.l1TableOffset(), header.l1Entries());
    for (int i = 0; i < snapshots.records().size(); i++) {
      snapshots.requireUsable(i, image, header, limits);
      SnapshotRecord snapshot = snapshots.records().get(i);
      found =
          with(found, image, reading, header, snapshot.l1TableOffset(), (int) snapshot.l1Entries());
    }
    return new L2Tables(file, header.geometry(), found);
  }

  private static long[] with(
      long[] found, String image, TableReading reading, Header header, long offset, int entries)
      throws IOException {
    long[] l1 = new long[entries];
    reading.read(offset, l1);
    for (int i = 0; i < entries; i++) {
      l1[i] = L1Entry.offset(l1[i]);
      if (!header.geometry().isClusterAligned(l1[i])) {
        throw new CorruptImageException(
            image,
            offset + (long) i * Long.BYTES,
            "L2 table offset 0x" + Long.toHexString(l1[i]) + " is not cluster aligned");
      }
    }
    long[] all = Arrays.copyOf(found, found.length + entries);
    System.arraycopy(l1, 0, all, found.length, entries);
    return Arrays.stream(all).filter(table -> table != 0).sorted().distinct().toArray();
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
