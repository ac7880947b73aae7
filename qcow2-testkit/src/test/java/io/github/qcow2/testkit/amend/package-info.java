/**
 * Amending images: each change is made as a whole or not at all, whenever the power is cut, and
 * qemu-img makes the same of it.
 */
@NullMarked
package io.github.qcow2.testkit.amend;

import org.jspecify.annotations.NullMarked;
