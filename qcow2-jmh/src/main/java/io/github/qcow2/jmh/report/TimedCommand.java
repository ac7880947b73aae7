package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** A command that is run to its end. */
final class TimedCommand {
  private static final int POLL_MILLISECONDS = 2;

  private final List<String> command;

  TimedCommand(List<String> command) {
    this.command = command;
  }

  /**
   * What a run came to.
   *
   * @param seconds from start to end
   * @param output what it printed, to both streams
   */
  record Run(double seconds, String output) {}

  /** Runs it; an exit code other than 0 is an exception. */
  Run run() throws IOException {
    long start = System.nanoTime();
    Process process = start();
    String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    int exitCode = waitFor(process);
    double seconds = (System.nanoTime() - start) / 1e9;
    if (exitCode != 0) {
      throw new IOException("exit code " + exitCode + " of " + command + "\n" + output);
    }
    return new Run(seconds, output);
  }

  /**
   * Runs it and returns the most memory it had, resident, in bytes.
   *
   * <p>That is a high-water mark of the kernel's (VmHWM), looked at again and again while the
   * process is there; so no time is taken in the same run.
   */
  long peakBytes() throws IOException {
    Process process = start();
    Path status = Path.of("/proc", Long.toString(process.pid()), "status");
    long peak = 0;
    while (process.isAlive()) {
      peak = Math.max(peak, highWaterMark(status));
      try {
        Thread.sleep(POLL_MILLISECONDS);
      } catch (InterruptedException e) {
        process.destroy();
        Thread.currentThread().interrupt();
        throw new InterruptedIOException();
      }
    }
    if (peak == 0 || process.exitValue() != 0) {
      throw new IOException("no memory measured, exit code " + process.exitValue());
    }
    return peak;
  }

  private static long highWaterMark(Path status) {
    try {
      for (String line : Files.readAllLines(status)) {
        if (line.startsWith("VmHWM:")) {
          return Long.parseLong(line.replaceAll("[^0-9]", "")) << 10;
        }
      }
    } catch (IOException e) {
      // The process has just ended.
      return 0;
    }
    return 0;
  }

  private Process start() throws IOException {
    ProcessBuilder builder = new ProcessBuilder(command).redirectErrorStream(true);
    builder.environment().put("LC_ALL", "C.UTF-8");
    Process process = builder.start();
    process.getOutputStream().close();
    return process;
  }

  private static int waitFor(Process process) throws IOException {
    try {
      return process.waitFor();
    } catch (InterruptedException e) {
      process.destroy();
      Thread.currentThread().interrupt();
      throw new InterruptedIOException();
    }
  }

  @Override
  public String toString() {
    return String.join(" ", command);
  }
}
