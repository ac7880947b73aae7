package io.github.qcow2.cli;

import java.io.Serial;

/**
 * An image that could not be opened, in the words of the layer that failed; each command says in
 * its own way which image that was.
 */
final class OpenFailure extends Exception {
  @Serial private static final long serialVersionUID = 1L;

  OpenFailure(String reason) {
    super(reason);
  }

  String reason() {
    return String.valueOf(getMessage());
  }
}
