package io.github.qcow2.format;

/**
 * The sizes of an image's tables and the arithmetic between guest offsets, table indexes and
 * clusters (qcow2 spec, sections "General", "Host cluster management" and "Cluster mapping").
 *
 * <p>Owns every shift and mask of the library. Offsets and lengths are in bytes, in the guest's
 * address space or in the host file as each method says; they must not be negative. Immutable.
 */
public final class Geometry {
  /** The smallest cluster is 512 bytes. */
  public static final int MIN_CLUSTER_BITS = 9;

  /** The largest cluster is 2 MiB. */
  public static final int MAX_CLUSTER_BITS = 21;

  /** With 16 KiB clusters, each of 32 subclusters is one sector of 512 bytes. */
  public static final int MIN_EXTENDED_L2_CLUSTER_BITS = 14;

  /** Refcounts are at most 2^6 bits wide. */
  public static final int MAX_REFCOUNT_ORDER = 6;

  /** The only width in version 2: 2^4 bits. */
  public static final int DEFAULT_REFCOUNT_ORDER = 4;

  /** The largest host offset a table entry can hold lies below this: 64 PiB. */
  public static final long HOST_OFFSET_END = 1L << 56;

  private static final int SUBCLUSTERS_BITS = 5;

  private final int version;
  private final int clusterBits;
  private final int refcountOrder;
  private final boolean extendedL2;
  private final int l2Bits;
  private final int l1Shift;
  private final int subclusterBits;

  /**
   * Creates the arithmetic of one image.
   *
   * @param version 2 or 3
   * @param clusterBits log2 of the cluster size, 9 to 21, at least 14 with extended L2 entries
   * @param refcountOrder log2 of the refcount width in bits, 0 to 6, exactly 4 in version 2
   * @param extendedL2 whether L2 entries are 16 bytes and clusters have 32 subclusters; version 3
   * @throws IllegalArgumentException if the format has no such image
   */
  public Geometry(int version, int clusterBits, int refcountOrder, boolean extendedL2) {
    if (version != 2 && version != 3) {
      throw new IllegalArgumentException("version " + version + " is neither 2 nor 3");
    }
    if (clusterBits < MIN_CLUSTER_BITS || clusterBits > MAX_CLUSTER_BITS) {
      throw new IllegalArgumentException("cluster bits " + clusterBits + " not in 9..21");
    }
    if (refcountOrder < 0 || refcountOrder > MAX_REFCOUNT_ORDER) {
      throw new IllegalArgumentException("refcount order " + refcountOrder + " not in 0..6");
    }
    if (version == 2 && refcountOrder != DEFAULT_REFCOUNT_ORDER) {
      throw new IllegalArgumentException("version 2 has 16-bit refcounts only");
    }
    if (extendedL2 && (version == 2 || clusterBits < MIN_EXTENDED_L2_CLUSTER_BITS)) {
      throw new IllegalArgumentException(
          "extended L2 entries need version 3 and clusters of 16 KiB or more");
    }
    this.version = version;
    this.clusterBits = clusterBits;
    this.refcountOrder = refcountOrder;
    this.extendedL2 = extendedL2;
    this.l2Bits = clusterBits - (extendedL2 ? 4 : 3);
    this.l1Shift = clusterBits + l2Bits;
    this.subclusterBits = extendedL2 ? clusterBits - SUBCLUSTERS_BITS : clusterBits;
  }

  /** The version of the header: 2 or 3. */
  public int version() {
    return version;
  }

  /** The base-2 logarithm of the cluster size. */
  public int clusterBits() {
    return clusterBits;
  }

  /** Bytes in a cluster: 512 to 2 MiB. */
  public int clusterSize() {
    return 1 << clusterBits;
  }

  /** The bits of an offset that lie inside a cluster: the cluster size less one. */
  public long clusterMask() {
    return (1L << clusterBits) - 1;
  }

  /** Whether L2 entries carry a subcluster bitmap. */
  public boolean extendedL2() {
    return extendedL2;
  }

  /** Bytes in an L2 entry: 8, or 16 with extended L2 entries. */
  public int l2EntryBytes() {
    return extendedL2 ? 16 : 8;
  }

  /** 64-bit words in an L2 entry: 1, or 2 with extended L2 entries. */
  public int l2EntryWords() {
    return extendedL2 ? 2 : 1;
  }

  /** The base-2 logarithm of the number of entries in an L2 table. */
  public int l2Bits() {
    return l2Bits;
  }

