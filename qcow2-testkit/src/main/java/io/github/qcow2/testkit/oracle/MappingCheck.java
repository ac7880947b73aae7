package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import io.github.qcow2.testkit.oracle.ClusterUse.Kind;
import java.io.IOException;

/** Goes through an L1 table, the L2 tables below it and the clusters below those. */
final class MappingCheck {
  private static final long COPIED = 1L << 63;
  private static final long COMPRESSED = 1L << 62;
  private static final long OFFSET = 0x00fffffffffffe00L;
  private static final long ZERO = 1;
  private static final long L1_RESERVED = 0x7f000000000001ffL;
  private static final long L2_RESERVED = 0x3f000000000001feL;
  private static final int L1_CHUNK = 4096;
  private static final int SECTOR = 512;

  /** Host offsets have 56 bits, even where a compressed cluster's entry has room for more. */
  private static final int OFFSET_BITS = 56;

  private final CheckState state;
  private final HeaderFields header;
  private final Findings findings;
  private final byte[] l2;
  private final int compressedBits;

  MappingCheck(CheckState state) {
    this.state = state;
    this.header = state.header;
    this.findings = state.findings;
    this.l2 = new byte[state.clusterSize];
    this.compressedBits = 62 - (state.clusterBits - 8);
  }

  /**
   * Checks one L1 table and all below it.
   *
   * @param kind whether the table is the active one, in which COPIED has a meaning
   */
  void check(long l1Offset, int l1Size, Kind kind) throws IOException {
    if (l1Size == 0 || !state.uses(l1Offset, l1Size * 8L, kind)) {
      return;
    }
    byte[] chunk = new byte[Math.min(l1Size * 8, L1_CHUNK)];
    for (int i = 0; i < l1Size; i++) {
      int inChunk = i * 8 % L1_CHUNK;
      if (inChunk == 0) {
        state.image.read(l1Offset + i * 8L, chunk, 0, Math.min((l1Size - i) * 8, L1_CHUNK));
      }
      long entry = u64(chunk, inChunk);
      if (entry != 0) {
        checkL1Entry(entry, i, l1Offset + i * 8L, kind == Kind.ACTIVE_L1);
      }
    }
  }

  private void checkL1Entry(long entry, int index, long at, boolean active) throws IOException {
    state.reserved(at, entry & L1_RESERVED);
    long offset = entry & OFFSET;
    if (offset == 0) {
      if ((entry & COPIED) != 0) {
        findings.add(FindingKind.COPIED_MISPLACED, at, "COPIED without an L2 table");
      }
      return;
    }
    if (!state.isAligned(at, offset, Kind.L2) || !state.uses(offset, state.clusterSize, Kind.L2)) {
      return;
    }
    if (active) {
      noteCopied(offset, entry);
    }
    state.image.read(offset, l2, 0, l2.length);
    long guest = index * header.bytesPerL2Table();
    int step = header.l2EntryBytes();
    for (int i = 0; i < l2.length; i += step, guest += state.clusterSize) {
      long l2Entry = u64(l2, i);
      long bitmap = step == 16 ? u64(l2, i + 8) : 0;
      if ((l2Entry | bitmap) != 0) {
        checkL2Entry(l2Entry, bitmap, guest, offset + i, active);
      }
    }
  }

  private void checkL2Entry(long entry, long bitmap, long guest, long at, boolean active) {
    if ((entry & COMPRESSED) != 0) {
      checkCompressed(entry, bitmap, at);
      return;
    }
    state.reserved(at, entry & L2_RESERVED);
    if ((entry & ZERO) != 0) {
      if (header.version() == 2) {
        findings.add(FindingKind.ZERO_FLAG_IN_VERSION_2, at, "entry 0x%x", entry);
      } else if (header.extendedL2()) {
        state.reserved(at, ZERO);
      }
    }
    long offset = entry & OFFSET;
    boolean allocated = offset != 0 || (header.hasDataFile() && (entry & COPIED) != 0);
    if (header.extendedL2()) {
      checkSubclusters(bitmap, allocated, at);
    }
    if (!allocated) {
      if ((entry & COPIED) != 0) {
        findings.add(FindingKind.COPIED_MISPLACED, at, "COPIED without a cluster");
      }
    } else if (header.hasDataFile()) {
      checkInDataFile(entry, offset, guest, at);
    } else if (state.isAligned(at, offset, Kind.DATA)
        && state.uses(offset, state.clusterSize, Kind.DATA)
        && active) {
      noteCopied(offset, entry);
    }
  }

  private void checkSubclusters(long bitmap, boolean allocated, long at) {
    if ((bitmap & bitmap >>> 32 & 0xffffffffL) != 0) {
      findings.add(
          FindingKind.SUBCLUSTERS, at + 8, "bitmap 0x%x: allocated and zero at once", bitmap);
    }
    if ((bitmap & 0xffffffffL) != 0 && !allocated) {
      findings.add(FindingKind.SUBCLUSTERS, at + 8, "bitmap 0x%x without a cluster", bitmap);
    }
  }

  private void checkInDataFile(long entry, long offset, long guest, long at) {
    if (offset != guest) {
      findings.add(FindingKind.DATA_FILE, at, "offset 0x%x for guest offset 0x%x", offset, guest);
    }
    if ((entry & COPIED) == 0) {
      findings.add(FindingKind.COPIED_STALE, at, "COPIED is clear in an image with a data file");
    }
  }

  private void checkCompressed(long entry, long bitmap, long at) {
    if (header.hasDataFile()) {
      findings.add(FindingKind.DATA_FILE, at, "compressed cluster");
      return;
    }
    if ((entry & COPIED) != 0) {
      findings.add(FindingKind.COPIED_MISPLACED, at, "COPIED on a compressed cluster");
    }
    if (bitmap != 0) {
      findings.add(FindingKind.SUBCLUSTERS, at + 8, "bitmap 0x%x on a compressed cluster", bitmap);
    }
    long offset = entry & ((1L << compressedBits) - 1);
    if (offset >>> OFFSET_BITS != 0) {
      state.reserved(at, offset >>> OFFSET_BITS << OFFSET_BITS);
      return;
    }
    long sectors = entry >>> compressedBits & ((1L << (62 - compressedBits)) - 1);
    state.uses(offset, (sectors + 1) * SECTOR - offset % SECTOR, Kind.COMPRESSED);
  }

  private void noteCopied(long offset, long entry) {
    state.use.note(
        offset >>> state.clusterBits,
        (entry & COPIED) != 0 ? ClusterUse.COPIED_SET : ClusterUse.COPIED_CLEAR);
  }
}
