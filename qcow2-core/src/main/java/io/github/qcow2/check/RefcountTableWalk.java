package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;

/**
 * Counts the references that the refcount structures make to themselves: the table to its clusters,
 * its entries to refcount blocks (qcow2 spec, "Host cluster management"). Comes last, because a
 * block that has been counted before serves as something else too.
 */
final class RefcountTableWalk {
  /** Bits 9 to 63 of a refcount table entry: the host offset of the block. */
  private static final long OFFSET_MASK = ~0x1ffL;

  private final StoredCounts stored;
  private final Geometry geometry;
  private final ReferenceCounter counter;
  private final FindingLog log;

  RefcountTableWalk(
      StoredCounts stored, Geometry geometry, ReferenceCounter counter, FindingLog log) {
    this.stored = stored;
    this.geometry = geometry;
    this.counter = counter;
    this.log = log;
  }

  /** The host offset in an entry; negative or unaligned if the entry is broken. */
  static long offset(long entry) {
    return entry & OFFSET_MASK;
  }

  /** Counts the table itself and every block. */
  void count(long tableOffset) throws LimitExceededException {
    counter.countTable(tableOffset, (long) stored.tableEntries() * Long.BYTES);
    for (int i = 0; i < stored.tableEntries(); i++) {
      long entry = stored.tableEntry(i);
      if (entry != 0) {
        countBlock(i, entry, tableOffset + (long) i * Long.BYTES);
      }
    }
  }

  private void countBlock(int index, long entry, long entryOffset) throws LimitExceededException {
    long offset = offset(entry);
    if ((entry & ~OFFSET_MASK) != 0) {
      log.add(
          Kind.RESERVED_BITS,
          entryOffset,
          () -> "ERROR refcount table entry " + index + " has reserved bits set");
    } else if (!geometry.isClusterAligned(offset)) {
      log.add(
          Kind.UNALIGNED_OFFSET,
          entryOffset,
          () ->
              "ERROR refcount block "
                  + index
                  + " is not cluster aligned; refcount table entry corrupted");
    } else if (geometry.clusterIndex(offset) >= counter.fileClusters()) {
      log.add(
          Kind.REFCOUNT_TABLE_ENTRY,
          entryOffset,
          () -> "ERROR refcount block " + index + " is outside image");
    } else {
      counter.count(offset, geometry.clusterSize(), 1);
      long references = counter.references(geometry.clusterIndex(offset));
      if (references != 1) {
        log.add(
            Kind.REFCOUNT_BLOCK_SHARED,
            offset,
            () -> "ERROR refcount block " + index + " refcount=" + references);
      }
    }
  }
}
