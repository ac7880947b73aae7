package io.github.qcow2.cache;

import java.util.Iterator;
import java.util.LinkedHashMap;
import org.jspecify.annotations.Nullable;

/** Exact least-recently-used order under one lock, its monitor. */
final class LruCache<S extends MetadataCache.Slice> implements MetadataCache<S> {
  private final int capacity;
  private final LinkedHashMap<Long, S> slices = new LinkedHashMap<>(16, 0.75f, true);
  private long hits;
  private long misses;
  private long evictions;

  LruCache(int capacity) {
    this.capacity = capacity;
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
    S resident = slices.putIfAbsent(slice.offset(), slice);
    if (resident != null) {
      return resident;
    }
    evict(slice);
    return slice;
  }

  @Override
  public synchronized void remove(long offset) {
    slices.remove(offset);
  }

  @Override
  public synchronized void trim() {
    evict(null);
  }

  private void evict(@Nullable S kept) {
    Iterator<S> eldestFirst = slices.values().iterator();
    while (slices.size() > capacity && eldestFirst.hasNext()) {
      S slice = eldestFirst.next();
      if (slice != kept && slice.tryEvict()) {
        eldestFirst.remove();
        evictions++;
      }
    }
  }

  @Override
  public synchronized CacheStatistics statistics() {
    return new CacheStatistics(hits, misses, evictions, slices.size(), capacity);
  }
}
