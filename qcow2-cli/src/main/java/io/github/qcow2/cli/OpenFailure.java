package io.github.qcow2.cli;

import java.io.Serial;
import java.util.List;

/**
 * An image that could not be opened, in the words of the layer that failed; each command says in
 * its own way which image that was.
 */
final class OpenFailure extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  private final transient List<String> hints;

  OpenFailure(String reason) {
    this(reason, List.of());
  }

  /** A failure with lines of advice that follow it. */
  OpenFailure(String reason, List<String> hints) {
    super(reason);
    this.hints = List.copyOf(hints);
  }

  /** The same with something before the reason. */
  OpenFailure prefixed(String prefix) {
    return new OpenFailure(prefix + reason(), hints);
  }

  /** The end of a command for this reason, with something before it. */
  CommandException ending(String prefix) {
    return new CommandException(1, prefix + reason(), hints);
  }

  List<String> hints() {
    return hints;
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
