package io.github.qcow2.metadata;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.SplittableRandom;

/**
 * Which host clusters are tables of one cluster each: L2 tables and refcount blocks.
 *
 * <p>A hash table with linear probing, at most half full, of one word per cluster:
 *
 * <pre>
 *   63                          17  16  15       9 8            0
 *   ┌─────────────────────────────┬───┬───────────┬──────────────┐
 *   │ number of the cluster       │ 1 │ more      │ kinds        │   0: the slot is free
 *   └─────────────────────────────┴───┴───────────┴──────────────┘
 *     below 2^56 / 512 = 2^47           references beyond the first of each kind
 * </pre>
 *
 * <p>{@link #kinds} takes no lock and allocates nothing: a word holds all there is to know about a
 * cluster, and a slot once taken keeps its cluster. Changes are made under this object's monitor,
 * which is taken last. A table that grows is copied; a reader that still looks at the old one sees
 * what was true when its search began.
 */
final class TableClusters {
  private static final VarHandle SLOTS = MethodHandles.arrayElementVarHandle(long[].class);
  private static final int CLUSTER_SHIFT = 17;
  private static final long TAKEN = 1L << 16;
  private static final int MORE_SHIFT = 9;
  private static final long MORE_ONE = 1L << MORE_SHIFT;
  private static final long MORE_MASK = 0x7fL << MORE_SHIFT;
  private static final long KINDS_MASK = MORE_ONE - 1;
  private static final int SMALLEST = 64;

  private final long seed;

  private volatile long[] slots = new long[SMALLEST];

  /** Slots that are not free, those without kinds included. */
  private int taken;

  /** An empty table. */
  TableClusters() {
    this(new SplittableRandom().nextLong());
  }

  /** An empty table in which clusters have known places, for tests. */
  TableClusters(long seed) {
    this.seed = seed;
  }

  /** The kinds of table that a cluster is, as {@link ClusterKind#bit() bits}; 0 if none. */
  int kinds(long cluster) {
    long[] now = slots;
    int mask = now.length - 1;
    int at = hash(cluster) & mask;
    while (true) {
      long word = (long) SLOTS.getVolatile(now, at);
      if (word == 0) {
        return 0;
      }
      if (word >>> CLUSTER_SHIFT == cluster) {
        return (int) (word & KINDS_MASK);
      }
      at = (at + 1) & mask;
    }
  }

  /** The kinds of table that any cluster from {@code first} on is. Looks at the whole table. */
  int kindsFrom(long first) {
    long[] now = slots;
    int found = 0;
    for (int at = 0; at < now.length; at++) {
      long word = (long) SLOTS.getVolatile(now, at);
      if (word >>> CLUSTER_SHIFT >= first) {
        found |= (int) (word & KINDS_MASK);
      }
    }
    return found;
  }

  /** A reference more makes the cluster a table of this kind. */
  synchronized void add(long cluster, ClusterKind kind) {
    int at = find(cluster);
    long word = slots[at];
    if (word == 0) {
      if (2 * (taken + 1) > slots.length) {
        makeRoom();
        at = find(cluster);
      }
      taken++;
      word = cluster << CLUSTER_SHIFT | TAKEN;
    }
    if ((word & kind.bit()) == 0) {
      word |= kind.bit();
    } else if ((word & MORE_MASK) != MORE_MASK) {
      word += MORE_ONE;
    }
    SLOTS.setVolatile(slots, at, word);
  }

  /**
   * A reference less. Where there are more than can be counted, the cluster remains a table: no
   * sane image has that many, and a write refused does less harm than one into a table.
   */
  synchronized void remove(long cluster, ClusterKind kind) {
    int at = find(cluster);
    long word = slots[at];
    long more = word & MORE_MASK;
    if ((word & kind.bit()) == 0 || more == MORE_MASK) {
      return;
    }
    SLOTS.setVolatile(slots, at, more != 0 ? word - MORE_ONE : word & ~kind.bit());
  }

  /** The slot of a cluster, or the free one where it belongs. */
  private int find(long cluster) {
    int mask = slots.length - 1;
    int at = hash(cluster) & mask;
    while (slots[at] != 0 && slots[at] >>> CLUSTER_SHIFT != cluster) {
      at = (at + 1) & mask;
    }
    return at;
  }

  /** Leaves out what is no table any more; what remains fills an eighth to a quarter. */
  private void makeRoom() {
    long[] old = slots;
    int live = 0;
    for (long word : old) {
      if ((word & KINDS_MASK) != 0) {
        live++;
      }
    }
    int length = SMALLEST;
    while (length < 4 * (live + 1)) {
      length *= 2;
    }
    long[] next = new long[length];
    for (long word : old) {
      if ((word & KINDS_MASK) != 0) {
        int at = hash(word >>> CLUSTER_SHIFT) & (length - 1);
        while (next[at] != 0) {
          at = (at + 1) & (length - 1);
        }
        next[at] = word;
      }
    }
    taken = live;
    slots = next;
  }

  /**
   * Spreads neighbours, and clusters that somebody has chosen so that they collide: the finalizer
   * of SplitMix64 over a number that nobody can know beforehand.
   */
  private int hash(long cluster) {
    long z = cluster + seed;
    z = (z ^ (z >>> 30)) * 0xbf58_476d_1ce4_e5b9L;
    z = (z ^ (z >>> 27)) * 0x94d0_49bb_1331_11ebL;
    return (int) (z ^ (z >>> 31));
  }
}
