/**
 * Memory for pieces of L2 tables and refcount blocks.
 *
 * <ul>
 *   <li>{@link io.github.qcow2.cache.MetadataCache} is the contract, and {@link
 *       io.github.qcow2.cache.MetadataCache.Factory} what an image is opened with. Its slices
 *       decide whether they may be evicted: one that is ahead of the disk says no.
 *   <li>{@link io.github.qcow2.cache.MetadataCaches} has the implementations of the library.
 *   <li>{@link io.github.qcow2.cache.CacheStatistics} tells whether the budget is large enough.
 * </ul>
 *
 * <p>The abstract test class {@code MetadataCacheContract} of the test kit says the same in code:
 * extend it to test a cache of your own.
 */
@NullMarked
package io.github.qcow2.cache;

import org.jspecify.annotations.NullMarked;
