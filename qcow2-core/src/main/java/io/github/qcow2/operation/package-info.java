/**
 * Work on whole disks, on top of block devices.
 *
 * <ul>
 *   <li>{@link io.github.qcow2.operation.Convert} copies one device to another without storing
 *       zeros.
 *   <li>{@link io.github.qcow2.operation.Compare} finds the first difference between two.
 * </ul>
 *
 * <p>Each is a small builder whose {@code run()} does the work on the calling thread, with up to
 * four threads beside it that read ahead through a handful of buffers. A {@link
 * io.github.qcow2.progress.Progress} listener is told how far it has come and may cancel it; so
 * does an interrupt. Either way {@link io.github.qcow2.error.OperationCancelledException} is
 * thrown, and by then no thread of the operation runs any more.
 */
@NullMarked
package io.github.qcow2.operation;

import org.jspecify.annotations.NullMarked;
