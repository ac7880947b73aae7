package io.github.qcow2.jmh.report;

import io.github.qcow2.jmh.report.CallTarget.Figure;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.openjdk.jmh.profile.GCProfiler;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatFactory;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.ChainedOptionsBuilder;
import org.openjdk.jmh.runner.options.OptionsBuilder;
import org.openjdk.jmh.runner.options.TimeValue;

/**
 * Runs benchmarks round by round: in each, all of them one after the other, each in a process of
 * its own. So what the machine does in the meantime meets both sides of a ratio.
 *
 * <p>There are several rounds, so runs are shorter than the benchmarks themselves ask for, except
 * of those that do a piece of work once.
 *
 * <p>Results are left as JMH writes them, a file for each round.
 */
final class CallRounds {
  private final BenchOptions options;
  private final Path results;
  private final List<CallTarget> targets;
  private final List<Map<Call, CallScore>> rounds = new ArrayList<>();
  private final List<String> failures = new ArrayList<>();

  CallRounds(BenchOptions options, Path results, List<CallTarget> targets) {
    this.options = options;
    this.results = results;
    this.targets = targets;
  }

  /** Runs them all. */
  CallRounds run() throws IOException {
    Set<Call> allocating = new HashSet<>();
    for (CallTarget target : targets) {
      if (target.figure() == Figure.ALLOCATION) {
        allocating.add(target.call());
      }
    }
    for (int round = 1; round <= options.rounds(); round++) {
      Map<Call, CallScore> scores = new HashMap<>();
      List<RunResult> raw = new ArrayList<>();
      for (Call call : CallTargets.calls(targets)) {
        try {
          Collection<RunResult> run = runOnce(call, allocating.contains(call), round);
          RunResult only = run.iterator().next();
          scores.put(call, CallScore.of(only));
          raw.addAll(run);
          BenchReport.say(
              String.format(
                  Locale.ROOT,
                  "round %d: %s: %s ns",
                  round,
                  call,
                  Spread.figure(CallScore.of(only).nanoseconds())));
        } catch (RunnerException e) {
          BenchReport.say("round " + round + ": " + call + ": " + e);
          failures.add(call.toString());
        }
      }
      rounds.add(scores);
      ResultFormatFactory.getInstance(
              ResultFormatType.JSON, results.resolve("calls-" + round + ".json").toString())
          .writeOut(raw);
    }
    return this;
  }

  private Collection<RunResult> runOnce(Call call, boolean allocation, int round)
      throws RunnerException, IOException {
    Path log = Files.createDirectories(results.resolve("logs"));
    ChainedOptionsBuilder builder =
        new OptionsBuilder()
            .include("^" + Pattern.quote(call.className() + "." + call.methodName()) + "$")
            .forks(1)
            .shouldFailOnError(true)
            .output(log.resolve(round + "-" + call.toString().replace(' ', '-')).toString());
    call.parameters().forEach((name, value) -> builder.param(name, value));
    if (allocation) {
      builder.addProfiler(GCProfiler.class);
    }
    if (options.quick()) {
      builder.warmupIterations(1).warmupTime(TimeValue.milliseconds(200));
      builder.measurementIterations(2).measurementTime(TimeValue.milliseconds(200));
    } else if (call.isTimed()) {
      builder.warmupIterations(2).warmupTime(TimeValue.seconds(1));
      builder.measurementIterations(3).measurementTime(TimeValue.seconds(1));
    }
    Collection<RunResult> run = new Runner(builder.build()).run();
    if (run.size() != 1) {
      throw new RunnerException(run.size() + " benchmarks, or values of parameters, instead of 1");
    }
    return run;
  }

  /** What could not be measured. */
  List<String> failures() {
    return failures;
  }

  /** The scores of each round. */
  List<Map<Call, CallScore>> rounds() {
    return rounds;
  }
}
