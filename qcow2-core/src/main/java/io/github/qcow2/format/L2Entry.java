package io.github.qcow2.format;

import org.jspecify.annotations.Nullable;

/**
 * The first word of an L2 entry, which is the whole entry without extended L2 entries (qcow2 spec,
 * "Cluster mapping").
 *
 * <p>With extended L2 entries the second word says which subclusters are allocated or zero: see
 * {@link SubclusterBitmap}. Where a method takes the bitmap of an entry without one, pass 0.
 */
public final class L2Entry {
  /** Set when the refcount of the data cluster is exactly 1; never on compressed clusters. */
  public static final long COPIED = 1L << 63;

  /** Set when the entry is a {@link CompressedDescriptor}. */
  public static final long COMPRESSED = 1L << 62;

  /** Set when the cluster reads as zeros; version 3 without extended L2 entries only. */
  public static final long ZERO = 1L;

  /** Bits 9 to 55: the host offset of the cluster. */
  public static final long OFFSET_MASK = 0x00ff_ffff_ffff_fe00L;

  /** Bits 1 to 8 and 56 to 61: always zero in an entry that is not compressed. */
  public static final long RESERVED = 0x3f00_0000_0000_01feL;

  private L2Entry() {}

  /**
   * What the entry says.
   *
   * <p>With extended L2 entries the answer is one of three: {@link ClusterType#COMPRESSED}, {@link
   * ClusterType#NORMAL} if a host cluster is present, or {@link ClusterType#UNALLOCATED}; {@link
   * SubclusterBitmap#type} then tells about each subcluster. Bit 0 is ignored there, as QEMU does.
   *
   * <p>Only the bits that decide are looked at: {@link #brokenRule} tells whether the entry may be
   * followed.
   *
   * @param entry the word
   * @param geometry of the image
   * @param dataFile whether guest data lies in an external data file, where host offset 0 is valid
   */
  public static ClusterType type(long entry, Geometry geometry, boolean dataFile) {
    if ((entry & COMPRESSED) != 0) {
      return ClusterType.COMPRESSED;
    }
    boolean hasOffset = (entry & OFFSET_MASK) != 0;
    if ((entry & ZERO) != 0 && !geometry.extendedL2()) {
      return hasOffset ? ClusterType.ZERO_ALLOCATED : ClusterType.ZERO_PLAIN;
    }
    return hasOffset || (dataFile && copied(entry)) ? ClusterType.NORMAL : ClusterType.UNALLOCATED;
  }

  /** The host offset of an entry that is not compressed, or 0 if it has none. */
  public static long offset(long entry) {
    return entry & OFFSET_MASK;
  }

  /** Whether the entry claims that its data cluster has a refcount of exactly 1. */
  public static boolean copied(long entry) {
    return entry < 0;
  }

  /** Whether the entry is a {@link CompressedDescriptor}. */
  public static boolean compressed(long entry) {
    return (entry & COMPRESSED) != 0;
  }

  /**
   * Makes the entry of a cluster with data in a host cluster; with extended L2 entries, of any
   * cluster with a host cluster.
   *
   * @param offset the host offset, a multiple of 512 below 2^56; 0 only with an external data file
   * @param copied whether the refcount of the host cluster is exactly 1
   * @throws IllegalArgumentException if an entry cannot hold the offset
   */
  public static long normal(long offset, boolean copied) {
    if ((offset & ~OFFSET_MASK) != 0) {
      throw new IllegalArgumentException("no table entry holds offset " + offset);
    }
    return copied ? offset | COPIED : offset;
  }

  /**
   * Makes the entry of a cluster that reads as zeros but keeps its host cluster. Not for extended
   * L2 entries.
   *
   * @param offset the host offset, a multiple of 512 below 2^56
   * @param copied whether the refcount of the host cluster is exactly 1
   * @throws IllegalArgumentException if an entry cannot hold the offset
   */
  public static long zeroAllocated(long offset, boolean copied) {
    return normal(offset, copied) | ZERO;
  }

  /**
   * The bits that the format reserves and this entry sets; 0 if none. They do not make an entry
   * unreadable: QEMU ignores them, and only a check reports them.
   */
  public static long reservedBits(long entry, Geometry geometry) {
    if (compressed(entry)) {
      return 0;
    }
    return entry & (geometry.extendedL2() ? RESERVED | ZERO : RESERVED);
  }

  /**
   * The rule that keeps the entry from being followed, or null if there is none. Allocates nothing.
   *
   * @param entry the first word
   * @param bitmap the second word, 0 without extended L2 entries
   * @param geometry of the image
   * @param dataFile whether guest data lies in an external data file
   * @param guestOffset any guest offset in the cluster
   */
  public static @Nullable String brokenRule(
      long entry, long bitmap, Geometry geometry, boolean dataFile, long guestOffset) {
    ClusterType type = type(entry, geometry, dataFile);
    if (type == ClusterType.COMPRESSED) {
      return brokenCompressedRule(entry, bitmap, geometry, dataFile);
    }
    if (!geometry.isClusterAligned(offset(entry))) {
      return "host offset of a data cluster is not cluster aligned";
    }
    if (dataFile
        && offset(entry) != geometry.roundDownToCluster(guestOffset)
        && (type == ClusterType.NORMAL || type == ClusterType.ZERO_ALLOCATED)) {
      return "host offset in the external data file differs from the guest offset";
    }
    if (geometry.extendedL2()) {
      return SubclusterBitmap.brokenRule(bitmap, type == ClusterType.NORMAL);
    }
    if ((entry & ZERO) != 0 && geometry.version() == 2) {
      return "zero flag in a version 2 image";
    }
    return null;
  }

  private static @Nullable String brokenCompressedRule(
      long entry, long bitmap, Geometry geometry, boolean dataFile) {
    if (dataFile) {
      return "compressed cluster in an image with an external data file";
    }
    if (bitmap != 0) {
      return "compressed cluster with a subcluster bitmap that is not zero";
    }
    int clusterBits = geometry.clusterBits();
    long hostOffset = CompressedDescriptor.hostOffset(entry, clusterBits);
    if (geometry.clusterIndex(hostOffset) == 0) {
      return "compressed data in cluster 0, which holds the header";
    }
    int length = CompressedDescriptor.byteLength(entry, clusterBits);
    if (hostOffset > Geometry.HOST_OFFSET_END - length) {
      return "compressed cluster beyond the largest host offset, 2^56";
    }
    return null;
  }
}
