package io.github.qcow2.metadata;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Where the tables lie that have more than one cluster, or whose number is small: ranges of host
 * clusters, each of one kind. Immutable, so that it can be looked at without a lock.
 *
 * <p>Ranges are sorted by their first cluster. Those of a sane image do not overlap; of a broken
 * one they may, which is why each also knows how far any range before it reaches.
 */
final class TableRanges {
  static final TableRanges NONE = new TableRanges(List.of());

  /**
   * Clusters in a row.
   *
   * @param kind of table
   * @param first number of the first cluster
   * @param last number of the last, not below the first
   */
  record Range(ClusterKind kind, long first, long last) {}

  private final List<Range> ranges;
  private final long[] firsts;
  private final long[] lasts;
  private final int[] kinds;

  /** The highest last cluster of this range and all before it. */
  private final long[] reach;

  private TableRanges(List<Range> sorted) {
    this.ranges = sorted;
    int count = sorted.size();
    this.firsts = new long[count];
    this.lasts = new long[count];
    this.kinds = new int[count];
    this.reach = new long[count];
    long furthest = -1;
    for (int i = 0; i < count; i++) {
      Range range = sorted.get(i);
      furthest = Math.max(furthest, range.last);
      firsts[i] = range.first;
      lasts[i] = range.last;
      kinds[i] = range.kind.bit();
      reach[i] = furthest;
    }
  }

  /** The kinds of the ranges that share a cluster with those from {@code first} to {@code last}. */
  int kinds(long first, long last) {
    int found = 0;
    for (int i = lastAtOrBelow(last); i >= 0 && reach[i] >= first; i--) {
      if (lasts[i] >= first) {
        found |= kinds[i];
      }
    }
    return found;
  }

  private int lastAtOrBelow(long cluster) {
    int low = 0;
    int high = firsts.length;
    while (low < high) {
      int middle = (low + high) >>> 1;
      if (firsts[middle] <= cluster) {
        low = middle + 1;
      } else {
        high = middle;
      }
    }
    return low - 1;
  }

  /** These ranges and more. */
  TableRanges with(Collection<Range> more) {
    List<Range> all = new ArrayList<>(ranges);
    all.addAll(more);
    all.sort(Comparator.comparingLong(Range::first));
    return new TableRanges(all);
  }

  /** These ranges, one of them less: the first that equals it. */
  TableRanges without(Range range) {
    List<Range> all = new ArrayList<>(ranges);
    all.remove(range);
    return new TableRanges(all);
  }
}
