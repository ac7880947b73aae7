package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u16;
import static io.github.qcow2.testkit.oracle.BigEndian.u32;
import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import io.github.qcow2.testkit.oracle.ClusterUse.Kind;
import io.github.qcow2.testkit.oracle.HeaderFields.Extension;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.HashSet;
import java.util.Set;

/** Goes through the bitmap directory, the bitmaps' tables and their data. */
final class BitmapCheck {
  private static final int FIXED = 24;
  private static final int MOST_BITMAPS = 65535;
  private static final int MOST_NAME_BYTES = 1023;
  private static final int MOST_ENTRY_BYTES = 1024;
  private static final long MOST_TABLE_BYTES = 1L << 30;
  private static final int IN_USE = 1;
  private static final int KNOWN_FLAGS = 7;
  private static final int DIRTY_TRACKING = 1;
  private static final long TABLE_RESERVED = 0xff000000000001feL;
  private static final long OFFSET = 0x00fffffffffffe00L;
  private static final long ALL_ONES = 1;

  private final CheckState state;
  private final Findings findings;
  private final Set<String> names = new HashSet<>();

  BitmapCheck(CheckState state) {
    this.state = state;
    this.findings = state.findings;
  }

  void check() throws IOException {
    Extension extension = state.header.extension(HeaderFields.BITMAPS);
    if (extension == null) {
      return;
    }
    byte[] fields = new byte[FIXED];
    state.image.read(extension.offset(), fields, 0, fields.length);
    int count = u32(fields, 0);
    long size = u64(fields, 8);
    long offset = u64(fields, 16);
    if (extension.length() != FIXED
        || u32(fields, 4) != 0
        || count < 1
        || count > MOST_BITMAPS
        || size < FIXED
        || size > (long) MOST_BITMAPS * MOST_ENTRY_BYTES) {
      findings.add(
          FindingKind.BITMAP, extension.offset(), "%d bitmaps, directory of %d bytes", count, size);
      return;
    }
    if (state.isAligned(extension.offset() + 16, offset, Kind.BITMAP_DIRECTORY)
        && state.uses(offset, size, Kind.BITMAP_DIRECTORY)) {
      checkDirectory(offset, size, count);
    }
  }

  private void checkDirectory(long offset, long size, int count) throws IOException {
    byte[] directory = new byte[(int) size];
    state.image.read(offset, directory, 0, directory.length);
    int at = 0;
    int seen = 0;
    while (at + FIXED <= directory.length) {
      long extra = u32(directory, at + 20) & 0xffffffffL;
      int nameLength = u16(directory, at + 18);
      long end = (at + FIXED + extra + nameLength + 7) & -8L;
      if (end > directory.length || nameLength == 0 || nameLength > MOST_NAME_BYTES) {
        findings.add(FindingKind.BITMAP, offset + at, "the entry does not fit the directory");
        return;
      }
      int nameAt = (int) (at + FIXED + extra);
      if (!names.add(new String(directory, nameAt, nameLength, StandardCharsets.UTF_8))) {
        findings.add(FindingKind.BITMAP, offset + at, "the name of another bitmap");
      }
      checkEntry(directory, at, offset + at);
      at = (int) end;
      seen++;
    }
    if (at != directory.length || seen != count) {
      findings.add(FindingKind.BITMAP, offset, "%d entries for %d bitmaps", seen, count);
    }
  }

  private void checkEntry(byte[] directory, int at, long entryOffset) throws IOException {
    long tableOffset = u64(directory, at);
    long entries = u32(directory, at + 8) & 0xffffffffL;
    int flags = u32(directory, at + 12);
    int type = directory[at + 16] & 0xff;
    int granularityBits = directory[at + 17] & 0xff;
    state.reserved(entryOffset + 12, flags & ~KNOWN_FLAGS);
    if (type != DIRTY_TRACKING) {
      findings.add(FindingKind.BITMAP, entryOffset + 16, "type %d", type);
    }
    if (granularityBits < 9 || granularityBits > 31) {
      findings.add(FindingKind.BITMAP, entryOffset + 17, "%d granularity bits", granularityBits);
      return;
    }
    long needed = tableEntriesFor(state.header.size(), granularityBits);
    if ((flags & IN_USE) == 0 && entries != needed) {
      findings.add(
          FindingKind.BITMAP, entryOffset + 8, "%d table entries, not %d", entries, needed);
    }
    if (tableOffset == 0 || entries == 0 || entries * 8 > MOST_TABLE_BYTES) {
      findings.add(FindingKind.BITMAP, entryOffset, "table of %d entries", entries);
    } else if (state.isAligned(entryOffset, tableOffset, Kind.BITMAP_TABLE)
        && state.uses(tableOffset, entries * 8, Kind.BITMAP_TABLE)) {
      checkTable(tableOffset, entries);
    }
  }

  private long tableEntriesFor(long diskSize, int granularityBits) {
    long bits = (diskSize + (1L << granularityBits) - 1) >>> granularityBits;
    long bytes = (bits + 7) / 8;
    return (bytes + state.clusterSize - 1) >>> state.clusterBits;
  }

  private void checkTable(long tableOffset, long entries) throws IOException {
    for (long i = 0; i < entries; i++) {
      long at = tableOffset + i * 8;
      long entry = u64(state.image, at);
      long offset = entry & OFFSET;
      state.reserved(at, entry & TABLE_RESERVED);
      if (offset != 0) {
        state.reserved(at, entry & ALL_ONES);
        if (state.isAligned(at, offset, Kind.BITMAP_DATA)) {
          state.uses(offset, state.clusterSize, Kind.BITMAP_DATA);
        }
      }
    }
  }
}
