/**
 * An image is one program's at a time, and nobody else's interrupts take it away: locks beside
 * those of QEMU's tools, and interrupts at any moment.
 */
@NullMarked
package io.github.qcow2.testkit.lock;

import org.jspecify.annotations.NullMarked;
