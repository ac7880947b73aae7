package io.github.qcow2.cli;

/**
 * The progress of a long command: {@code (46.27/100%)}, over and over on one line of standard
 * output. Prints only when the number has moved by {@value #STEP} per cent, so a pipe gets fifty
 * lines rather than thousands. Not thread-safe.
 */
final class ProgressLine {
  private static final double STEP = 2;

  private final Console console;
  private final boolean enabled;
  private double printed;

  /**
   * Prints the first line.
   *
   * @param enabled whether anything is printed at all
   */
  ProgressLine(Console console, boolean enabled) {
    this.console = console;
    this.enabled = enabled;
    print(0);
  }

  /** Says how far the work has come. */
  void advance(long done, long total) {
    if (total == 0) {
      return;
    }
    double percent = 100.0 * done / total;
    if (percent - printed >= STEP || (percent == 100 && printed < 100)) {
      print(percent);
    }
  }

  /** Ends the line. */
  void end() {
    if (enabled) {
      console.raw("\n");
      console.flush();
    }
  }

  /** Says that everything is done, then ends the line. */
  void complete() {
    print(100);
    end();
  }

  private void print(double percent) {
    printed = percent;
    if (enabled) {
      console.raw("    (" + HumanSize.fixed(percent, 2) + "/100%)\r");
      console.flush();
    }
  }
}
