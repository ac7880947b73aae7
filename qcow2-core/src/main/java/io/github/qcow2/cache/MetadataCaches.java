package io.github.qcow2.cache;

/** The caches that come with the library. */
public final class MetadataCaches {
  private MetadataCaches() {}

  /** Evicts exactly the slice that has not been used for the longest time; one lock for all. */
  public static MetadataCache.Factory lru() {
    return new MetadataCache.Factory() {
      @Override
      public <S extends MetadataCache.Slice> MetadataCache<S> create(int slices) {
        return new LruCache<>(slices);
      }
    };
  }
}
