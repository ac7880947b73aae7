package io.github.qcow2.error;

import java.io.Serial;

/**
 * A number in the image, or the result of the operation, exceeds a limit of the format or of the
 * options.
 */
public final class LimitExceededException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   */
  public LimitExceededException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }
}
