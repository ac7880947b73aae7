package io.github.qcow2.cli;

import java.io.Serial;

/**
 * A command of {@code io} that did not do what was asked. The message goes to standard output,
 * where qemu-io has it too, unless it is empty because the reason has been printed; the session
 * goes on with the next command.
 */
final class IoRefusal extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  IoRefusal(String message) {
    super(message);
  }

  String message() {
    return String.valueOf(getMessage());
  }
}
