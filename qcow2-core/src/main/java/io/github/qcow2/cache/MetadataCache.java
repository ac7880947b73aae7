package io.github.qcow2.cache;

import org.jspecify.annotations.Nullable;

/**
 * Keeps pieces of on-disk tables in memory, each under its place in the host file.
 *
 * <p>A cache only keeps and forgets; it reads and writes nothing. Its budget is a number of slices.
 * When that is used up it asks slices, in an order of its own, whether they may go, and it never
 * drops one that says no, so it may hold more than its budget for a while.
 *
 * <p>Any number of threads may call any method at once, and to all of them it looks as if the calls
 * happened one after the other:
 *
 * <ul>
 *   <li>at no time are two slices with the same offset resident;
 *   <li>{@link #get} misses only what is not resident, so who loads on a miss, and makes sure that
 *       nobody else loads the same, never brings back a state that has been superseded;
 *   <li>a slice that has agreed to go, in {@link Slice#tryEvict}, is returned by no later call, not
 *       even while that method is still on its way back.
 * </ul>
 *
 * @param <S> the slices
 */
public interface MetadataCache<S extends MetadataCache.Slice> {
  /** One cached piece of an on-disk table. */
  interface Slice {
    /** Where in the host file it begins, in bytes: not negative, never changing, its key. */
    long offset();

    /**
     * Whether the slice is clean and nobody is about to change it. If so it is dead from now on:
     * whoever still holds it must not change it any more, and it leaves the cache.
     *
     * <p>Called by the cache with a lock held: answers at once and calls nothing of the cache.
     */
    boolean tryEvict();
  }

  /** Makes caches. */
  interface Factory {
    /**
     * Makes an empty cache.
     *
     * @param slices the budget, at least one
     */
    <S extends Slice> MetadataCache<S> create(int slices);
  }

  /**
   * The slice at a place, or null if none is resident. This is the hot path: a hit should take no
   * lock and allocate nothing.
   *
   * @param offset byte offset in the host file
   */
  @Nullable S get(long offset);

  /**
   * Makes a slice resident unless one with its offset already is. Others may be evicted for it; if
   * none can be, it is kept all the same, and room is made later.
   *
   * @return the resident slice: this one, or the one that was there
   */
  S putIfAbsent(S slice);

  /**
   * Forgets a slice without asking it, if it is resident.
   *
   * @param offset byte offset in the host file
   */
  void remove(long offset);

  /** Evicts what is over the budget, as far as slices agree to go. */
  void trim();

  /** What the cache has done so far and how full it is. */
  CacheStatistics statistics();
}
