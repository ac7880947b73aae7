package io.github.qcow2.cli;

import java.io.InputStream;
import java.io.PrintStream;

/**
 * The three standard streams of one run and the name the program goes by. Commands print through it
 * and nowhere else, so that a run needs no process.
 *
 * <p>What is printed for people ({@link #line}, {@link #error}) is escaped, since file names and
 * strings inside images can hold control sequences; {@link #raw} is for text whose every character
 * this program chose.
 */
final class Console {
  private final String program;
  private final InputStream in;
  private final PrintStream out;
  private final PrintStream err;

  Console(String program, InputStream in, PrintStream out, PrintStream err) {
    this.program = program;
    this.in = in;
    this.out = out;
    this.err = err;
  }

  /** The name that messages start with. */
  String program() {
    return program;
  }

  /** The same streams under another name. */
  Console named(String other) {
    return new Console(other, in, out, err);
  }

  InputStream in() {
    return in;
  }

  /** Prints one line on standard output, escaped. */
  void line(String text) {
    out.print(TerminalText.escape(text));
    out.print('\n');
  }

  /** Prints text on standard output as it is. */
  void raw(String text) {
    out.print(text);
  }

  /** Prints {@code program: message} on standard error, after what was printed before. */
  void error(String message) {
    errorLine(program + ": " + message);
  }

  /** Prints a line on standard error without the program's name, after what was printed before. */
  void errorLine(String text) {
    out.flush();
    err.print(TerminalText.escape(text));
    err.print('\n');
    err.flush();
  }

  void flush() {
    out.flush();
    err.flush();
  }
}
