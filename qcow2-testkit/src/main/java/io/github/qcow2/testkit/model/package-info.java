/**
 * What a disk must hold, kept so simply that it is evidently right.
 *
 * <p>A {@link io.github.qcow2.testkit.model.ReferenceDisk} is the model. {@link
 * io.github.qcow2.testkit.model.DiskOperation}s are what can be done to a disk, and {@link
 * io.github.qcow2.testkit.model.SideBySide} does them to a device and to its model at once and
 * compares every read. {@link io.github.qcow2.testkit.model.Content} makes the bytes: a seed says
 * all, so a failing history can be printed, shrunk and run again.
 */
@NullMarked
package io.github.qcow2.testkit.model;

import org.jspecify.annotations.NullMarked;
