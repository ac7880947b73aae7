package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.SubclusterBitmap;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Checks the entries of one L2 table after another and counts what they refer to (qcow2 spec,
 * "Cluster mapping" and "Extended L2 entries").
 *
 * <p>A table that is referred to several times is seen once; references, findings and statistics
 * then count as often as it is. What {@code qemu-img check} has no words for but a read refuses is
 * reported in the words of {@link L2Entry#brokenRule}.
 */
final class L2Check {
  private final Geometry geometry;
  private final boolean dataFile;
  private final @Nullable StoredCounts stored;
  private final ReferenceCounter counter;
  private final MappingStatistics statistics;
  private final FindingLog log;
  private final int stride;

  // The table at hand.
  private long tableOffset;
  private int references;
  private int activeReferences;
  private long guestStart;
  private long allocated;
  private long fragmented;
  private long compressed;
  private long nextContiguous;

  /**
   * For one image.
   *
   * @param stored what COPIED flags are compared with, or null to leave them alone
   */
  L2Check(
      Geometry geometry,
      boolean dataFile,
      @Nullable StoredCounts stored,
      ReferenceCounter counter,
      MappingStatistics statistics,
      FindingLog log) {
    this.geometry = geometry;
    this.dataFile = dataFile;
    this.stored = stored;
    this.counter = counter;
    this.statistics = statistics;
    this.log = log;
    this.stride = geometry.l2EntryBytes();
  }

  /**
   * Checks one table.
   *
   * @param bytes holds the table from {@code at} on
   * @param offset its host offset
   * @param tables knows how often it is referred to
   */
  void check(ByteBuffer bytes, int at, long offset, TableReferences tables) throws IOException {
    tableOffset = offset;
    references = tables.total(offset);
    activeReferences = tables.active(offset);
    guestStart = tables.firstActiveIndex(offset) * geometry.bytesPerL2Table();
    allocated = 0;
    fragmented = 0;
    compressed = 0;
    nextContiguous = 0;

    for (int i = 0; i < geometry.l2Entries(); ) {
      int end = endOfRun(bytes, at, i);
      if (end - i > 1 && countedAsRun(bytes.getLong(at + i * stride), end - i)) {
        i = end;
      }
      for (; i < end; i++) {
        entry(bytes, at, i);
      }
    }
    if (dataFile && activeReferences > 1 && allocated > 0) {
      int others = activeReferences - 1;
      log.add(
          Kind.UNREADABLE_ENTRY,
          offset,
          others,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR l2_offset=%x: Table maps %d other ranges to the same part of the data file",
                  offset,
                  others));
    }
    statistics.add(allocated, fragmented, compressed, activeReferences);
  }

  /**
   * The end of a run of entries that begins at {@code index}: nothing is wrong with any of them,
   * and each leads to the host cluster after the one before. Not in a data file, where more would
   * have to be checked.
   */
  private int endOfRun(ByteBuffer bytes, int at, int index) {
    int next = index + 1;
    long entry = bytes.getLong(at + index * stride);
    if (dataFile || !isPlain(entry) || !isPlainBitmap(bytes, at, index)) {
      return next;
    }
    int clusterSize = geometry.clusterSize();
    long expected = entry + clusterSize;
    while (next < geometry.l2Entries()
        && bytes.getLong(at + next * stride) == expected
        && isPlainBitmap(bytes, at, next)) {
      expected += clusterSize;
      next++;
    }
    return next;
  }

  private boolean isPlain(long entry) {
    long flags = entry & ~L2Entry.OFFSET_MASK;
    long offset = L2Entry.offset(entry);
    return (flags == 0 || flags == L2Entry.COPIED)
        && offset != 0
        && geometry.isClusterAligned(offset);
  }

  private boolean isPlainBitmap(ByteBuffer bytes, int at, int index) {
    return !geometry.extendedL2()
        || SubclusterBitmap.brokenRule(bytes.getLong(at + index * stride + Long.BYTES), true)
            == null;
  }

  /**
   * Counts what a run of entries leads to, all at once, if these clusters lie in the file, nothing
   * has referred to them before, and their stored counts are what COPIED says.
   *
   * @param entry the first
   * @return false if nothing has been counted, and each entry has to be looked at
   */
  private boolean countedAsRun(long entry, int length) throws LimitExceededException {
    long offset = L2Entry.offset(entry);
    long first = geometry.clusterIndex(offset);
    boolean copiedAsStored =
        stored == null
            || activeReferences == 0
            || stored.areAll(L2Entry.copied(entry), first, first + length);
    if (!copiedAsStored || !counter.countFirst(first, length, references)) {
      return false;
    }
    mapped(offset, length);
    return true;
  }

  private void entry(ByteBuffer bytes, int at, int index) throws IOException {
    long entry = bytes.getLong(at + index * stride);
    long bitmap = geometry.extendedL2() ? bytes.getLong(at + index * stride + Long.BYTES) : 0;
    if ((entry | bitmap) != 0) {
      if (L2Entry.compressed(entry)) {
        compressed(index, entry, bitmap);
      } else {
        standard(index, entry, bitmap);
      }
    }
  }

  private void compressed(int index, long entry, long bitmap) throws LimitExceededException {
    int clusterBits = geometry.clusterBits();
    long offset = CompressedDescriptor.hostOffset(entry, clusterBits);
    if (L2Entry.copied(entry)) {
      log.add(
          Kind.COPIED_FLAG,
          entryOffset(index),
          references,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR: coffset=0x%x: copied flag must never be set for compressed clusters",
                  offset));
    }
    long plain = entry & ~L2Entry.COPIED;
    if (dataFile) {
      log.add(
          Kind.UNREADABLE_ENTRY,
          entryOffset(index),
          references,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR compressed cluster %d with data file, entry=0x%x",
                  index,
                  plain));
      return;
    }
    if (bitmap != 0) {
      log.add(
          Kind.SUBCLUSTER_BITMAP,
          entryOffset(index),
          references,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR compressed cluster %d with non-zero subcluster allocation bitmap, entry=0x%x",
                  index,
                  plain));
      return;
    }
    allocated++;
    fragmented++;
    compressed++;
    int length = CompressedDescriptor.byteLength(entry, clusterBits);
    if (counter.count(offset, length, references)) {
      checkReadable(index, entry, bitmap);
    }
  }

  private void standard(int index, long entry, long bitmap) throws IOException {
    if (L2Entry.reservedBits(entry, geometry) != 0) {
      log.add(
          Kind.RESERVED_BITS,
          entryOffset(index),
          references,
          () ->
              String.format(Locale.ROOT, "ERROR found l2 entry with reserved bits set: %x", entry));
    }
    ClusterType type = L2Entry.type(entry, geometry, dataFile);
    if (type == ClusterType.NORMAL || type == ClusterType.ZERO_ALLOCATED) {
      hostCluster(index, entry, bitmap, type);
    } else if (geometry.extendedL2() && SubclusterBitmap.brokenRule(bitmap, false) != null) {
      log.add(
          Kind.SUBCLUSTER_BITMAP,
          entryOffset(index),
          references,
          () -> "ERROR: Unallocated cluster has non-zero subcluster allocation map");
    } else {
      checkReadable(index, entry, bitmap);
    }
  }

  private void hostCluster(int index, long entry, long bitmap, ClusterType type)
      throws IOException {
    long offset = L2Entry.offset(entry);
    boolean reported = false;
    if (geometry.extendedL2() && SubclusterBitmap.brokenRule(bitmap, true) != null) {
      reported = true;
      log.add(
          Kind.SUBCLUSTER_BITMAP,
          entryOffset(index),
          references,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR offset=%x: Allocated cluster has corrupted subcluster allocation bitmap",
                  offset));
    }
    if (!geometry.isClusterAligned(offset)) {
      reported = true;
      boolean data =
          geometry.extendedL2()
              ? (bitmap & SubclusterBitmap.ALL_ALLOCATED) != 0
              : type == ClusterType.NORMAL;
      log.add(
          Kind.UNALIGNED_OFFSET,
          entryOffset(index),
          references,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR offset=%x: %s cluster is not properly aligned; L2 entry corrupted.",
                  offset,
                  data ? "Data" : "Preallocated"));
    }
    if (!reported) {
      checkReadable(index, entry, bitmap);
    }
    mapped(offset, 1);
    if (!dataFile) {
      counter.count(offset, geometry.clusterSize(), references);
    }
    if (activeReferences > 0) {
      checkCopied(index, entry, offset);
    }
  }

  /** Takes guest clusters into the statistics whose host clusters lie behind one another. */
  private void mapped(long offset, int clusters) {
    allocated += clusters;
    if (nextContiguous != 0 && offset != nextContiguous) {
      fragmented++;
    }
    nextContiguous = offset + (long) clusters * geometry.clusterSize();
  }

  /** COPIED flags in tables that only snapshots use may be out of date. */
  private void checkCopied(int index, long entry, long offset) throws IOException {
    long cluster = geometry.clusterIndex(offset);
    if (stored == null || (dataFile || stored.isOne(cluster)) == L2Entry.copied(entry)) {
      return;
    }
    long refcount = dataFile ? 1 : stored.get(cluster);
    if (refcount != StoredCounts.UNREADABLE) {
      log.add(
          Kind.COPIED_FLAG,
          entryOffset(index),
          activeReferences,
          () ->
              String.format(
                  Locale.ROOT,
                  "ERROR OFLAG_COPIED data cluster: l2_entry=%x refcount=%d",
                  entry,
                  refcount));
    }
  }

  private void checkReadable(int index, long entry, long bitmap) {
    long guestOffset = guestStart + ((long) index << geometry.clusterBits());
    String rule = L2Entry.brokenRule(entry, bitmap, geometry, dataFile, guestOffset);
    if (rule != null) {
      log.add(
          Kind.UNREADABLE_ENTRY,
          entryOffset(index),
          references,
          () -> String.format(Locale.ROOT, "ERROR l2_entry=%x: %s", entry, rule));
    }
  }

  private long entryOffset(int index) {
    return tableOffset + (long) index * stride;
  }
}
