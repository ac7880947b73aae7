package io.github.qcow2.check;

import io.github.qcow2.error.LimitExceededException;
import java.util.SplittableRandom;
import java.util.stream.LongStream;

/**
 * How often each L2 table is referred to, so that a table is read once however many L1 entries and
 * snapshots share it.
 *
 * <p>A hash table with open addressing over the host offsets; 0, which is no table, marks a free
 * slot. The seed keeps the author of an image from choosing offsets that collide.
 */
final class TableReferences {
  private static final int INITIAL_SLOTS = 1 << 10;
  private static final int BYTES_PER_SLOT = Long.BYTES + 3 * Integer.BYTES;

  private final CheckBudget budget;
  private final long seed = new SplittableRandom().nextLong();
  private long[] offsets;
  private int[] total;
  private int[] active;
  private int[] firstActiveIndex;
  private int size;
  private long[] sorted = {};

  TableReferences(CheckBudget budget) throws LimitExceededException {
    this.budget = budget;
    budget.memory((long) INITIAL_SLOTS * BYTES_PER_SLOT);
    offsets = new long[INITIAL_SLOTS];
    total = new int[INITIAL_SLOTS];
    active = new int[INITIAL_SLOTS];
    firstActiveIndex = new int[INITIAL_SLOTS];
  }

  /**
   * Counts a reference.
   *
   * @param offset the host offset of the table, not 0
   * @param fromActive whether the active L1 table refers to it, not a snapshot's
   * @param l1Index the entry that does
   */
  void add(long offset, boolean fromActive, int l1Index) throws LimitExceededException {
    if (size >= offsets.length / 4 * 3) {
      grow();
    }
    int slot = slot(offset);
    if (offsets[slot] == 0) {
      offsets[slot] = offset;
      size++;
    }
    total[slot] = plusOne(total[slot]);
    if (fromActive) {
      if (active[slot] == 0) {
        firstActiveIndex[slot] = l1Index;
      }
      active[slot] = plusOne(active[slot]);
    }
  }

  /** The number of different tables. */
  int size() {
    return size;
  }

  /** References to a table from all L1 tables. */
  int total(long offset) {
    return total[slot(offset)];
  }

  /** References to a table from the active L1 table. */
  int active(long offset) {
    return active[slot(offset)];
  }

  /** The first entry of the active L1 table that refers to a table; 0 if none does. */
  int firstActiveIndex(long offset) {
    return firstActiveIndex[slot(offset)];
  }

  /** The host offsets of all tables, ascending. Comes after the last {@link #add}. */
  long[] sortedOffsets() throws LimitExceededException {
    if (sorted.length != size) {
      budget.memory((long) size * Long.BYTES);
      sorted = LongStream.of(offsets).filter(offset -> offset != 0).sorted().toArray();
    }
    return sorted;
  }

  private void grow() throws LimitExceededException {
    long[] oldOffsets = offsets;
    int[] oldTotal = total;
    int[] oldActive = active;
    int[] oldFirst = firstActiveIndex;
    int slots = oldOffsets.length * 2;
    budget.memory((long) slots * BYTES_PER_SLOT);
    offsets = new long[slots];
    total = new int[slots];
    active = new int[slots];
    firstActiveIndex = new int[slots];
    for (int i = 0; i < oldOffsets.length; i++) {
      if (oldOffsets[i] != 0) {
        int slot = slot(oldOffsets[i]);
        offsets[slot] = oldOffsets[i];
        total[slot] = oldTotal[i];
        active[slot] = oldActive[i];
        firstActiveIndex[slot] = oldFirst[i];
      }
    }
    budget.memory(-(long) oldOffsets.length * BYTES_PER_SLOT);
  }

  /** The slot of an offset, or the free one where it belongs. */
  private int slot(long offset) {
    int mask = offsets.length - 1;
    int slot = (int) mix(offset ^ seed) & mask;
    while (offsets[slot] != 0 && offsets[slot] != offset) {
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  private static long mix(long value) {
    long mixed = (value ^ (value >>> 33)) * 0xff51_afd7_ed55_8ccdL;
    mixed = (mixed ^ (mixed >>> 33)) * 0xc4ce_b9fe_1a85_ec53L;
    return mixed ^ (mixed >>> 33);
  }

  private static int plusOne(int count) {
    return count == Integer.MAX_VALUE ? count : count + 1;
  }
}
