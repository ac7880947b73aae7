package io.github.qcow2.jmh.report;

import java.nio.file.Path;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;

/**
 * What is measured, and where the tables go.
 *
 * @param rounds how often each thing is measured
 * @param quick whether small data and short runs will do, to see that everything works
 * @param parts what is measured
 * @param output the document whose tables are replaced
 */
record BenchOptions(int rounds, boolean quick, Set<Part> parts, Path output) {
  /** What can be measured by itself. */
  enum Part {
    JMH,
    PROCESS,
    GROWTH
  }

  /**
   * @param root of the source tree
   * @throws IllegalArgumentException if an argument is wrong; its message says what
   */
  static BenchOptions parse(Path root, String... arguments) {
    int rounds = 3;
    boolean quick = false;
    EnumSet<Part> parts = EnumSet.noneOf(Part.class);
    Path output = null;
    for (int i = 0; i < arguments.length; i++) {
      switch (arguments[i]) {
        case "--rounds" -> rounds = rounds(value(arguments, ++i));
        case "--quick" -> quick = true;
        case "--only" -> parts.add(part(value(arguments, ++i)));
        case "--output" -> output = Path.of(value(arguments, ++i));
        default -> throw new IllegalArgumentException("unknown argument: " + arguments[i]);
      }
    }
    if (output == null) {
      output = root.resolve(quick ? "target/bench/performance.md" : "docs/performance.md");
    }
    return new BenchOptions(
        rounds, quick, parts.isEmpty() ? EnumSet.allOf(Part.class) : parts, output);
  }

  private static String value(String[] arguments, int index) {
    if (index == arguments.length) {
      throw new IllegalArgumentException(arguments[index - 1] + " needs a value");
    }
    return arguments[index];
  }

  private static int rounds(String text) {
    if (!text.matches("[1-9][0-9]{0,2}")) {
      throw new IllegalArgumentException("not a number of rounds: " + text);
    }
    return Integer.parseInt(text);
  }

  private static Part part(String text) {
    for (Part part : Part.values()) {
      if (part.name().toLowerCase(Locale.ROOT).equals(text)) {
        return part;
      }
    }
    throw new IllegalArgumentException("not a part: " + text);
  }
}
