package io.github.qcow2.cli;

import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Runs each command once, on small images in a directory of its own, without output. The launcher
 * has Java archive the classes that this loads, so that commands start sooner.
 */
public final class Rehearsal {
  private static final List<String> LINES =
      List.of(
          "create -f qcow2 %/a 4M",
          "io -f qcow2 -c write|0|1M -c read|-P|0xcd|0|64k -c flush %/a",
          "create -f qcow2 -b %/a -F qcow2 %/b",
          "io -c write|64k|4k -c read|0|128k -c discard|0|64k -c write|-z|1M|64k %/b",
          "info %/b",
          "info --output=json --backing-chain %/b",
          "map %/b",
          "map --output=json %/b",
          "check %/a",
          "check --output=json %/b",
          "convert -f qcow2 -O raw %/b %/c",
          "convert -f raw -O qcow2 %/c %/d",
          "convert -c -O qcow2 %/c %/e",
          "convert -O raw %/e %/f",
          "compare %/c %/e",
          "bench -f qcow2 -c 1000 %/a",
          "bench -f qcow2 -c 1000 -d 1 -w --flush-interval 500 %/a",
          "resize %/d 8M",
          "amend -o compat=0.10 %/d",
          "--version");

  private Rehearsal() {}

  /**
   * Runs them.
   *
   * @param args ignored
   */
  public static void main(String[] args) throws IOException {
    Path directory = Files.createTempDirectory("qcow2-rehearsal");
    try {
      run(directory);
    } finally {
      List<Path> files = new ArrayList<>();
      try (Stream<Path> all = Files.walk(directory)) {
        all.sorted(Comparator.reverseOrder()).forEach(files::add);
      }
      for (Path file : files) {
        Files.delete(file);
      }
    }
  }

  /** Runs them in an empty directory and returns those that failed. */
  static List<String> run(Path directory) {
    PrintStream nowhere =
        new PrintStream(PrintStream.nullOutputStream(), false, StandardCharsets.UTF_8);
    List<String> failed = new ArrayList<>();
    for (String line : LINES) {
      String[] arguments = line.split(" ", -1);
      for (int i = 0; i < arguments.length; i++) {
        arguments[i] = arguments[i].replace("%", directory.toString()).replace('|', ' ');
      }
      if (Main.run(arguments, new ByteArrayInputStream(new byte[0]), nowhere, nowhere) != 0) {
        failed.add(line);
      }
    }
    return failed;
  }
}
