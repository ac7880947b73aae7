package io.github.qcow2.jmh.report;

import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.results.Result;
import org.openjdk.jmh.results.RunResult;

/**
 * What one run of a benchmark came to.
 *
 * @param nanoseconds of a call, as one thread sees it
 * @param threads how many threads called at a time
 * @param allocation heap bytes of a call; NaN if nobody asked
 */
record CallScore(double nanoseconds, int threads, double allocation) {

  /** The median of the run's iterations, so that one that the host disturbed does not count. */
  static CallScore of(RunResult run) {
    int threads = run.getParams().getThreads();
    TimeUnit unit = run.getParams().getTimeUnit();
    double score = run.getPrimaryResult().getStatistics().getPercentile(50);
    double nanoseconds =
        run.getParams().getMode() == Mode.Throughput
            ? threads * unit.toNanos(1) / score
            : score * unit.toNanos(1);
    double allocation = Double.NaN;
    for (Map.Entry<String, ? extends Result<?>> entry : secondary(run).entrySet()) {
      if (entry.getKey().endsWith("gc.alloc.rate.norm")) {
        allocation = entry.getValue().getScore();
      }
    }
    return new CallScore(nanoseconds, threads, allocation);
  }

  @SuppressWarnings({"rawtypes", "unchecked"})
  private static Map<String, ? extends Result<?>> secondary(RunResult run) {
    return (Map) run.getSecondaryResults();
  }

  /** Calls in a nanosecond, of all threads together. */
  double rate() {
    return threads / nanoseconds;
  }
}
