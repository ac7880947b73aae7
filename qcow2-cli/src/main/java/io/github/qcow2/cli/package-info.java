/** The command line: what qemu-img and qemu-io do, on this library. */
@NullMarked
package io.github.qcow2.cli;

import org.jspecify.annotations.NullMarked;
