package io.github.qcow2.jmh.report;

import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What opening an image costs when its disk is small and when it is huge. Each image holds one
 * cluster, in the middle of the disk, so that a read needs an L2 table.
 */
final class CostGrowth {
  /**
   * What an image of 64 TiB may keep beyond its L1 table, more than one of 1 TiB does (I9). Both
   * are large enough for the whole of the default caches.
   */
  private static final int SLACK = 64 << 10;

  private final BenchOptions options;
  private final Commands commands;
  private final Path scratch;
  private final RawResults raw = new RawResults();

  CostGrowth(BenchOptions options, Commands commands, Path scratch) {
    this.options = options;
    this.commands = commands;
    this.scratch = scratch;
  }

  /** Figures of one size, from all rounds, by name. */
  private record Probe(String size, long l1Bytes, Map<String, List<Double>> figures) {
    double median(String name) {
      return Spread.of(figures.getOrDefault(name, List.of())).median();
    }
  }

  /** Probes all sizes and returns the table. */
  String run() throws IOException {
    Probe small = probe("1 GiB", 1L << 30);
    Probe large = probe("1 TiB", 1L << 40);
    Probe huge = probe("64 TiB", 64L << 40);
    List<Probe> probes = List.of(small, large, huge);
    MarkdownTable table =
        new MarkdownTable(
            "disk",
            ">L1 table",
            ">open",
            ">first read",
            ">close",
            ">allocated",
            ">kept while open",
            ">beyond the L1 table",
            ">limit",
            "",
            ">process beyond a bare Java's");
    for (Probe probe : probes) {
      double beyond = beyond(probe);
      Limit limit =
          probe.equals(huge) ? Limit.atMost(Math.rint(beyond(large) + SLACK / 1024.0)) : null;
      table.row(
          probe.size(),
          kibibytes((double) probe.l1Bytes()),
          microseconds(probe.median("open")),
          microseconds(probe.median("read")),
          microseconds(probe.median("close")),
          kibibytes(probe.median("allocated")),
          kibibytes(probe.median("live")),
          Spread.figure(beyond) + " KiB",
          limit == null ? "" : limit + " KiB",
          limit == null ? "" : limit.verdict(beyond),
          Spread.figure(probe.median("process") / (1 << 20)) + " MiB");
    }
    return table.toString();
  }

  /** KiB kept while open, without the L1 table. */
  private static double beyond(Probe probe) {
    return (probe.median("live") - probe.l1Bytes()) / 1024;
  }

  RawResults raw() {
    return raw;
  }

  private Probe probe(String size, long bytes) throws IOException {
    Path path = scratch.resolve("growth.qcow2");
    Probe probe = new Probe(size, make(path, bytes), new HashMap<>());
    for (int round = 1; round <= options.rounds(); round++) {
      String output = commands.java(GrowthProbe.class, "often", path.toString()).run().output();
      for (String line : output.lines().toList()) {
        String[] words = line.split(" ", 2);
        add(probe, round, words[0], Double.parseDouble(words[1]));
      }
      double process = commands.java(GrowthProbe.class, "once", path.toString()).peakBytes();
      add(probe, round, "process", process - commands.java(BareJava.class).peakBytes());
    }
    Files.delete(path);
    BenchReport.say("opened an image of " + size);
    return probe;
  }

  private void add(Probe probe, int round, String name, double value) {
    probe.figures().computeIfAbsent(name, key -> new ArrayList<>()).add(value);
    String unit = List.of("open", "read", "close").contains(name) ? "ns" : "bytes";
    raw.add(probe.size() + ": " + name, round, "qcow2", unit, value);
  }

  /** Makes an image and returns how long its L1 table is, in bytes. */
  private static long make(Path path, long size) throws IOException {
    try (Qcow2Image image = Qcow2Image.create(path, size).build()) {
      image.write(ByteBuffer.allocate(4096), size / 2);
      return (long) image.header().l1Entries() * Long.BYTES;
    }
  }

  private static String microseconds(double nanoseconds) {
    return Spread.figure(nanoseconds / 1000) + " µs";
  }

  private static String kibibytes(double bytes) {
    return Spread.figure(bytes / 1024) + " KiB";
  }
}
