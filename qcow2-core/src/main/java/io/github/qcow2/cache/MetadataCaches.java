package io.github.qcow2.cache;

/** The caches that come with the library. */
public final class MetadataCaches {
  private MetadataCaches() {}

  /**
   * The default: a hit takes no lock and allocates nothing, and replacement is by CLOCK. Hits are
   * counted without synchronization, so threads may lose a few to each other.
   */
  public static MetadataCache.Factory clock() {
    return ClockCache::new;
  }

  /**
   * Evicts exactly the slice that was not used for the longest time. Every call takes the one lock
   * of the cache, so this is for experiments with replacement and for single-threaded use.
   */
  public static MetadataCache.Factory lru() {
    return LruCache::new;
  }
}
