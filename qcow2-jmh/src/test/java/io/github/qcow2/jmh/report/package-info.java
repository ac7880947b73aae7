/** Tests of what {@code bin/bench} computes and writes. */
@NullMarked
package io.github.qcow2.jmh.report;

import org.jspecify.annotations.NullMarked;
