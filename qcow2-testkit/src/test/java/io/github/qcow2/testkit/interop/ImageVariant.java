package io.github.qcow2.testkit.interop;

import java.util.ArrayList;
import java.util.List;

/**
 * One choice for everything that an image can differ in.
 *
 * @param layout version, cluster size and width of L2 entries
 * @param refcountBits width of a refcount
 * @param below the backing chain
 * @param placement where guest data lies
 * @param compressed whether some clusters are compressed
 * @param snapshots whether there are internal snapshots
 */
record ImageVariant(
    Layout layout,
    int refcountBits,
    Below below,
    Placement placement,
    boolean compressed,
    boolean snapshots) {

  /** Version, cluster size and width of L2 entries. */
  enum Layout {
    V2_512(2, 9, false),
    V2_4K(2, 12, false),
    V2_64K(2, 16, false),
    V2_2M(2, 21, false),
    V3_512(3, 9, false),
    V3_4K(3, 12, false),
    V3_64K(3, 16, false),
    V3_2M(3, 21, false),
    EXTENDED_16K(3, 14, true),
    EXTENDED_64K(3, 16, true),
    EXTENDED_2M(3, 21, true);

    final int version;
    final int clusterBits;
    final boolean extendedL2;

    Layout(int version, int clusterBits, boolean extendedL2) {
      this.version = version;
      this.clusterBits = clusterBits;
      this.extendedL2 = extendedL2;
    }

    int clusterSize() {
      return 1 << clusterBits;
    }

    /** A disk of a few L2 tables where those are small, and always of a broken last cluster. */
    long size() {
      long clusters =
          switch (clusterBits) {
            case 9 -> 200;
            case 12 -> 600;
            case 21 -> 9;
            default -> 40;
          };
      return (clusters << clusterBits) - (clusterSize() == 512 ? 0 : 1536);
    }
  }

  /** What lies below the image. */
  enum Below {
    NOTHING,
    RAW,
    RAW_SHORTER,
    RAW_LONGER,
    QCOW2,
    QCOW2_SHORTER,
    QCOW2_LONGER,
    QCOW2_OF_OTHER_CLUSTERS,
    CHAIN_OF_THREE
  }

  /** Where guest data lies. */
  enum Placement {
    IMAGE,
    DATA_FILE,
    RAW_DATA_FILE
  }

  /** Whether the format allows it. */
  boolean isPossible() {
    return (layout.version > 2 || (refcountBits == 16 && placement == Placement.IMAGE))
        && (placement == Placement.IMAGE || (!compressed && !snapshots))
        && (placement != Placement.RAW_DATA_FILE || below == Below.NOTHING)
        && (refcountBits > 1 || !snapshots);
  }

  /** The choices, by name, for counting which of them have met. */
  List<String> choices() {
    return List.of(
        layout.name(),
        refcountBits + "-bit refcounts",
        below.name(),
        placement.name(),
        compressed ? "compressed" : "plain",
        snapshots ? "snapshots" : "no snapshots");
  }

  /** The options that make {@code qemu-img create} produce it, but for the files it names. */
  List<String> createOptions() {
    List<String> options = new ArrayList<>();
    options.add("cluster_size=" + layout.clusterSize());
    options.add("compat=" + (layout.version == 2 ? "0.10" : "1.1"));
    if (layout.version == 3) {
      options.add("refcount_bits=" + refcountBits);
      options.add("extended_l2=" + (layout.extendedL2 ? "on" : "off"));
    }
    return options;
  }

  @Override
  public String toString() {
    return String.join(", ", choices());
  }
}
