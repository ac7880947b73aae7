package io.github.qcow2.testkit.linear;

/** What was read cannot be explained by any order of the operations. */
public final class NotLinearizable extends AssertionError {
  private static final long serialVersionUID = 1;

  NotLinearizable(String message) {
    super(message);
  }
}
