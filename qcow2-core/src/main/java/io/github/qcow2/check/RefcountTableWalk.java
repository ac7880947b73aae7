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
  private final RefcountTable table;
  private final Geometry geometry;
  private final ReferenceCounter counter;
  private final FindingLog log;

  RefcountTableWalk(
      RefcountTable table, Geometry geometry, ReferenceCounter counter, FindingLog log) {
    this.table = table;
    this.geometry = geometry;
    this.counter = counter;
    this.log = log;
  }

  /** Counts the table itself and every block. */
  void count() throws LimitExceededException {
    counter.countTable(table.offset(), (long) table.length() * Long.BYTES);
    for (int i = 0; i < table.length(); i++) {
      long entry = table.entry(i);
      if (entry != 0) {
        countBlock(i, entry, table.offset() + (long) i * Long.BYTES);
      }
    }
  }

  private void countBlock(int index, long entry, long entryOffset) throws LimitExceededException {
    long offset = RefcountTable.blockOffset(entry);
    if (RefcountTable.reservedBits(entry) != 0) {
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
