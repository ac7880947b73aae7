package io.github.qcow2.testkit.guard;

import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.cache.MetadataCache;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Evicts a slice as soon as it is asked for again, if the slice agrees. */
final class ForgetfulCache<S extends MetadataCache.Slice> implements MetadataCache<S> {
  /** Makes such caches. */
  static final class Factory implements MetadataCache.Factory {
    @Override
    public <T extends Slice> MetadataCache<T> create(int slices) {
      return new ForgetfulCache<>();
    }
  }

  private final Map<Long, S> slices = new HashMap<>();

  @Override
  public synchronized @Nullable S get(long offset) {
    S slice = slices.get(offset);
    if (slice != null && slice.tryEvict()) {
      slices.remove(offset);
      return null;
    }
    return slice;
  }

  @Override
  public synchronized S putIfAbsent(S slice) {
    S resident = slices.putIfAbsent(slice.offset(), slice);
    return resident == null ? slice : resident;
  }

  @Override
  public synchronized void remove(long offset) {
    slices.remove(offset);
  }

  @Override
  public void trim() {}

  @Override
  public synchronized CacheStatistics statistics() {
    return new CacheStatistics(0, 0, 0, slices.size(), 0, 1);
  }
}
