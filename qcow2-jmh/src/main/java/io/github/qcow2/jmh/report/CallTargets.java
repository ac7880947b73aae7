package io.github.qcow2.jmh.report;

import static io.github.qcow2.jmh.report.CallTarget.figure;
import static io.github.qcow2.jmh.report.CallTarget.ratio;
import static io.github.qcow2.jmh.report.Limit.atLeast;
import static io.github.qcow2.jmh.report.Limit.atMost;

import io.github.qcow2.jmh.report.CallTarget.Figure;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What is wanted of calls, in the order in which they are measured and shown. */
final class CallTargets {
  /** Less than any object: what remains when JMH divides its own allocation by the calls. */
  private static final double NO_ALLOCATION = 0.5;

  /** The parameter of lookups: GiB that the L2 tables map. */
  private static final String DISK = "gibibytes";

  static final List<CallTarget> ALL =
      List.of(
          figure(
                  "L2 lookup, cached slice (ns)",
                  Figure.NANOSECONDS,
                  "L2LookupBenchmark.hit",
                  atMost(40))
              .with(DISK, "1"),
          figure(
                  "the same, allocated (bytes)",
                  Figure.ALLOCATION,
                  "L2LookupBenchmark.hit",
                  atMost(NO_ALLOCATION))
              .with(DISK, "1"),
          ratio(
                  "the same on two threads, beside one",
                  "L2LookupBenchmark.hitOnTwoThreads",
                  "L2LookupBenchmark.hit",
                  atLeast(1.8))
              .with(DISK, "1"),
          figure(
                  "the same in 8 MiB of slices, more than the cache of a core holds (ns)",
                  Figure.NANOSECONDS,
                  "L2LookupBenchmark.hit",
                  null)
              .with(DISK, "64"),
          ratio(
                  "L2 lookup that reads its slice, beside a bare read of 4 KiB",
                  "L2LookupBenchmark.miss",
                  "L2LookupBenchmark.missOnBareChannel",
                  null)
              .with(DISK, "64"),
          ratio(
              "random reads of 4 KiB",
              "ReadBenchmark.random",
              "ReadBenchmark.bareRandom",
              atLeast(0.95)),
          ratio(
              "the same on two threads each",
              "ReadBenchmark.randomOnTwoThreads",
              "ReadBenchmark.bareRandomOnTwoThreads",
              atLeast(0.95)),
          ratio(
              "random reads of 4 KiB, L2 cache for a tenth of the disk",
              "ReadBenchmark.randomThinlyCached",
              "ReadBenchmark.bareRandom",
              atLeast(0.45)),
          ratio(
              "sequential reads of 2 MiB",
              "ReadBenchmark.sequential",
              "ReadBenchmark.bareSequential",
              atLeast(0.98)),
          ratio(
              "allocating writes, 64 KiB, sequential, beside extending a file",
              "AllocatingWriteBenchmark.sequentialClusters",
              "AllocatingWriteBenchmark.bareChannel",
              atLeast(0.85)),
          ratio(
              "allocating writes, 4 KiB, random, beside writing whole clusters",
              "AllocatingWriteBenchmark.random4KiB",
              "AllocatingWriteBenchmark.bareChannel",
              atLeast(0.7)),
          ratio(
              "first writes of 4 KiB into an overlay with extended L2, beside one without",
              "BackedWriteBenchmark.extendedL2",
              "BackedWriteBenchmark.plain",
              atLeast(3)),
          ratio(
                  "overwrites of 4 KiB in place",
                  "OverwriteBenchmark.image",
                  "OverwriteBenchmark.bareChannel",
                  atLeast(0.95))
              .with("check", "CACHED"));

  private CallTargets() {}

  /** What has to be run for some targets, each call once, both sides of a ratio together. */
  static Set<Call> calls(List<CallTarget> targets) {
    Set<Call> calls = new LinkedHashSet<>();
    for (CallTarget target : targets) {
      calls.add(target.call());
      if (target.beside() != null) {
        calls.add(target.beside());
      }
    }
    return calls;
  }
}
