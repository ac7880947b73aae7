package io.github.qcow2.error;

import java.io.Serial;

/**
 * The path of an open file leads to another file by now, or to none, so the file could not be
 * opened again. What was written before is in the old file; whether it is durable is unknown.
 */
public final class FileReplacedException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   */
  public FileReplacedException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }
}
