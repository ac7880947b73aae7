/**
 * What {@code bin/bench} runs: measures this library beside a bare {@link
 * java.nio.channels.FileChannel} and beside qemu-img, and writes the tables of {@code
 * docs/performance.md}.
 *
 * <p>{@link io.github.qcow2.jmh.report.BenchReport} is the program. Its three parts each fill a
 * table: {@code CallComparisons} runs JMH benchmarks in rounds and divides their rates as {@code
 * CallTargets} says; {@code ProcessComparisons} times whole commands, ours and qemu-img's in turn;
 * {@code CostGrowth} opens images of three sizes, each in a process of its own ({@code
 * GrowthProbe}). {@code Spread} is what all figures are: a median with the least and the greatest.
 */
@NullMarked
package io.github.qcow2.jmh.report;

import org.jspecify.annotations.NullMarked;
