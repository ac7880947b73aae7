/**
 * Work on whole images, on top of block devices.
 *
 * <ul>
 *   <li>{@link io.github.qcow2.operation.Convert} copies one device to another without storing
 *       zeros.
 *   <li>{@link io.github.qcow2.operation.Compare} finds the first difference between two.
 *   <li>{@link io.github.qcow2.operation.ImageCheck} looks for errors in the tables of an image.
 *       From its builder the way in is {@code CheckRun}, which goes through the phases: {@code
 *       L1Walk}, {@code SnapshotWalk} and {@code BitmapWalk} count references into a {@code
 *       ReferenceCounter} and collect the L2 tables; {@code L2Walk} brings each of these to {@code
 *       L2Check} once; {@code RefcountComparison} holds the result against {@code StoredCounts}.
 *       What is wrong goes to a {@code FindingLog}, and from there into a {@link
 *       io.github.qcow2.operation.CheckReport}.
 * </ul>
 *
 * <p>Each is a small builder whose {@code run()} does the work on the calling thread, with at most
 * one thread beside it that reads ahead through a handful of buffers. A {@link
 * io.github.qcow2.operation.Progress} listener is told how far it has come and may cancel it; so
 * does an interrupt. Either way {@link io.github.qcow2.error.OperationCancelledException} is
 * thrown, and by then no thread of the operation runs any more.
 */
@NullMarked
package io.github.qcow2.operation;

import org.jspecify.annotations.NullMarked;
