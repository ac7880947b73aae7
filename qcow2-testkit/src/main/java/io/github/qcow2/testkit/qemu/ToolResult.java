package io.github.qcow2.testkit.qemu;

import java.io.IOException;
import java.util.List;

/**
 * What became of one run of a tool.
 *
 * @param command the program and its arguments
 * @param exitCode what the program returned
 * @param stdout what it wrote to standard output, cut after the first {@value #MAX_OUTPUT} bytes
 * @param stderr what it wrote to standard error, cut likewise
 */
public record ToolResult(List<String> command, int exitCode, String stdout, String stderr) {
  /** Bytes kept of each stream: {@code qemu-img check} can print a line per bad reference. */
  static final int MAX_OUTPUT = 4 << 20;

  /** Keeps its own copy of the command. */
  public ToolResult {
    command = List.copyOf(command);
  }

  /** Whether the program returned zero. */
  public boolean succeeded() {
    return exitCode == 0;
  }

  /**
   * This result, if the program succeeded.
   *
   * @throws IOException if it did not, quoting the command and what it printed
   */
  public ToolResult orThrow() throws IOException {
    if (!succeeded()) {
      throw new IOException(toString());
    }
    return this;
  }

  @Override
  public String toString() {
    return String.join(" ", command)
        + "\nexit code "
        + exitCode
        + "\nstdout: "
        + stdout.strip()
        + "\nstderr: "
        + stderr.strip();
  }
}
