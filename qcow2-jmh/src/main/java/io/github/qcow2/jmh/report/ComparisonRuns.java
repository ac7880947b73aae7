package io.github.qcow2.jmh.report;

import io.github.qcow2.jmh.report.Comparison.Clock;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Runs a comparison, ours and qemu-img's in turn, and says what it came to. */
final class ComparisonRuns {
  private static final Pattern PRINTED = Pattern.compile("Run completed in ([0-9.]+) seconds");

  private final Comparison comparison;
  private final Commands commands;
  private final Path target;
  private final RawResults raw;
  private final List<TimedCommand.Run> ours = new ArrayList<>();
  private final List<TimedCommand.Run> qemu = new ArrayList<>();

  ComparisonRuns(Comparison comparison, Commands commands, Path target, RawResults raw) {
    this.comparison = comparison;
    this.commands = commands;
    this.target = target;
    this.raw = raw;
  }

  /** One run of each. */
  void round(int round) throws IOException {
    String[] arguments =
        comparison.arguments().stream()
            .map(argument -> argument.equals(Comparison.TARGET) ? target.toString() : argument)
            .toArray(String[]::new);
    ours.add(run(round, "qcow2", commands.ours(arguments)));
    if (commands.hasQemu()) {
      qemu.add(run(round, "qemu-img", commands.qemu(arguments)));
    }
  }

  private TimedCommand.Run run(int round, String program, TimedCommand command) throws IOException {
    Commands.sync();
    TimedCommand.Run run = command.run();
    if (comparison.hasTarget()) {
      Files.delete(target);
    }
    for (Comparison.Row row : comparison.rows()) {
      double seconds = seconds(run, row.clock());
      raw.add(row.what(), round, program, "seconds", seconds);
      BenchReport.say(
          String.format(
              Locale.ROOT, "round %d: %s: %s %.3f s", round, row.what(), program, seconds));
    }
    return run;
  }

  static double seconds(TimedCommand.Run run, Clock clock) throws IOException {
    if (clock == Clock.PROCESS) {
      return run.seconds();
    }
    Matcher printed = PRINTED.matcher(run.output());
    if (!printed.find()) {
      throw new IOException("no time was printed: " + run.output());
    }
    return Double.parseDouble(printed.group(1));
  }

  /** Adds the rows. */
  void addTo(ProcessTable table) throws IOException {
    for (Comparison.Row row : comparison.rows()) {
      List<Double> own = new ArrayList<>();
      List<Double> other = new ArrayList<>();
      List<Double> figures = new ArrayList<>();
      for (int i = 0; i < ours.size(); i++) {
        own.add(seconds(ours.get(i), row.clock()));
        if (i < qemu.size()) {
          other.add(seconds(qemu.get(i), row.clock()));
          figures.add(row.figure().of(own.get(i), other.get(i)));
        }
      }
      table.row(row.what(), "s", own, other, figures, row.limit());
    }
  }
}
