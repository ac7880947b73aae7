/** Block devices over qcow2 and raw disk images. */
@NullMarked
package io.github.qcow2;

import org.jspecify.annotations.NullMarked;
