package io.github.qcow2.cli;

import java.io.Serial;
import java.util.List;

/**
 * Ends a command: a message for the user, lines of advice that follow it, and the exit code. What
 * is known to be the user's or the image's fault arrives here; anything else is a defect of this
 * program and keeps its stack trace.
 */
final class CommandException extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  private final int exitCode;
  private final transient List<String> hints;

  CommandException(int exitCode, String message, List<String> hints) {
    super(message);
    this.exitCode = exitCode;
    this.hints = List.copyOf(hints);
  }

  CommandException(String message) {
    this(1, message, List.of());
  }

  /** A misused command line: the message, and where to read how it is used. */
  static CommandException usage(Console console, String message) {
    return new CommandException(
        1, message, List.of("Try '" + console.program() + " --help' for more information"));
  }

  /** The same with another exit code. */
  CommandException withExitCode(int code) {
    return new CommandException(code, message(), hints);
  }

  /** The same with something before the message. */
  CommandException prefixed(String prefix) {
    return new CommandException(exitCode, prefix + message(), hints);
  }

  String message() {
    return String.valueOf(getMessage());
  }

  int exitCode() {
    return exitCode;
  }

  /** Lines printed after the message, without the program's name before them. */
  List<String> hints() {
    return hints;
  }
}
