package io.github.qcow2.repair;

import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.RefcountTableEntry;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TableReading;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;

/**
 * Writes refcount blocks as a plan has them: first the new ones, which nothing points to yet, then
 * what is wrong in the others, in place. While the dirty bit is set nobody relies on a count, so
 * only the former must be durable before something else is written.
 */
final class CountWriter {
  private final TrackedFile file;
  private final RepairPlan plan;
  private final TableReading reading;
  private final RefcountWidth width;
  private final long[] wanted;
  private final long[] present;
  private long raised;
  private long lowered;

  CountWriter(TrackedFile file, RepairPlan plan, TableReading reading, Geometry geometry) {
    this.file = file;
    this.plan = plan;
    this.reading = reading;
    this.width = RefcountWidth.of(geometry.refcountOrder());
    this.wanted = new long[geometry.clusterSize() / Long.BYTES];
    this.present = new long[wanted.length];
  }

  /** Writes the blocks that are new. */
  void writeNewBlocks() throws IOException {
    long[] table = plan.table();
    for (int index = 0; index < table.length; index++) {
      if (plan.isNew(index)) {
        plan.counts(index, width, wanted);
        file.writeWords(wanted, table[index], ClusterKind.REFCOUNT_BLOCK);
      }
    }
  }

  /** Makes the counts in all other blocks right. */
  void correctOldBlocks() throws IOException {
    long[] table = plan.oldTable();
    for (int index = 0; index < table.length; index++) {
      if (table[index] != 0) {
        long offset = RefcountTableEntry.offset(table[index]);
        plan.counts(index, width, wanted);
        reading.read(offset, present);
        compare();
        ChangedSectors.write(file, present, wanted, offset, ClusterKind.REFCOUNT_BLOCK);
      }
    }
  }

  private void compare() {
    int perWord = width.entriesPerWord();
    for (int word = 0; word < wanted.length; word++) {
      if (wanted[word] == present[word]) {
        continue;
      }
      for (int i = word * perWord; i < (word + 1) * perWord; i++) {
        int difference = Long.compareUnsigned(width.get(wanted, i), width.get(present, i));
        raised += difference > 0 ? 1 : 0;
        lowered += difference < 0 ? 1 : 0;
      }
    }
  }

  /** How many counts were too low. */
  long raised() {
    return raised;
  }

  /** How many counts were too high. */
  long lowered() {
    return lowered;
  }
}
