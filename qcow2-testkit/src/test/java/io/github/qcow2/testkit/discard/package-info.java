/**
 * Zeroed and discarded clusters: what becomes of their L2 entries, cell by cell and beside qemu-io,
 * and what the host learns of clusters that nobody needs any more.
 */
@NullMarked
package io.github.qcow2.testkit.discard;

import org.jspecify.annotations.NullMarked;
