package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u32;
import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/** Reads a header and refuses what gives the rest of the file no meaning. */
final class HeaderParser {
  private static final int MAGIC = 0x514649FB;
  private static final int VERSION_2_LENGTH = 72;
  private static final int LEAST_VERSION_3_LENGTH = 104;
  private static final int MOST_L1_ENTRIES = 4 << 20;
  private static final int MOST_REFCOUNT_TABLE_BYTES = 8 << 20;
  private static final int MOST_SNAPSHOTS = 65536;
  private static final int MOST_NAME_BYTES = 1023;

  /** Of L1 and snapshot tables, the largest of all. */
  private static final long MOST_TABLE_BYTES = 64L << 20;

  /** Dirty, corrupt, external data file, compression type, extended L2. */
  private static final long KNOWN_INCOMPATIBLE = 0x1f;

  private HeaderParser() {}

  static HeaderFields parse(ByteSource image) throws IOException {
    byte[] b = new byte[112];
    image.read(0, b, 0, b.length);
    require(u32(b, 0) == MAGIC, 0, "no magic number");
    int version = u32(b, 4);
    require(version == 2 || version == 3, 4, "unknown version");
    int clusterBits = u32(b, 20);
    require(clusterBits >= 9 && clusterBits <= 21, 20, "cluster bits not in 9..21");
    boolean v3 = version == 3;
    int headerLength = v3 ? u32(b, 100) : VERSION_2_LENGTH;
    require(
        !v3 || (headerLength >= LEAST_VERSION_3_LENGTH && headerLength <= 1 << clusterBits),
        100,
        "header length not in 104..cluster size");
    int backingLength = u64(b, 8) == 0 ? 0 : u32(b, 16);
    long extensionsEnd = extensionsEnd(b, clusterBits, backingLength);
    HeaderFields header =
        new HeaderFields(
            version,
            clusterBits,
            u64(b, 24),
            u32(b, 32),
            u32(b, 36),
            u64(b, 40),
            u64(b, 48),
            u32(b, 56),
            u32(b, 60),
            u64(b, 64),
            v3 ? u64(b, 72) : 0,
            v3 ? u64(b, 80) : 0,
            v3 ? u64(b, 88) : 0,
            v3 ? u32(b, 96) : 4,
            headerLength,
            headerLength > LEAST_VERSION_3_LENGTH ? b[104] & 0xff : 0,
            u64(b, 8) == 0 ? null : text(image, u64(b, 8), backingLength),
            extensions(image, headerLength, extensionsEnd));
    checkFeatures(header);
    checkTables(header);
    return header;
  }

  /** Where the extensions end at the latest: at the backing file's name, or with the cluster. */
  private static long extensionsEnd(byte[] b, int clusterBits, int backingLength)
      throws SpecViolation {
    int clusterSize = 1 << clusterBits;
    long backingOffset = u64(b, 8);
    if (backingOffset == 0) {
      return clusterSize;
    }
    require(
        backingOffset > 0
            && backingOffset <= clusterSize
            && backingLength >= 0
            && backingLength <= Math.min(MOST_NAME_BYTES, clusterSize - backingOffset),
        8,
        "backing file name not in the first cluster");
    return backingOffset;
  }

  private static List<HeaderFields.Extension> extensions(ByteSource image, int start, long end)
      throws IOException {
    List<HeaderFields.Extension> extensions = new ArrayList<>(4);
    byte[] b = new byte[8];
    long at = start;
    while (at + 8 <= end) {
      image.read(at, b, 0, b.length);
      int type = u32(b, 0);
      int length = u32(b, 4);
      if (type == 0) {
        break;
      }
      require(length >= 0 && length <= end - at - 8, at, "header extension too large");
      extensions.add(new HeaderFields.Extension(type, at + 8, length));
      at += 8 + ((length + 7L) & -8L);
    }
    return extensions;
  }

  private static void checkFeatures(HeaderFields h) throws SpecViolation {
    require((h.incompatible() & ~KNOWN_INCOMPATIBLE) == 0, 72, "unknown incompatible feature");
    require(h.refcountOrder() >= 0 && h.refcountOrder() <= 6, 96, "refcount order not in 0..6");
    require(h.compressionType() <= 1, 104, "unknown compression type");
    require(
        (h.compressionType() != 0) == ((h.incompatible() & 8) != 0),
        104,
        "compression type and its feature bit disagree");
    require(!h.extendedL2() || h.clusterBits() >= 14, 20, "clusters too small to have subclusters");
    require(h.cryptMethod() >= 0 && h.cryptMethod() <= 2, 32, "unknown encryption method");
    require(
        (h.cryptMethod() == 2) == (h.extension(HeaderFields.ENCRYPTION) != null),
        32,
        "encryption method and header extension disagree");
  }

  private static void checkTables(HeaderFields h) throws SpecViolation {
    require(h.size() >= 0, 24, "size too large");
    require(h.l1Size() >= 0 && h.l1Size() <= MOST_L1_ENTRIES, 36, "L1 table too large");
    long needed = (h.size() / 512 * 512 + h.bytesPerL2Table() - 1) / h.bytesPerL2Table();
    require(needed >= 0 && h.l1Size() >= needed, 36, "L1 table too small for the disk");
    require(isTable(h, h.l1Offset()), 40, "L1 table not at a cluster");
    require(isTable(h, h.refcountTableOffset()), 48, "refcount table not at a cluster");
    require(
        h.refcountTableClusters() > 0
            && h.refcountTableClusters() <= MOST_REFCOUNT_TABLE_BYTES >> h.clusterBits(),
        56,
        "refcount table of no or too many clusters");
    require(
        h.snapshotCount() >= 0 && h.snapshotCount() <= MOST_SNAPSHOTS, 60, "too many snapshots");
    require(isTable(h, h.snapshotsOffset()), 64, "snapshot table not at a cluster");
  }

  /** Whether a table of any size that is allowed can begin here. */
  static boolean isTable(HeaderFields h, long offset) {
    return offset >= 0
        && offset <= Long.MAX_VALUE - MOST_TABLE_BYTES
        && (offset & (h.clusterSize() - 1)) == 0;
  }

  private static String text(ByteSource image, long offset, int length) throws IOException {
    byte[] bytes = new byte[length];
    image.read(offset, bytes, 0, length);
    return new String(bytes, StandardCharsets.UTF_8);
  }

  private static void require(boolean holds, long offset, String rule) throws SpecViolation {
    if (!holds) {
      throw new SpecViolation(offset, rule);
    }
  }
}
