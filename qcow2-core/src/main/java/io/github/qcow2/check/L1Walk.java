package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L1Entry;
import java.io.IOException;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Counts the references that L1 tables make to L2 tables, and checks their entries (qcow2 spec,
 * "Cluster mapping"). The L2 tables are collected, to be read once each afterwards.
 */
final class L1Walk {
  private static final int CHUNK = 128 << 10;

  private final TableReader reader;
  private final long fileLength;
  private final Geometry geometry;
  private final @Nullable StoredCounts stored;
  private final ReferenceCounter counter;
  private final TableReferences tables;
  private final FindingLog log;
  private final long[] words;

  /**
   * For one image.
   *
   * @param stored what COPIED flags are compared with, or null to leave them alone
   */
  L1Walk(
      TableReader reader,
      long fileLength,
      Geometry geometry,
      @Nullable StoredCounts stored,
      ReferenceCounter counter,
      TableReferences tables,
      FindingLog log) {
    this.reader = reader;
    this.fileLength = fileLength;
    this.geometry = geometry;
    this.stored = stored;
    this.counter = counter;
    this.tables = tables;
    this.log = log;
    this.words = new long[(int) Math.max(1, Math.min(CHUNK, fileLength / Long.BYTES))];
  }

  /**
   * Walks one table.
   *
   * @param offset its host offset
   * @param entries how many it has; within the limits
   * @param active whether it is the active one, in which COPIED flags must be right
   */
  void walk(long offset, int entries, boolean active) throws IOException {
    counter.countTable(offset, (long) entries * Long.BYTES);
    for (int start = 0; start < entries; start += words.length) {
      long at = offset + (long) start * Long.BYTES;
      if (at < 0 || at >= fileLength) {
        return;
      }
      int count = Math.min(words.length, entries - start);
      reader.read(at, words, count);
      for (int i = 0; i < count; i++) {
        if (words[i] != 0) {
          entry(words[i], start + i, at + (long) i * Long.BYTES, active);
        }
      }
    }
  }

  private void entry(long entry, int index, long entryOffset, boolean active) throws IOException {
    if ((entry & L1Entry.RESERVED) != 0) {
      log.add(
          Kind.RESERVED_BITS,
          entryOffset,
          () ->
              String.format(Locale.ROOT, "ERROR found L1 entry with reserved bits set: %x", entry));
    }
    long table = L1Entry.offset(entry);
    if (table == 0) {
      if (active && L1Entry.copied(entry)) {
        log.add(
            Kind.COPIED_FLAG,
            entryOffset,
            () ->
                String.format(
                    Locale.ROOT, "ERROR OFLAG_COPIED without L2 cluster: l1_index=%d", index));
      }
      return;
    }
    counter.count(table, geometry.clusterSize(), 1);
    if (!geometry.isClusterAligned(table)) {
      log.add(
          Kind.UNALIGNED_OFFSET,
          entryOffset,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR l2_offset=%x: Table is not cluster aligned; L1 entry corrupted",
                  table));
    }
    if (active) {
      checkCopied(entry, index, entryOffset);
    }
    if (table < fileLength) {
      tables.add(table, active, index);
    }
  }

  private void checkCopied(long entry, int index, long entryOffset) throws IOException {
    long cluster = geometry.clusterIndex(L1Entry.offset(entry));
    if (stored == null || stored.isOne(cluster) == L1Entry.copied(entry)) {
      return;
    }
    long refcount = stored.get(cluster);
    if (refcount != StoredCounts.UNREADABLE) {
      log.add(
          Kind.COPIED_FLAG,
          entryOffset,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR OFLAG_COPIED L2 cluster: l1_index=%d l1_entry=%x refcount=%d",
                  index,
                  entry,
                  refcount));
    }
  }
}
