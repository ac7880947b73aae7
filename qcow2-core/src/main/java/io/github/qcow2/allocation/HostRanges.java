package io.github.qcow2.allocation;

import java.util.Arrays;

/**
 * Collects ranges of a host file; one that continues the last is joined with it. Used by one
 * thread.
 */
public final class HostRanges {
  private long[] ends = new long[8];
  private int words;

  /** Adds a range. */
  public void add(long position, long length) {
    if (words > 0 && ends[words - 1] == position) {
      ends[words - 1] += length;
      return;
    }
    if (words == ends.length) {
      ends = Arrays.copyOf(ends, 2 * words);
    }
    ends[words] = position;
    ends[words + 1] = position + length;
    words += 2;
  }

  /** How many ranges there are. */
  public int count() {
    return words / 2;
  }

  /** Where a range begins. */
  public long position(int index) {
    return ends[2 * index];
  }

  /** How long a range is. */
  public long length(int index) {
    return ends[2 * index + 1] - ends[2 * index];
  }
}
