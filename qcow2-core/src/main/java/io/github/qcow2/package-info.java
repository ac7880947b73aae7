/**
 * Block devices over qcow2 and raw disk images.
 *
 * <p>Begin with {@link io.github.qcow2.Qcow2Image}, which is a {@link io.github.qcow2.BlockDevice}.
 * {@link io.github.qcow2.RawImage} and {@link io.github.qcow2.RamOverlay} are others; {@link
 * io.github.qcow2.BlockDeviceChannel}, {@link io.github.qcow2.BlockDeviceInputStream} and {@link
 * io.github.qcow2.SectorDevice} show any of them in another form.
 *
 * <p>A read goes down one way: {@code ImageReader} asks {@code mapping.GuestMap} where the bytes
 * are and fetches them from the host file, from a decompressed cluster or from the backing device.
 * A write goes the same way while it can stay in place; where it cannot, {@code ImageWriter} holds
 * the guest clusters, takes host clusters from {@code allocation.ClusterAllocator}, moves the data
 * with {@code CopyOnWrite} and publishes the result through {@code mapping.MapChanges}. Nothing of
 * that orders writes: {@code metadata.FlushEpochs} does.
 *
 * <p>{@code Growing} and {@code Shrinking} change the size of an open disk; {@link
 * io.github.qcow2.ImageAmender} changes what an image is while nobody has it open.
 *
 * <h2>Invariants</h2>
 *
 * Code and tests cite these numbers.
 *
 * <dl>
 *   <dt>I1
 *   <dd>A guest read returns, per 512-byte sector, the last write that returned before it began, or
 *       one concurrent with it.
 *   <dt>I2
 *   <dd>Durable references never exceed durable refcounts: at any instant a power cut leaves leaks
 *       at worst.
 *   <dt>I3
 *   <dd>Data before link: an L2 entry reaches the disk only after the data it points to is durable.
 *   <dt>I4
 *   <dd>Replacement before release: an old cluster, table or block is freed only after what
 *       replaces it is durable.
 *   <dt>I5
 *   <dd>A freed cluster is not handed out again before the unlinking is durable and every operation
 *       that could still hold its address has ended.
 *   <dt>I6
 *   <dd>Refcounts are the truth, COPIED is a hint: a cluster with a refcount above 1 is copied,
 *       never written in place.
 *   <dt>I7
 *   <dd>No write hits a cluster of another kind. Cluster 0 is never allocated.
 *   <dt>I8
 *   <dd>A failed operation leaves mapping and refcounts as they were; running out of space loses
 *       nothing that was acknowledged.
 *   <dt>I9
 *   <dd>Memory is bounded by the options; nothing grows with the virtual size except the L1 table
 *       and the refcount table.
 *   <dt>I10
 *   <dd>Thread interruption neither closes the image nor loses a write.
 * </dl>
 */
@NullMarked
package io.github.qcow2;

import org.jspecify.annotations.NullMarked;