  /** Entries in an L2 table, which fills one cluster. */
  public int l2Entries() {
    return 1 << l2Bits;
  }

  /** Subclusters in a cluster: 32 with extended L2 entries, else 1. */
  public int subclustersPerCluster() {
    return extendedL2 ? 1 << SUBCLUSTERS_BITS : 1;
  }

  /** Bytes in a subcluster; the cluster size without extended L2 entries. */
  public int subclusterSize() {
    return 1 << subclusterBits;
  }

  /** The base-2 logarithm of the subcluster size. */
  public int subclusterBits() {
    return subclusterBits;
  }

  /** The base-2 logarithm of the refcount width in bits. */
  public int refcountOrder() {
    return refcountOrder;
  }

  /** The refcount width in bits: 1 to 64. */
  public int refcountBits() {
    return 1 << refcountOrder;
  }

  /** The base-2 logarithm of the number of refcounts in a refcount block. */
  public int refcountBlockBits() {
    return clusterBits + 3 - refcountOrder;
  }

  /** Refcounts in a refcount block, which fills one cluster. */
  public long refcountsPerBlock() {
    return 1L << refcountBlockBits();
  }

  /** The refcount table entry that covers the host cluster with this number. */
  public long refcountTableIndex(long clusterIndex) {
    return clusterIndex >>> refcountBlockBits();
  }

  /** The place of a host cluster's count in its refcount block. */
  public int refcountBlockIndex(long clusterIndex) {
    return (int) (clusterIndex & (refcountsPerBlock() - 1));
  }

  /** The L1 entry that covers a guest offset. */
  public long l1Index(long guestOffset) {
    return guestOffset >>> l1Shift;
  }

  /** The entry that covers a guest offset in its L2 table; entries, not words. */
  public int l2Index(long guestOffset) {
    return (int) (guestOffset >>> clusterBits) & ((1 << l2Bits) - 1);
  }

  /** The distance of an offset, guest or host, from the start of its cluster. */
  public long offsetInCluster(long offset) {
    return offset & clusterMask();
  }

  /** The subcluster of its cluster that a guest offset lies in: 0 to 31. */
  public int subclusterIndex(long guestOffset) {
    return (int) (offsetInCluster(guestOffset) >>> subclusterBits);
  }

  /** The number of the cluster, guest or host, that an offset lies in. */
  public long clusterIndex(long offset) {
    return offset >>> clusterBits;
  }

  /** Whether an offset is a multiple of the cluster size. */
  public boolean isClusterAligned(long offset) {
    return (offset & clusterMask()) == 0;
  }

  /** Guest bytes that one L2 table maps. */
  public long bytesPerL2Table() {
    return 1L << l1Shift;
  }

  /** The L1 entries needed for a virtual disk of {@code size} bytes. */
  public long l1EntriesFor(long size) {
    return shiftRoundingUp(size, l1Shift);
  }

  /** The clusters needed for {@code bytes} bytes. */
  public long clustersFor(long bytes) {
    return shiftRoundingUp(bytes, clusterBits);
  }

  /**
   * The smallest multiple of the cluster size that is not below {@code offset}.
   *
   * @throws IllegalArgumentException if that exceeds {@link Long#MAX_VALUE}
   */
  public long roundUpToCluster(long offset) {
    long rounded = (offset + clusterMask()) & ~clusterMask();
    if (rounded < offset) {
      throw new IllegalArgumentException("no cluster boundary above " + offset);
    }
    return rounded;
  }

  /** The largest multiple of the cluster size that is not above {@code offset}. */
  public long roundDownToCluster(long offset) {
    return offset & ~clusterMask();
  }

  /**
   * Where host offsets of compressed data end: 64 PiB for clusters up to 16 KiB, halving with each
   * doubling of the cluster size beyond that (16 PiB at 64 KiB).
   */
  public long compressedOffsetEnd() {
    return CompressedDescriptor.offsetEnd(clusterBits);
  }

  private static long shiftRoundingUp(long value, int shift) {
    return (value >>> shift) + ((value & ((1L << shift) - 1)) == 0 ? 0 : 1);
  }

  @Override
  public String toString() {
    return "version "
        + version
        + ", clusters of "
        + clusterSize()
        + " bytes, "
        + refcountBits()
        + "-bit refcounts"
        + (extendedL2 ? ", extended L2" : "");
  }
}
