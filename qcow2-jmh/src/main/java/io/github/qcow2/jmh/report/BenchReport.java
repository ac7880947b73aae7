package io.github.qcow2.jmh.report;

import io.github.qcow2.jmh.report.BenchOptions.Part;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.LocalDate;
import java.time.ZoneOffset;
import java.util.Arrays;
import java.util.List;

/** The program behind {@code bin/bench}: measures, and puts tables into a document. */
public final class BenchReport {
  /** What the document has places for. */
  static final List<String> TABLES = List.of("machine", "calls", "processes", "growth");

  private final Path root;
  private final BenchOptions options;
  private final Path scratch;

  private BenchReport(Path root, BenchOptions options, Path scratch) {
    this.root = root;
    this.options = options;
    this.scratch = scratch;
  }

  /**
   * Measures what the arguments say. Files are made in {@code java.io.tmpdir}, which whoever
   * started this deletes.
   *
   * @param args the root of the source tree, and those of {@code bin/bench}
   */
  public static void main(String[] args) throws IOException {
    Path root = Path.of(args[0]);
    String[] rest = Arrays.copyOfRange(args, 1, args.length);
    BenchOptions options;
    try {
      options = BenchOptions.parse(root, rest);
    } catch (IllegalArgumentException e) {
      say("bench: " + e.getMessage() + "; bin/bench --help says what there is");
      System.exit(2);
      return;
    }
    Path scratch = Path.of(System.getProperty("java.io.tmpdir"));
    System.exit(new BenchReport(root, options, scratch).run() ? 0 : 1);
  }

  /** Says how far it has come. */
  static void say(String line) {
    System.err.println(line);
  }

  /** Returns whether everything could be measured. */
  private boolean run() throws IOException {
    Path results = Files.createDirectories(root.resolve("target/bench"));
    MarkedText document = document();
    Commands commands = new Commands(root);
    boolean complete = true;
    document.replace("machine", new Machine(scratch, commands).table());
    if (options.parts().contains(Part.JMH)) {
      CallRounds calls = new CallRounds(options, results, CallTargets.ALL).run();
      document.replace(
          "calls", new CallTable(calls.rounds()).of(CallTargets.ALL) + "\n" + caption());
      calls.failures().forEach(failure -> say("not measured: " + failure));
      complete = calls.failures().isEmpty();
    }
    if (options.parts().contains(Part.PROCESS)) {
      ProcessComparisons processes = new ProcessComparisons(options, commands, scratch);
      document.replace("processes", processes.run() + "\n" + caption());
      processes.raw().writeTo(results.resolve("processes.json"));
      complete &= commands.hasQemu();
    }
    if (options.parts().contains(Part.GROWTH)) {
      CostGrowth growth = new CostGrowth(options, commands, scratch);
      document.replace("growth", growth.run() + "\n" + caption());
      growth.raw().writeTo(results.resolve("growth.json"));
    }
    say("written: " + options.output());
    return complete;
  }

  private MarkedText document() throws IOException {
    if (!Files.exists(options.output())) {
      Files.copy(
          root.resolve("docs/performance.md"),
          options.output(),
          StandardCopyOption.REPLACE_EXISTING);
    }
    MarkedText document = new MarkedText(options.output());
    for (String part : TABLES) {
      document.require(part);
    }
    return document;
  }

  private String caption() {
    return "Measured "
        + LocalDate.now(ZoneOffset.UTC)
        + ", rounds: "
        + options.rounds()
        + (options.quick() ? ", quick: these figures say nothing." : ".")
        + "\n";
  }
}
