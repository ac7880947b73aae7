package io.github.qcow2.error;

import java.io.Serial;

/** The bytes of the image break a rule of the format, so what they mean cannot be trusted. */
public final class CorruptImageException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   */
  public CorruptImageException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }

  /**
   * Creates the exception for what something else has found out.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   * @param cause what was found out
   */
  public CorruptImageException(String image, long offset, String rule, Throwable cause) {
    super(image, offset, rule, cause);
  }
}
