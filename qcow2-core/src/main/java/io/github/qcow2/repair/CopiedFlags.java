package io.github.qcow2.repair;

import io.github.qcow2.check.Recount;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TableReading;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;

/**
 * Makes COPIED flags say what the counts say: set where there is exactly one reference (qcow2 spec,
 * "Cluster mapping"). Only in tables that the active L1 table leads to; in those that only
 * snapshots use the flags mean nothing. While the dirty bit is set nobody relies on a flag, so they
 * are written in any order.
 */
final class CopiedFlags {
  private final TrackedFile file;
  private final Recount recount;
  private final TableReading reading;
  private final Geometry geometry;
  private final boolean dataFile;
  private long corrected;

  CopiedFlags(TrackedFile file, Recount recount, TableReading reading) {
    this.file = file;
    this.recount = recount;
    this.reading = reading;
    this.geometry = recount.header().geometry();
    this.dataFile = recount.header().hasDataFile();
  }

  /** Corrects the active L1 table and the L2 tables that it leads to. */
  void correct() throws IOException {
    Header header = recount.header();
    long[] present = new long[header.l1Entries()];
    reading.read(header.l1TableOffset(), present);
    long[] wanted = new long[present.length];
    for (int i = 0; i < wanted.length; i++) {
      wanted[i] = l1Entry(present[i]);
    }
    write(present, wanted, header.l1TableOffset(), ClusterKind.ACTIVE_L1);

    long[] table = new long[geometry.clusterSize() / Long.BYTES];
    for (long offset : recount.activeTables()) {
      reading.read(offset, table);
      long[] changed = table.clone();
      for (int i = 0; i < changed.length; i += geometry.l2EntryWords()) {
        changed[i] = l2Entry(table[i]);
      }
      write(table, changed, offset, ClusterKind.ACTIVE_L2);
    }
  }

  private void write(long[] present, long[] wanted, long offset, ClusterKind kind)
      throws IOException {
    for (int i = 0; i < wanted.length; i++) {
      corrected += wanted[i] == present[i] ? 0 : 1;
    }
    ChangedSectors.write(file, present, wanted, offset, kind);
  }

  private long l1Entry(long entry) {
    long table = L1Entry.offset(entry);
    return with(entry, L1Entry.COPIED, table != 0 && isReferredToOnce(table));
  }

  private long l2Entry(long entry) {
    ClusterType type = L2Entry.type(entry, geometry, dataFile);
    return switch (type) {
      case NORMAL, ZERO_ALLOCATED ->
          with(entry, L2Entry.COPIED, dataFile || isReferredToOnce(L2Entry.offset(entry)));
      case COMPRESSED -> with(entry, L2Entry.COPIED, false);
      case UNALLOCATED, ZERO_PLAIN -> entry;
    };
  }

  private boolean isReferredToOnce(long offset) {
    return recount.references(geometry.clusterIndex(offset)) == 1;
  }

  private static long with(long entry, long flag, boolean set) {
    return set ? entry | flag : entry & ~flag;
  }

  /** How many flags were wrong. */
  long corrected() {
    return corrected;
  }
}
