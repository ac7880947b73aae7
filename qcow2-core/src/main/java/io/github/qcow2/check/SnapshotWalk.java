package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.format.SnapshotTableReader;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Counts the references that internal snapshots make: the snapshot table to its clusters, and each
 * entry to an L1 table (qcow2 spec, "Snapshots").
 */
final class SnapshotWalk {
  /** Version 3 wants the 64-bit size of the machine's state and the size of the disk. */
  private static final int MIN_EXTRA_BYTES = 16;

  private final Storage storage;
  private final Header header;
  private final Limits limits;
  private final CheckBudget budget;
  private final L1Walk l1;
  private final ReferenceCounter counter;
  private final FindingLog log;

  SnapshotWalk(
      Storage storage,
      Header header,
      Limits limits,
      CheckBudget budget,
      L1Walk l1,
      ReferenceCounter counter,
      FindingLog log) {
    this.storage = storage;
    this.header = header;
    this.limits = limits;
    this.budget = budget;
    this.l1 = l1;
    this.counter = counter;
    this.log = log;
  }

  /**
   * Walks all snapshots.
   *
   * @throws Qcow2Exception if the table cannot be understood
   */
  void walk() throws IOException {
    SnapshotTable table = readTable();
    if (header.hasDataFile() && header.snapshots() > 0) {
      log.add(
          Kind.SNAPSHOT_TABLE,
          header.snapshotTableOffset(),
          () -> "ERROR internal snapshots in an image with a data file");
    }
    for (int i = 0; i < table.records().size(); i++) {
      snapshot(i, table);
    }
    counter.countTable(header.snapshotTableOffset(), table.byteLength());
  }

  private SnapshotTable readTable() throws IOException {
    SnapshotTableReader reader = new SnapshotTableReader(storage.name(), header, limits);
    while (!reader.isComplete()) {
      int length = reader.bytesWanted();
      budget.tables(length);
      budget.memory(length);
      ByteBuffer piece = ByteBuffer.allocate(length);
      storage.read(piece, reader.position());
      reader.accept(piece.flip());
    }
    return reader.table();
  }

  private void snapshot(int index, SnapshotTable table) throws IOException {
    SnapshotRecord record = table.records().get(index);
    long place = header.snapshotTableOffset() + table.entryOffset(index);
    long offset = record.l1TableOffset();
    long entries = record.l1Entries();
    boolean incomplete = header.version() > 2 && record.extraDataBytes() < MIN_EXTRA_BYTES;
    if (incomplete) {
      log.add(
          Kind.SNAPSHOT_TABLE,
          place,
          () -> "ERROR snapshot table entry " + index + " is incomplete");
    }
    if (!header.geometry().isClusterAligned(offset)) {
      log.add(
          Kind.UNALIGNED_OFFSET,
          place,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR snapshot table entry %d l1_offset=0x%x: L1 table is not cluster aligned;"
                      + " snapshot table entry corrupted",
                  index,
                  offset));
    } else if (entries * Long.BYTES > limits.l1Bytes()) {
      log.add(
          Kind.SNAPSHOT_TABLE,
          place,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR snapshot table entry %d l1_size=0x%x: L1 table is too large; snapshot"
                      + " table entry corrupted",
                  index,
                  entries));
    } else {
      if (!incomplete) {
        checkUsable(index, table, place);
      }
      l1.walk(offset, (int) entries, false);
    }
  }

  /** Reports a snapshot that could not be opened, although its L1 table can be walked. */
  private void checkUsable(int index, SnapshotTable table, long place) {
    try {
      table.requireUsable(index, storage.name(), header, limits);
    } catch (Qcow2Exception e) {
      log.add(
          Kind.SNAPSHOT_TABLE,
          place,
          () -> "ERROR snapshot table entry " + index + ": " + e.rule());
    }
  }
}
