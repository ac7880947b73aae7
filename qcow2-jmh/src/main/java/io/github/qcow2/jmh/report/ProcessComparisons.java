package io.github.qcow2.jmh.report;

import static io.github.qcow2.jmh.report.Comparison.TARGET;
import static io.github.qcow2.jmh.report.Limit.atLeast;
import static io.github.qcow2.jmh.report.Limit.atMost;

import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.jmh.report.Comparison.Clock;
import io.github.qcow2.jmh.report.Comparison.Figure;
import io.github.qcow2.jmh.report.Comparison.Row;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Whole commands beside qemu-img's, the start of the virtual machine included. Each kind of work
 * has its own data, which is deleted before that of the next is made.
 */
final class ProcessComparisons {
  private static final int REQUEST = 4096;

  private final BenchOptions options;
  private final Commands commands;
  private final Path scratch;
  private final RawResults raw = new RawResults();
  private final ProcessTable table = new ProcessTable();

  ProcessComparisons(BenchOptions options, Commands commands, Path scratch) {
    this.options = options;
    this.commands = commands;
    this.scratch = scratch;
  }

  /** Runs them all and returns the table. */
  String run() throws IOException {
    requests();
    check();
    convert();
    return table.toString();
  }

  RawResults raw() {
    return raw;
  }

  private void requests() throws IOException {
    long size = options.quick() ? 64L << 20 : 1L << 30;
    int few = options.quick() ? 5000 : 75_000;
    Path image = scratch.resolve("requests.qcow2");
    fill(image, size);
    List<Comparison> comparisons = new ArrayList<>();
    for (boolean writes : new boolean[] {false, true}) {
      for (int depth : new int[] {1, 64}) {
        Limit limit = atLeast(depth == 1 ? 8 : 3);
        comparisons.add(bench(image, writes, depth, (int) (size / REQUEST), limit));
        comparisons.add(bench(image, writes, depth, few, limit));
      }
    }
    rounds(comparisons, options.rounds());
    Files.delete(image);
  }

  /** Without those of writes, whose end waits for the disk: the time of whole processes, too. */
  private static Comparison bench(Path image, boolean writes, int depth, int count, Limit limit) {
    List<String> arguments =
        new ArrayList<>(List.of("bench", "-f", "qcow2", "-c", count + "", "-d", depth + ""));
    String what = "bench -d " + depth + " -c " + count;
    List<Row> rows = new ArrayList<>();
    if (writes) {
      arguments.add("-w");
      rows.add(new Row(what + " -w", Clock.PRINTED, Figure.SPEED, limit));
    } else {
      rows.add(new Row(what, Clock.PRINTED, Figure.SPEED, limit));
      rows.add(new Row(what + ", whole process", Clock.PROCESS, Figure.SPEED, null));
    }
    arguments.add(image.toString());
    return new Comparison(arguments, rows);
  }

  /** Cluster by cluster, as a disk becomes full. */
  private static void fill(Path image, long size) throws IOException {
    ByteBuffer chunk = ByteBuffer.allocateDirect(64 << 10);
    for (int i = 0; i < chunk.capacity(); i++) {
      chunk.put(i, (byte) (i * 7));
    }
    try (Qcow2Image disk = Qcow2Image.create(image, size).build()) {
      for (long at = 0; at < size; at += chunk.capacity()) {
        disk.write(chunk.clear(), at);
      }
    }
  }

  private void check() throws IOException {
    long size = options.quick() ? 16L << 30 : 1L << 40;
    String what = "check, " + (size >> 30) + " GiB mapped";
    Path image = scratch.resolve("check.qcow2");
    if (commands.hasQemu()) {
      commands
          .qemu(
              "create",
              "-q",
              "-f",
              "qcow2",
              "-o",
              "preallocation=metadata",
              image.toString(),
              size + "")
          .run();
    } else {
      Qcow2Image.create(image, size).preallocation(Preallocation.METADATA).build().close();
    }
    rounds(
        List.of(Comparison.whole(what, atMost(0.6), "check", "-f", "qcow2", image.toString())),
        options.rounds());
    memoryOfCheck(what, image);
    Files.delete(image);
  }

  private void memoryOfCheck(String what, Path image) throws IOException {
    String[] arguments = {"check", "-f", "qcow2", image.toString()};
    List<Double> ours = new ArrayList<>();
    List<Double> qemu = new ArrayList<>();
    List<Double> figures = new ArrayList<>();
    String row = what + ": memory beyond a bare Java's";
    Limit limit = atMost(2);
    for (int round = 1; round <= options.rounds(); round++) {
      double bare = mebibytes(commands.java(BareJava.class));
      double own = mebibytes(commands.ours(arguments));
      raw.add(row, round, "java", "MiB", bare);
      raw.add(row, round, "qcow2", "MiB", own);
      ours.add(own - bare);
      if (commands.hasQemu()) {
        double other = mebibytes(commands.qemu(arguments));
        raw.add(row, round, "qemu-img", "MiB", other);
        qemu.add(other);
        figures.add((own - bare) / other);
      }
    }
    table.row(row, "MiB", ours, qemu, figures, limit);
  }

  private static double mebibytes(TimedCommand command) throws IOException {
    return command.peakBytes() / (double) (1 << 20);
  }

  private void convert() throws IOException {
    long size = options.quick() ? 128L << 20 : 2L << 30;
    String megabytes = (size >> 20) + " MiB";
    Path plain = scratch.resolve("random.raw");
    Path image = scratch.resolve("random.qcow2");
    TestData data = new TestData();
    data.random(plain, size);
    commands.ours("convert", "-f", "raw", "-O", "qcow2", plain.toString(), image.toString()).run();
    for (int i = 0; i < 2; i++) {
      // The memory of a virtual machine that nobody has used yet is slower the first time.
      Path used = scratch.resolve("used");
      Files.copy(plain, used);
      Files.delete(used);
    }
    rounds(
        List.of(
            Comparison.whole(
                "convert raw to qcow2, " + megabytes + ", random",
                atMost(2),
                "convert",
                "-f",
                "raw",
                "-O",
                "qcow2",
                plain.toString(),
                TARGET),
            Comparison.whole(
                "convert qcow2 to raw, " + megabytes + ", random",
                atMost(2),
                "convert",
                "-f",
                "qcow2",
                "-O",
                "raw",
                image.toString(),
                TARGET)),
        2 * options.rounds());
    Files.delete(plain);
    Files.delete(image);
    Path mixed = scratch.resolve("mixed.raw");
    data.mixed(mixed, size / 2);
    rounds(
        List.of(
            Comparison.whole(
                "convert -c, zlib, " + (size >> 21) + " MiB, mixed",
                atMost(0.6),
                "convert",
                "-c",
                "-f",
                "raw",
                "-O",
                "qcow2",
                mixed.toString(),
                TARGET)),
        options.rounds());
    Files.delete(mixed);
  }

  /** Runs some comparisons in rounds, so that whatever else the machine does meets all of them. */
  private void rounds(List<Comparison> comparisons, int times) throws IOException {
    List<ComparisonRuns> all = new ArrayList<>();
    for (Comparison comparison : comparisons) {
      all.add(new ComparisonRuns(comparison, commands, scratch.resolve("target"), raw));
    }
    for (int round = 1; round <= times; round++) {
      for (ComparisonRuns runs : all) {
        runs.round(round);
      }
    }
    for (ComparisonRuns runs : all) {
      runs.addTo(table);
    }
  }
}
