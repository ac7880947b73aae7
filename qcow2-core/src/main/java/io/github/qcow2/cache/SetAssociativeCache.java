package io.github.qcow2.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A cache in the shape of a processor's: an offset is hashed to one set of 8 to 15 places (or as
 * many as there are, if fewer than 16), and a slice lives in one of the places of its set.
 *
 * <p>A lookup compares the keys of one set, which lie side by side, and takes the slice from the
 * parallel array of values, without a lock. Keys and values change one after the other, so a key
 * that fits proves nothing: the slice itself is asked for its offset. Only a lookup that finds
 * nothing is repeated under the lock of the set, because a slice is hidden for the moment in which
 * it is asked whether it may go. That order, hide and then ask, is why a dead slice is never found.
 *
 * <p>Replacement is CLOCK per set: a hand passes over the places, spares each that was used since
 * it last came by, and evicts the first other slice that agrees. A hit leaves its mark in a byte,
 * and only if the mark is not there yet, so that hits on the same slice share a cache line
 * peacefully.
 *
 * <p>Slices for which no place could be found wait in the overflow of their set, a list that is
 * replaced as a whole and is empty unless slices that cannot be evicted fill the set.
 *
 * <p>{@code locks[set]} guards every change of the places and the overflow of a set.
 */
final class SetAssociativeCache<S extends MetadataCache.Slice> implements MetadataCache<S> {
  /** Two cache lines of keys at most, and a remainder of the budget that is never large. */
  private static final int FEWEST_WAYS = 8;

  /** 2^64 divided by the golden ratio: spreads the upper bits of regularly spaced offsets. */
  private static final long HASH = 0x9E3779B97F4A7C15L;

  private static final long NO_KEY = -1;

  private static final VarHandle LONGS = MethodHandles.arrayElementVarHandle(long[].class);

  private final int setBits;
  private final int ways;

  /** The offset of the slice in each place, or {@link #NO_KEY}; the places of a set in a row. */
  private final long[] keys;

  private final AtomicReferenceArray<S> values;

  /** Not zero in places used since the hand passed; written by hits, without synchronization. */
  private final byte[] used;

  /** The next place that the hand of each set comes to, counted within the set. */
  private final byte[] hands;

  private final AtomicReferenceArray<List<S>> overflow;
  private final Object[] locks;

  private final HitCounter hits = new HitCounter();
  private final LongAdder misses = new LongAdder();
  private final LongAdder evictions = new LongAdder();
  private final AtomicInteger resident = new AtomicInteger();
  private final AtomicInteger overBudget = new AtomicInteger();

  SetAssociativeCache(int budget) {
    if (budget < 1) {
      throw new IllegalArgumentException("a cache of " + budget + " slices");
    }
    int sets = Integer.highestOneBit(Math.max(1, budget / FEWEST_WAYS));
    setBits = Integer.numberOfTrailingZeros(sets);
    ways = budget / sets;
    keys = new long[sets * ways];
    Arrays.fill(keys, NO_KEY);
    values = new AtomicReferenceArray<>(sets * ways);
    used = new byte[sets * ways];
    hands = new byte[sets];
    overflow = new AtomicReferenceArray<>(sets);
    locks = new Object[sets];
    for (int set = 0; set < sets; set++) {
      overflow.setPlain(set, List.of());
      locks[set] = new Object();
    }
  }

  @Override
  public @Nullable S get(long offset) {
    int set = setOf(offset);
    S slice = find(set, offset);
    if (slice == null) {
      synchronized (locks[set]) {
        slice = find(set, offset);
      }
      if (slice == null) {
        misses.increment();
        return null;
      }
    }
    hits.increment();
    return slice;
  }

  @Override
  public S putIfAbsent(S slice) {
    int set = setOf(slice.offset());
    synchronized (locks[set]) {
      S there = find(set, slice.offset());
      if (there != null) {
        return there;
      }
      drain(set);
      int place = makePlace(set);
      if (place >= 0) {
        fill(place, slice);
      } else {
        List<S> longer = new ArrayList<>(overflow.getPlain(set));
        longer.add(slice);
        overflow.setRelease(set, longer);
        overBudget.incrementAndGet();
      }
      resident.incrementAndGet();
      return slice;
    }
  }

