package io.github.qcow2.cache;

/** What a cache has done so far. */
public record CacheStatistics(
    long hits, long misses, long evictions, int residentSlices, int budgetSlices) {}
