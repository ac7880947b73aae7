package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.io.Serial;

/** The image breaks a rule so badly that it, or the part that was asked for, has no meaning. */
public final class SpecViolation extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  private final long offset;
  private final String rule;

  SpecViolation(long offset, String rule) {
    super("offset 0x" + Long.toHexString(offset) + ": " + rule);
    this.offset = offset;
    this.rule = rule;
  }

  /** What is wrong there. */
  public String rule() {
    return rule;
  }

  /** The byte of the image at which the rule is broken. */
  public long offset() {
    return offset;
  }
}
