package io.github.qcow2.jmh.report;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The same work by this library's command and by qemu-img.
 *
 * @param arguments of both; {@link #TARGET} among them is a file that does not exist yet
 * @param rows what of it is shown
 */
record Comparison(List<String> arguments, List<Row> rows) {
  static final String TARGET = "{target}";

  /** How the time of a run is told. */
  enum Clock {
    /** From the start of the process to its end, with that of the virtual machine. */
    PROCESS,
    /** By the seconds that {@code bench} prints, which has opened the image by then. */
    PRINTED
  }

  /** What two times make. */
  enum Figure {
    /** Of the same work: how many times as fast this library is. */
    SPEED,
    /** How many times as long it takes. */
    TIME;

    double of(double ours, double qemu) {
      return this == SPEED ? qemu / ours : ours / qemu;
    }
  }

  /**
   * A row of the table.
   *
   * @param figure what the two times make
   * @param limit of the figure; null shows it without judging it
   */
  record Row(String what, Clock clock, Figure figure, @Nullable Limit limit) {}

  /** Whole commands. */
  static Comparison whole(String what, @Nullable Limit limit, String... arguments) {
    return new Comparison(
        List.of(arguments), List.of(new Row(what, Clock.PROCESS, Figure.TIME, limit)));
  }

  boolean hasTarget() {
    return arguments.contains(TARGET);
  }
}
