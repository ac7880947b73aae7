package io.github.qcow2.format;

/**
 * The L2 entry of a compressed cluster (qcow2 spec, "Compressed Clusters Descriptor").
 *
 * <p>With {@code x = 62 - (clusterBits - 8)}, bits 0 to {@code x-1} hold the <em>byte</em> offset
 * of the data in the host file, of any alignment, and bits {@code x} to 61 the number of 512-byte
 * sectors <em>in addition to</em> the one that holds the first byte. The exact length is not
 * stored; data runs up to a sector boundary at the latest, and what follows belongs to others.
 *
 * <p>With 64 KiB clusters, 0x4AC00000003D9750 means offset 0x3D9750, which lies 336 bytes into its
 * sector, and 43 more sectors: 44 * 512 - 336 = 22192 bytes to read.
 */
public final class CompressedDescriptor {
  private static final int SECTOR_BITS = 9;
  private static final int SECTOR_SIZE = 1 << SECTOR_BITS;

  private CompressedDescriptor() {}

  /** The host offset of the first compressed byte. */
  public static long hostOffset(long entry, int clusterBits) {
    return entry & ((1L << offsetBits(clusterBits)) - 1);
  }

  /** The number of sectors that the data touches in addition to its first. */
  public static int additionalSectors(long entry, int clusterBits) {
    return (int) (entry >>> offsetBits(clusterBits)) & maxAdditionalSectors(clusterBits);
  }

  /**
   * Bytes from the first compressed byte to the end of the last sector: what to read. From 1 to
   * twice the cluster size; may reach past the end of the file, where zeros stand in.
   */
  public static int byteLength(long entry, int clusterBits) {
    int inSector = (int) entry & (SECTOR_SIZE - 1);
    return ((additionalSectors(entry, clusterBits) + 1) << SECTOR_BITS) - inSector;
  }

  /**
   * Makes an entry.
   *
   * @param hostOffset the host offset of the first compressed byte, not 0
   * @param length the number of compressed bytes, at least 1; a writer stores a cluster plain
   *     unless compression makes it smaller than a cluster
   * @param clusterBits log2 of the cluster size
   * @throws IllegalArgumentException if no entry can say that
   */
  public static long encode(long hostOffset, int length, int clusterBits) {
    if (hostOffset <= 0 || length < 1 || hostOffset > offsetEnd(clusterBits) - length) {
      throw new IllegalArgumentException(
          "no compressed cluster of " + length + " bytes at offset " + hostOffset);
    }
    long last = hostOffset + length - 1;
    long additionalSectors = (last >>> SECTOR_BITS) - (hostOffset >>> SECTOR_BITS);
    if (additionalSectors > maxAdditionalSectors(clusterBits)) {
      throw new IllegalArgumentException(length + " compressed bytes are too many");
    }
    return L2Entry.COMPRESSED | (additionalSectors << offsetBits(clusterBits)) | hostOffset;
  }

  /** Where host offsets end that a descriptor can hold: 2^min(x, 56). */
  public static long offsetEnd(int clusterBits) {
    return Math.min(1L << offsetBits(clusterBits), Geometry.HOST_OFFSET_END);
  }

  private static int offsetBits(int clusterBits) {
    return 62 - (clusterBits - 8);
  }

  private static int maxAdditionalSectors(int clusterBits) {
    return (1 << (clusterBits - 8)) - 1;
  }
}
