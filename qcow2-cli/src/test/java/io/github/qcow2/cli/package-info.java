/** Tests of the command line; many run the same arguments through qemu-img and compare. */
@NullMarked
package io.github.qcow2.cli;

import org.jspecify.annotations.NullMarked;
