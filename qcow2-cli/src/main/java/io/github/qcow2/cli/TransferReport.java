package io.github.qcow2.cli;

import java.util.concurrent.TimeUnit;

/** Times one request and says how it went, as qemu-io does. Not thread-safe. */
final class TransferReport {
  private final Console console;
  private final boolean machine;
  private final boolean quiet;
  private final long started = System.nanoTime();
  private long nanoseconds;

  private TransferReport(Console console, boolean machine, boolean quiet) {
    this.console = console;
    this.machine = machine;
    this.quiet = quiet;
  }

  /**
   * Starts the clock.
   *
   * @param machine whether to print one line of comma-separated numbers
   * @param quiet whether to print nothing
   */
  static TransferReport start(Console console, boolean machine, boolean quiet) {
    return new TransferReport(console, machine, quiet);
  }

  void stop() {
    nanoseconds = Math.max(1, System.nanoTime() - started);
  }

  /**
   * Prints the result of a request that was carried out in full.
   *
   * @param verb what was done, in the past tense
   */
  void print(String verb, long offset, long length) {
    if (quiet) {
      return;
    }
    double seconds = nanoseconds / 1e9;
    double bytesPerSecond = length / seconds;
    double requestsPerSecond = 1 / seconds;
    if (machine) {
      console.raw(
          length
              + ",1,"
              + clock(true)
              + ","
              + HumanSize.fixed(bytesPerSecond, 3)
              + ","
              + HumanSize.fixed(requestsPerSecond, 3)
              + "\n");
      return;
    }
    console.line(verb + " " + length + "/" + length + " bytes at offset " + offset);
    console.line(
        HumanSize.ofTransfer(length)
            + ", 1 ops; "
            + clock(false)
            + " ("
            + HumanSize.ofRate(bytesPerSecond)
            + " and "
            + HumanSize.fixed(requestsPerSecond, 4)
            + " ops/sec)");
  }

  private String clock(boolean full) {
    long hundredths = TimeUnit.NANOSECONDS.toMillis(nanoseconds) / 10;
    long seconds = hundredths / 100;
    if (!full && seconds < 60) {
      return String.format("%02d.%02d sec", seconds, hundredths % 100);
    }
    return String.format(
        "%d:%02d:%02d.%02d", seconds / 3600, seconds / 60 % 60, seconds % 60, hundredths % 100);
  }
}
