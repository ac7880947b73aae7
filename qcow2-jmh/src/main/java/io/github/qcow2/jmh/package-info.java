/**
 * Benchmarks of the hot paths. Each stands beside the same I/O on a bare {@link
 * java.nio.channels.FileChannel}, so that a result is a ratio and not a property of the machine.
 */
@NullMarked
package io.github.qcow2.jmh;

import org.jspecify.annotations.NullMarked;
