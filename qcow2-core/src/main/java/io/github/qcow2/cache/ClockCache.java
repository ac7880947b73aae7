package io.github.qcow2.cache;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicReferenceArray;
import java.util.concurrent.atomic.LongAdder;
import org.jspecify.annotations.Nullable;

/**
 * A hash table of chains, which lookups follow without a lock, and CLOCK replacement over all of
 * it: a hand passes over the nodes, spares each that was used since it last came by, and evicts the
 * first other one whose slice agrees. A cache whose budget covers a disk thus never evicts anything
 * of it.
 *
 * <p>A slice is hidden, by taking it out of its node, for the moment in which it is asked whether
 * it may go. That order, hide and then ask, is why a dead slice is never found. A lookup that finds
 * nothing is repeated under the lock, so a slice that has refused is never missed.
 *
 * <p>A hit leaves its mark in the node, and only if the mark is not there yet, so that hits on the
 * same slice share a cache line peacefully.
 *
 * <p>The monitor of this object guards every change of the chains and of the clock.
 */
final class ClockCache<S extends MetadataCache.Slice> implements MetadataCache<S> {
  /** 2^64 divided by the golden ratio: spreads the upper bits of regularly spaced offsets. */
  private static final long HASH = 0x9E3779B97F4A7C15L;

  /** Longer chains are the lesser evil than 32 MiB of empty ones. */
  private static final int MOST_BUCKETS = 1 << 22;

  /** A place in the cache; each belongs to one offset and is never used again. */
  private static final class Node<S> {
    final long offset;

    /** Index on the face of the clock. */
    final int place;

    /** Null while the slice is asked whether it may go, and after it has gone. */
    volatile @Nullable S slice;

    /** Nodes that are out of the chain lead back into it. */
    volatile @Nullable Node<S> next;

    /** Written by hits, without synchronization. */
    boolean used;

    Node(long offset, int place, S slice, @Nullable Node<S> next) {
      this.offset = offset;
      this.place = place;
      this.slice = slice;
      this.next = next;
    }
  }

  private final int budget;
  private final int hashShift;
  private final AtomicReferenceArray<@Nullable Node<S>> chains;

  /** The face of the clock: no shorter than what is resident, with gaps. */
  private final List<@Nullable Node<S>> face = new ArrayList<>();

  /** Indexes of the gaps, of which the last is filled first. */
  private final List<Integer> gaps = new ArrayList<>();

  /** Index of the node that is looked at next. */
  private int hand;

  private final HitCounter hits = new HitCounter();
  private final LongAdder misses = new LongAdder();
  private long evictions;

  ClockCache(int budget) {
    if (budget < 1) {
      throw new IllegalArgumentException("a cache of " + budget + " slices");
    }
    this.budget = budget;
    int bits = Long.SIZE - Long.numberOfLeadingZeros(2L * budget - 1);
    int buckets = (int) Math.min(1L << bits, MOST_BUCKETS);
    this.hashShift = Long.SIZE - Integer.numberOfTrailingZeros(buckets);
    this.chains = new AtomicReferenceArray<>(buckets);
  }

  @Override
  public @Nullable S get(long offset) {
    S slice = find(offset);
    if (slice == null) {
      synchronized (this) {
        slice = find(offset);
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
  public synchronized S putIfAbsent(S slice) {
    long offset = slice.offset();
    S there = find(offset);
    if (there != null) {
      return there;
    }
    shrinkTo(budget - 1);
    if (gaps.isEmpty()) {
      gaps.add(face.size());
      face.add(null);
    }
    int place = gaps.remove(gaps.size() - 1);
    int chain = chain(offset);
    Node<S> node = new Node<>(offset, place, slice, chains.getPlain(chain));
    face.set(place, node);
    chains.setRelease(chain, node);
    return slice;
  }

  @Override
  public synchronized void remove(long offset) {
    Node<S> node = chains.getPlain(chain(offset));
    while (node != null && node.offset != offset) {
      node = node.next;
    }
    if (node != null) {
      node.slice = null;
      unlink(node);
    }
  }

  @Override
  public synchronized void trim() {
    shrinkTo(budget);
  }

  @Override
  public synchronized CacheStatistics statistics() {
    int resident = resident();
    return new CacheStatistics(
        hits.sum(), misses.sum(), evictions, resident, Math.max(0, resident - budget), budget);
  }

  private int resident() {
    return face.size() - gaps.size();
  }

  private int chain(long offset) {
    return (int) ((offset * HASH) >>> hashShift);
  }

  /** The slice if it can be seen; without the lock, it may be there and not be seen. */
  private @Nullable S find(long offset) {
    Node<S> node = chains.getAcquire(chain(offset));
    while (node != null) {
      if (node.offset == offset) {
        S slice = node.slice;
        if (slice != null && !node.used) {
          node.used = true;
        }
        return slice;
      }
      node = node.next;
    }
    return null;
  }

  /** Evicts slices that agree to go, until no more than {@code most} are left. */
  private void shrinkTo(int most) {
    // In the second round being used is no excuse any more.
    for (int step = 0; resident() > most && step < 2 * face.size(); step++) {
      Node<S> node = face.get(hand);
      hand = (hand + 1) % face.size();
      if (node == null) {
        continue;
      }
      if (node.used && step < face.size()) {
        node.used = false;
      } else if (isWillingToGo(node)) {
        unlink(node);
        evictions++;
      }
    }
  }

  private static <S extends MetadataCache.Slice> boolean isWillingToGo(Node<S> node) {
    S slice = node.slice;
    node.slice = null;
    if (slice == null || slice.tryEvict()) {
      return true;
    }
    node.slice = slice;
    return false;
  }

  private void unlink(Node<S> node) {
    int chain = chain(node.offset);
    Node<S> at = chains.getPlain(chain);
    if (at == node) {
      chains.setRelease(chain, node.next);
    } else {
      while (at != null && at.next != node) {
        at = at.next;
      }
      if (at != null) {
        at.next = node.next;
      }
    }
    face.set(node.place, null);
    gaps.add(node.place);
  }
}
