package io.github.qcow2.check;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.RefcountWidth;

/**
 * A count for each host cluster, in pages that exist only where something was counted.
 *
 * <p>A page starts with one bit a cluster, which is enough for images without snapshots, and is
 * rewritten with wider counts when one outgrows them: 4, then 16, then 64 bits. With 64 KiB
 * clusters, a file of 1 TiB takes 2 MiB.
 */
final class ReferenceCounts {
  private static final int PAGE_BITS = 15;
  private static final int PAGE_CLUSTERS = 1 << PAGE_BITS;

  /** Logarithms of the widths that a page goes through. */
  private static final int[] ORDERS = {0, 2, 4, 6};

  private final CheckBudget budget;
  private final long[][] pages;
  private final byte[] steps;

  /**
   * Counts that are all 0.
   *
   * @param clusters how many clusters there are; at most 2^31
   */
  ReferenceCounts(long clusters, CheckBudget budget) throws LimitExceededException {
    int count = Math.toIntExact((clusters + PAGE_CLUSTERS - 1) >>> PAGE_BITS);
    budget.memory(9L * count);
    this.budget = budget;
    this.pages = new long[count][];
    this.steps = new byte[count];
  }

  /** The count of a cluster. */
  long get(long cluster) {
    int page = (int) (cluster >>> PAGE_BITS);
    long[] words = pages[page];
    return words == null ? 0 : width(page).get(words, (int) cluster & (PAGE_CLUSTERS - 1));
  }

  /** Replaces the count of a cluster. */
  void set(long cluster, long count) throws LimitExceededException {
    int page = (int) (cluster >>> PAGE_BITS);
    long[] words = writable(page, count);
    width(page).set(words, (int) cluster & (PAGE_CLUSTERS - 1), count);
  }

  /** Replaces the counts of all clusters in {@code [from, to)}. Goes word by word. */
  void fill(long from, long to, long count) throws LimitExceededException {
    long end;
    for (long at = from; at < to; at = end) {
      int page = (int) (at >>> PAGE_BITS);
      end = Math.min(to, (page + 1L) << PAGE_BITS);
      int inPage = (int) at & (PAGE_CLUSTERS - 1);
      long[] words = writable(page, count);
      width(page).fill(words, inPage, inPage + (int) (end - at), count);
    }
  }

  /** The first cluster in {@code [from, to)} with a count that is not 0, or {@code to}. */
  long nextUsed(long from, long to) {
    return nextOther(from, to, 0);
  }

  /**
   * The first cluster in {@code [from, to)} whose count is another than {@code count}, or {@code
   * to}. Goes word by word.
   */
  long nextOther(long from, long to, long count) {
    long end;
    for (long at = from; at < to; at = end) {
      int page = (int) (at >>> PAGE_BITS);
      end = Math.min(to, (page + 1L) << PAGE_BITS);
      long[] words = pages[page];
      if (words == null ? count != 0 : count > width(page).max()) {
        return at;
      }
      if (words != null) {
        int inPage = (int) at & (PAGE_CLUSTERS - 1);
        int limit = inPage + (int) (end - at);
        int found = width(page).nextOther(words, inPage, limit, count);
        if (found < limit) {
          return at + (found - inPage);
        }
      }
    }
    return to;
  }

  /** The words of a page that can hold a count. */
  private long[] writable(int page, long count) throws LimitExceededException {
    long[] words = pages[page];
    if (words == null) {
      words = allocate(ORDERS[0]);
      pages[page] = words;
    }
    while (count > width(page).max()) {
      words = widen(page);
    }
    return words;
  }

  private long[] widen(int page) throws LimitExceededException {
    long[] narrow = pages[page];
    RefcountWidth before = width(page);
    steps[page]++;
    RefcountWidth after = width(page);
    long[] wide = allocate(ORDERS[steps[page]]);
    for (int i = before.nextUsed(narrow, 0, PAGE_CLUSTERS);
        i < PAGE_CLUSTERS;
        i = before.nextUsed(narrow, i + 1, PAGE_CLUSTERS)) {
      after.set(wide, i, before.get(narrow, i));
    }
    pages[page] = wide;
    budget.memory(-(long) narrow.length * Long.BYTES);
    return wide;
  }

  private long[] allocate(int order) throws LimitExceededException {
    int words = PAGE_CLUSTERS >>> (6 - order);
    budget.memory((long) words * Long.BYTES);
    return new long[words];
  }

  private RefcountWidth width(int page) {
    return RefcountWidth.of(ORDERS[steps[page]]);
  }
}
