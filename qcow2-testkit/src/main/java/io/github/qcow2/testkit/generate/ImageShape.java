package io.github.qcow2.testkit.generate;

import java.util.ArrayList;
import java.util.List;

/**
 * What is chosen when an image is made.
 *
 * @param version 2 or 3
 * @param clusterBits 9 to 21: a cluster has {@code 1 << clusterBits} bytes
 * @param refcountOrder 0 to 6: a refcount has {@code 1 << refcountOrder} bits; 4 in version 2
 * @param extendedL2 whether clusters have 32 subclusters each: version 3 and at least 14 cluster
 *     bits
 * @param size of the disk in bytes, a multiple of 512
 * @param backing what lies below the image
 * @param backingSize size of the backing disk in bytes, a multiple of 512; 0 without one
 */
public record ImageShape(
    int version,
    int clusterBits,
    int refcountOrder,
    boolean extendedL2,
    long size,
    Backing backing,
    long backingSize) {

  /** What lies below an image. */
  public enum Backing {
    /** Nothing. */
    NONE,
    /** A raw file. */
    RAW,
    /** A qcow2 image. */
    QCOW2
  }

  /** Checks what the format demands. */
  public ImageShape {
    if (version < 2
        || version > 3
        || clusterBits < 9
        || clusterBits > 21
        || refcountOrder < 0
        || refcountOrder > 6
        || (version == 2 && (refcountOrder != 4 || extendedL2))
        || (extendedL2 && clusterBits < 14)
        || size < 0
        || size % 512 != 0
        || backingSize < 0
        || backingSize % 512 != 0
        || (backing == Backing.NONE && backingSize != 0)) {
      throw new IllegalArgumentException(
          describe(version, clusterBits, refcountOrder, extendedL2, size, backing, backingSize));
    }
  }

  /** Bytes of a cluster. */
  public int clusterSize() {
    return 1 << clusterBits;
  }

  /** Bytes of a subcluster; of a cluster, where there are none. */
  public int subclusterSize() {
    return extendedL2 ? clusterSize() / 32 : clusterSize();
  }

  /** Bits of a refcount. */
  public int refcountBits() {
    return 1 << refcountOrder;
  }

  /** Guest bytes that one L2 table maps. */
  public long bytesPerL2Table() {
    return bytesPerTablePart(clusterSize());
  }

  /**
   * Guest bytes that part of an L2 table maps.
   *
   * @param tableBytes bytes of the part, for example of a slice in a cache
   */
  public long bytesPerTablePart(int tableBytes) {
    return (long) Math.min(tableBytes, clusterSize()) / (extendedL2 ? 16 : 8) * clusterSize();
  }

  /** The options that make {@code qemu-img create} produce this shape, without the backing file. */
  public String[] createOptions() {
    List<String> options = new ArrayList<>();
    options.add("cluster_size=" + clusterSize());
    options.add("compat=" + (version == 2 ? "0.10" : "1.1"));
    if (version == 3) {
      options.add("refcount_bits=" + refcountBits());
      options.add("extended_l2=" + (extendedL2 ? "on" : "off"));
    }
    return options.toArray(String[]::new);
  }

  @Override
  public String toString() {
    return describe(version, clusterBits, refcountOrder, extendedL2, size, backing, backingSize);
  }

  private static String describe(
      int version,
      int clusterBits,
      int refcountOrder,
      boolean extendedL2,
      long size,
      Backing backing,
      long backingSize) {
    return "v"
        + version
        + ", cluster bits "
        + clusterBits
        + ", refcount order "
        + refcountOrder
        + (extendedL2 ? ", extended L2" : "")
        + ", size "
        + size
        + (backing == Backing.NONE ? "" : ", backing " + backing + " of size " + backingSize);
  }
}