  @Override
  public void remove(long offset) {
    int set = setOf(offset);
    synchronized (locks[set]) {
      for (int place = set * ways; place < (set + 1) * ways; place++) {
        if (keys[place] == offset) {
          empty(place);
          resident.decrementAndGet();
        }
      }
      List<S> waiting = overflow.getPlain(set);
      if (!waiting.isEmpty()) {
        List<S> shorter = new ArrayList<>(waiting);
        if (shorter.removeIf(slice -> slice.offset() == offset)) {
          overflow.setRelease(set, shorter);
          overBudget.decrementAndGet();
          resident.decrementAndGet();
        }
      }
    }
  }

  @Override
  public void trim() {
    for (int set = 0; set < locks.length && overBudget.get() > 0; set++) {
      synchronized (locks[set]) {
        drain(set);
      }
    }
  }

  @Override
  public CacheStatistics statistics() {
    return new CacheStatistics(
        hits.sum(), misses.sum(), evictions.sum(), resident.get(), overBudget.get(), keys.length);
  }

  private int setOf(long offset) {
    // In two steps, because a shift by 64 for a single set would be a shift by nothing.
    return (int) ((offset * HASH) >>> 1 >>> (Long.SIZE - 1 - setBits));
  }

  /** The slice if it can be seen; without the lock of the set, it may be there and not be seen. */
  private @Nullable S find(int set, long offset) {
    int first = set * ways;
    for (int place = first; place < first + ways; place++) {
      if ((long) LONGS.getOpaque(keys, place) == offset) {
        S slice = values.getAcquire(place);
        if (slice != null && slice.offset() == offset) {
          if (used[place] == 0) {
            used[place] = 1;
          }
          return slice;
        }
      }
    }
    List<S> waiting = overflow.getAcquire(set);
    for (int i = 0; i < waiting.size(); i++) {
      S slice = waiting.get(i);
      if (slice.offset() == offset) {
        return slice;
      }
    }
    return null;
  }

  /** Gives places to the slices in the overflow, or evicts them. The caller holds the lock. */
  private void drain(int set) {
    List<S> waiting = overflow.getPlain(set);
    if (waiting.isEmpty()) {
      return;
    }
    overflow.setRelease(set, List.of());
    List<S> stillWaiting = new ArrayList<>();
    boolean placesLeft = true;
    for (S slice : waiting) {
      int place = placesLeft ? makePlace(set) : -1;
      placesLeft = place >= 0;
      if (placesLeft) {
        fill(place, slice);
      } else if (slice.tryEvict()) {
        evictions.increment();
        resident.decrementAndGet();
      } else {
        stillWaiting.add(slice);
      }
    }
    overflow.setRelease(set, stillWaiting);
    overBudget.addAndGet(stillWaiting.size() - waiting.size());
  }

  /**
   * An empty place, made by eviction if there is none. The caller holds the lock.
   *
   * @return -1 if none of the slices agrees to go
   */
  private int makePlace(int set) {
    int first = set * ways;
    for (int place = first; place < first + ways; place++) {
      if (values.getPlain(place) == null) {
        return place;
      }
    }
    // In the second round being used is no excuse any more.
    for (int step = 0; step < 2 * ways; step++) {
      int place = first + hands[set];
      hands[set] = (byte) ((hands[set] + 1) % ways);
      if (used[place] != 0 && step < ways) {
        used[place] = 0;
      } else if (evict(place)) {
        return place;
      }
    }
    return -1;
  }

  private boolean evict(int place) {
    S slice = values.getPlain(place);
    values.setRelease(place, null);
    if (!slice.tryEvict()) {
      values.setRelease(place, slice);
      return false;
    }
    empty(place);
    evictions.increment();
    resident.decrementAndGet();
    return true;
  }

  private void fill(int place, S slice) {
    used[place] = 0;
    values.setRelease(place, slice);
    LONGS.setRelease(keys, place, slice.offset());
  }

  private void empty(int place) {
    LONGS.setOpaque(keys, place, NO_KEY);
    values.setRelease(place, null);
  }
}
