/**
 * The tables of an image in memory, and the one place where the order of writes is decided.
 *
 * <p>Read in this order:
 *
 * <ol>
 *   <li>{@link io.github.qcow2.metadata.TrackedFile}: a host file that knows whether it holds bytes
 *       that no barrier covers yet;
 *   <li>{@link io.github.qcow2.metadata.TopTable}: the L1 table or the refcount table, wholly in
 *       memory;
 *   <li>{@link io.github.qcow2.metadata.TableSlice} and {@link
 *       io.github.qcow2.metadata.SliceStore}: cached pieces of L2 tables or refcount blocks;
 *   <li>{@link io.github.qcow2.metadata.FlushEpochs}: what is written when;
 *   <li>{@link io.github.qcow2.metadata.OverlapGuard}: which clusters no write may hit, and {@link
 *       io.github.qcow2.metadata.CorruptionLatch}: what follows when one would have.
 * </ol>
 */
@NullMarked
package io.github.qcow2.metadata;

import org.jspecify.annotations.NullMarked;
