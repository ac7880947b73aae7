package io.github.qcow2.cache;

/**
 * What a cache has done so far and how full it is. Taken while others go on, so the numbers need
 * not belong to one moment.
 *
 * @param hits lookups that found their slice; a cache may lose some to concurrent counting
 * @param misses lookups that did not; an image looks for a slice again before it loads it
 * @param evictions slices that were asked to go and went
 * @param residentSlices slices in the cache
 * @param overBudgetSlices those of them that are there only because none could be evicted
 * @param budgetSlices the number that the cache tries to stay within
 */
public record CacheStatistics(
    long hits,
    long misses,
    long evictions,
    int residentSlices,
    int overBudgetSlices,
    int budgetSlices) {}
