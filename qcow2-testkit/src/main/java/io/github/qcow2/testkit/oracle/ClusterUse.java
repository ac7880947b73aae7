package io.github.qcow2.testkit.oracle;

import org.jspecify.annotations.Nullable;

/**
 * What a check has seen each host cluster used for, and how often. Pages of it come into being
 * where clusters are used, so a sparse file of any length costs little.
 */
final class ClusterUse {
  /** What a cluster can be used for. */
  enum Kind {
    HEADER("the header"),
    ACTIVE_L1("the active L1 table"),
    SNAPSHOT_L1("a snapshot's L1 table"),
    L2("an L2 table"),
    REFCOUNT_TABLE("the refcount table"),
    REFCOUNT_BLOCK("a refcount block"),
    SNAPSHOT_TABLE("the snapshot table"),
    DATA("data"),
    COMPRESSED("compressed data"),
    ENCRYPTION_HEADER("the encryption header"),
    BITMAP_DIRECTORY("the bitmap directory"),
    BITMAP_TABLE("a bitmap table"),
    BITMAP_DATA("bitmap data");

    private final String words;

    Kind(String words) {
      this.words = words;
    }

    /** Whether a cluster may be used for this several times, with a refcount that says so. */
    boolean isShareable() {
      return this == L2 || this == DATA || this == COMPRESSED;
    }

    @Override
    public String toString() {
      return words;
    }
  }

  /** COPIED was set in an entry of an active table for this cluster. */
  static final int COPIED_SET = 1;

  /** COPIED was clear in an entry of an active table for this cluster. */
  static final int COPIED_CLEAR = 2;

  private static final int PAGE_BITS = 10;
  private static final int PAGE = 1 << PAGE_BITS;

  private final long clusters;
  private final @Nullable Page[] pages;

  /** What is known of some clusters that follow each other. */
  private static final class Page {
    final int[] counts;
    final byte[] copied;
    final @Nullable Kind[] kinds;

    Page(int clusters) {
      counts = new int[clusters];
      copied = new byte[clusters];
      kinds = new Kind[clusters];
    }
  }

  ClusterUse(long clusters) {
    this.clusters = clusters;
    this.pages = new Page[Math.toIntExact((clusters + PAGE - 1) >>> PAGE_BITS)];
  }

  /** How many clusters there can be something in. */
  long clusters() {
    return clusters;
  }

  /**
   * Counts one more use of a cluster of the file.
   *
   * @return what it was used for first, if this is not the first time
   */
  @Nullable Kind use(long cluster, Kind kind) {
    Page page = page(cluster);
    if (page == null) {
      long first = cluster & -PAGE;
      page = new Page((int) Math.min(PAGE, clusters - first));
      pages[(int) (cluster >>> PAGE_BITS)] = page;
    }
    int index = (int) cluster & (PAGE - 1);
    page.counts[index]++;
    Kind before = page.kinds[index];
    if (before == null) {
      page.kinds[index] = kind;
    }
    return before;
  }

  /** Notes a COPIED flag for a cluster that is in use. */
  void note(long cluster, int flag) {
    Page page = page(cluster);
    if (page != null) {
      page.copied[(int) cluster & (PAGE - 1)] |= (byte) flag;
    }
  }

  /** How often the cluster is used. */
  int count(long cluster) {
    Page page = cluster < clusters ? page(cluster) : null;
    return page == null ? 0 : page.counts[(int) cluster & (PAGE - 1)];
  }

  /** The COPIED flags that were noted for the cluster. */
  int copied(long cluster) {
    Page page = cluster < clusters ? page(cluster) : null;
    return page == null ? 0 : page.copied[(int) cluster & (PAGE - 1)];
  }

  /** The first cluster in use from {@code cluster} on, or {@code limit} if there is none below. */
  long nextInUse(long cluster, long limit) {
    long at = cluster;
    while (at < limit && count(at) == 0) {
      at = page(at) == null ? (at & -PAGE) + PAGE : at + 1;
    }
    return Math.min(at, limit);
  }

  private @Nullable Page page(long cluster) {
    return pages[(int) (cluster >>> PAGE_BITS)];
  }
}
