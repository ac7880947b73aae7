package io.github.qcow2.check;

import io.github.qcow2.format.Header;
import io.github.qcow2.format.RefcountTableEntry;
import io.github.qcow2.storage.Storage;
import java.io.IOException;

/** The refcount table as it is in the file (qcow2 spec, "Host cluster management"). */
final class RefcountTable {
  private final long offset;
  private final long[] entries;

  private RefcountTable(long offset, long[] entries) {
    this.offset = offset;
    this.entries = entries;
  }

  /** Reads a table whose size the header's reader has checked against the limits. */
  static RefcountTable read(Header header, Storage storage, long fileLength, CheckBudget budget)
      throws IOException {
    int clusterSize = header.geometry().clusterSize();
    int length = header.refcountTableClusters() * (clusterSize / Long.BYTES);
    budget.memory((long) length * Long.BYTES);
    long[] entries = new long[length];
    TableReader reader = new TableReader(storage, fileLength, budget);
    reader.read(header.refcountTableOffset(), entries, length);
    return new RefcountTable(header.refcountTableOffset(), entries);
  }

  /** Where the table is in the file, in bytes. */
  long offset() {
    return offset;
  }

  /** The number of entries. */
  int length() {
    return entries.length;
  }

  /** An entry as it is. */
  long entry(int index) {
    return entries[index];
  }

  /** The host offset in an entry; negative or unaligned if the entry is broken. */
  static long blockOffset(long entry) {
    return RefcountTableEntry.offset(entry);
  }

  /** The bits of an entry that must be 0. */
  static long reservedBits(long entry) {
    return RefcountTableEntry.reserved(entry);
  }
}
