/**
 * Positional bytes of one host file.
 *
 * <ul>
 *   <li>{@link io.github.qcow2.storage.Storage} is the contract: reads past the end give zeros,
 *       transfers are complete or throw, and {@link io.github.qcow2.storage.Storage#force()} is the
 *       only thing that makes bytes durable. Implement its hooks to put an image anywhere else.
 *   <li>{@link io.github.qcow2.storage.FileStorage} is a file or block device of any {@link
 *       java.nio.file.FileSystem}. It survives {@link java.lang.Thread#interrupt}, and is locked as
 *       QEMU locks its images: {@link io.github.qcow2.storage.LockMode} says when.
 *   <li>{@link io.github.qcow2.storage.HostFiles} says whether files are used with a {@link
 *       io.github.qcow2.storage.HostFileProvider}, which does what Java cannot: holes,
 *       reservations, copies in the kernel, and locks of a {@link
 *       io.github.qcow2.storage.HostDescriptor}.
 *   <li>{@link io.github.qcow2.storage.HeapStorage} is a file on the heap.
 *   <li>{@link io.github.qcow2.storage.ReadOnlyStorage} lets others look at a storage without being
 *       able to change or close it.
 *   <li>{@link io.github.qcow2.storage.WriteLogStorage} keeps a {@link
 *       io.github.qcow2.storage.WriteLog} of what is done to a storage, in the format of Linux'
 *       dm-log-writes, so that other tools can judge in which order it was done.
 * </ul>
 */
@NullMarked
package io.github.qcow2.storage;

import org.jspecify.annotations.NullMarked;
