package io.github.qcow2.cache;

import org.jspecify.annotations.Nullable;

/**
 * Keeps pieces of on-disk tables in memory, each known by its host offset. Thread-safe. There is
 * never more than one resident slice for an offset, and a slice whose {@link Slice#tryEvict()} has
 * returned true is never given out again.
 *
 * @param <S> what is kept
 */
public interface MetadataCache<S extends MetadataCache.Slice> {
  /** One cached piece of an on-disk table. */
  interface Slice {
    /** Where it begins in the host file, in bytes: its key. */
    long offset();

    /** Asks the slice to die; true if it is clean and unused, and now dead. */
    boolean tryEvict();
  }

  /** The resident slice, or null. */
  @Nullable S get(long offset);

  /** Makes a slice resident unless one with its offset is; returns the resident one. */
  S putIfAbsent(S slice);

  /** Forgets a slice without asking it. */
  void remove(long offset);

  /** Gets back under the capacity as far as slices can be evicted now. */
  void trim();

  /** What the cache has done so far. */
  CacheStatistics statistics();

  /** Makes caches. */
  interface Factory {
    /** Makes an empty cache of at least one slice. */
    <S extends Slice> MetadataCache<S> create(int slices);
  }
}
