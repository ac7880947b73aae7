package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u16;
import static io.github.qcow2.testkit.oracle.BigEndian.u32;
import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import io.github.qcow2.testkit.oracle.ClusterUse.Kind;
import java.io.IOException;

/** Reads the refcounts and compares them with the references that were counted. */
final class RefcountCheck {
  private static final long TABLE_RESERVED = 0x1ff;
  private static final int CHUNK = 4096;

  private final CheckState state;
  private final HeaderFields header;
  private final Findings findings;
  private final int blockBits;
  private final long tableEntries;

  RefcountCheck(CheckState state) {
    this.state = state;
    this.header = state.header;
    this.findings = state.findings;
    this.blockBits = state.clusterBits + 3 - header.refcountOrder();
    this.tableEntries = (long) header.refcountTableClusters() << (state.clusterBits - 3);
  }

  /** Counts the clusters that the table and the blocks themselves take. */
  void useStructures() throws IOException {
    long tableBytes = tableEntries * 8;
    if (!state.uses(header.refcountTableOffset(), tableBytes, Kind.REFCOUNT_TABLE)) {
      return;
    }
    byte[] chunk = new byte[(int) Math.min(tableBytes, CHUNK)];
    for (long i = 0; i < tableEntries; i++) {
      long entry = tableEntry(chunk, i);
      if (entry != 0) {
        long at = header.refcountTableOffset() + i * 8;
        state.reserved(at, entry & TABLE_RESERVED);
        long offset = entry & ~TABLE_RESERVED;
        if (state.isAligned(at, offset, Kind.REFCOUNT_BLOCK)) {
          state.uses(offset, state.clusterSize, Kind.REFCOUNT_BLOCK);
        }
      }
    }
  }

  /** Compares every refcount with the number of references, once all of them are counted. */
  void compare() throws IOException {
    long clusters = state.use.clusters();
    byte[] chunk = new byte[(int) Math.min(tableEntries * 8, CHUNK)];
    byte[] block = new byte[state.clusterSize];
    long blocks = Math.max(tableEntries, (clusters + (1L << blockBits) - 1) >>> blockBits);
    for (long i = 0; i < blocks; i++) {
      long first = i << blockBits;
      long offset = i < tableEntries ? tableEntry(chunk, i) & ~TABLE_RESERVED : 0;
      if (offset != 0 && isReadable(offset)) {
        state.image.read(offset, block, 0, block.length);
        compareBlock(block, first);
      } else if (first < clusters) {
        compareWithoutBlock(first, first + (1L << blockBits));
      }
    }
  }

  /** The entry; {@code chunk} is filled at the first entry of each chunk. */
  private long tableEntry(byte[] chunk, long index) throws IOException {
    int inChunk = (int) (index * 8 % chunk.length);
    if (inChunk == 0) {
      state.image.read(header.refcountTableOffset() + index * 8, chunk, 0, chunk.length);
    }
    return u64(chunk, inChunk);
  }

  private boolean isReadable(long offset) {
    return offset > 0 && offset < state.fileSize && (offset & (state.clusterSize - 1)) == 0;
  }

  private void compareBlock(byte[] block, long first) {
    int order = header.refcountOrder();
    long limit = state.use.clusters();
    int entries = 1 << blockBits;
    int inFile = (int) Math.max(0, Math.min(entries, limit - first));
    for (int i = 0; i < inFile; i++) {
      compare(first + i, refcount(block, i, order));
    }
    // Past the end of the file nothing is referenced, so only what is not zero is of interest.
    for (int i = inFile; i < entries; ) {
      int at = (int) ((long) i << order >>> 3);
      if ((at & 7) == 0 && ((long) i << order & 63) == 0 && u64(block, at) == 0) {
        i += Math.max(1, 64 >>> order);
      } else {
        compare(first + i, refcount(block, i, order));
        i++;
      }
    }
  }

  private void compareWithoutBlock(long first, long end) {
    long limit = Math.min(end, state.use.clusters());
    long cluster = state.use.nextInUse(first, limit);
    while (cluster < limit) {
      compare(cluster, 0);
      cluster = state.use.nextInUse(cluster + 1, limit);
    }
  }

  private void compare(long cluster, long refcount) {
    int references = state.use.count(cluster);
    if (refcount != references) {
      findings.add(
          Long.compareUnsigned(refcount, references) < 0
              ? FindingKind.REFCOUNT_TOO_LOW
              : FindingKind.LEAK,
          cluster << state.clusterBits,
          "refcount %d, references %d",
          refcount,
          references);
    }
    int copied = state.use.copied(cluster);
    if ((copied & ClusterUse.COPIED_SET) != 0 && (references > 1 || refcount != 1)) {
      findings.add(
          references > 1 ? FindingKind.COPIED_DANGEROUS : FindingKind.COPIED_STALE,
          cluster << state.clusterBits,
          "COPIED is set, refcount %d, references %d",
          refcount,
          references);
    }
    if ((copied & ClusterUse.COPIED_CLEAR) != 0 && refcount == 1) {
      findings.add(
          FindingKind.COPIED_STALE,
          cluster << state.clusterBits,
          "COPIED is clear, refcount %d, references %d",
          refcount,
          references);
    }
  }

  /** Refcounts narrower than a byte fill it from its low end. */
  static long refcount(byte[] block, int index, int order) {
    return switch (order) {
      case 0 -> (block[index >> 3] >> (index & 7)) & 1;
      case 1 -> (block[index >> 2] >> ((index & 3) * 2)) & 3;
      case 2 -> (block[index >> 1] >> ((index & 1) * 4)) & 15;
      case 3 -> block[index] & 0xff;
      case 4 -> u16(block, index * 2);
      case 5 -> u32(block, index * 4) & 0xffffffffL;
      default -> u64(block, index * 8);
    };
  }
}
