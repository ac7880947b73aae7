package io.github.qcow2.cache;

import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Exact least-recently-used replacement. One lock, the cache itself, guards everything. While none
 * of the resident slices can be evicted, each insertion asks all of them.
 */
final class LruCache<S extends MetadataCache.Slice> implements MetadataCache<S> {
  private final int budget;

  /** From the least to the most recently used. */
  private final Map<Long, S> slices = new LinkedHashMap<>(16, 0.75f, true);

  private long hits;
  private long misses;
  private long evictions;

  LruCache(int budget) {
    if (budget < 1) {
      throw new IllegalArgumentException("a cache of " + budget + " slices");
    }
    this.budget = budget;
  }

  @Override
  public synchronized @Nullable S get(long offset) {
    S slice = slices.get(offset);
    if (slice == null) {
      misses++;
    } else {
      hits++;
    }
    return slice;
  }

  @Override
  public synchronized S putIfAbsent(S slice) {
    S resident = slices.get(slice.offset());
    if (resident != null) {
      return resident;
    }
    shrinkTo(budget - 1);
    slices.put(slice.offset(), slice);
    return slice;
  }

  @Override
  public synchronized void remove(long offset) {
    slices.remove(offset);
  }

  @Override
  public synchronized void trim() {
    shrinkTo(budget);
  }

  @Override
  public synchronized CacheStatistics statistics() {
    int resident = slices.size();
    return new CacheStatistics(
        hits, misses, evictions, resident, Math.max(0, resident - budget), budget);
  }

  private void shrinkTo(int size) {
    Iterator<S> eldestFirst = slices.values().iterator();
    while (slices.size() > size && eldestFirst.hasNext()) {
      if (eldestFirst.next().tryEvict()) {
        eldestFirst.remove();
        evictions++;
      }
    }
  }
}
