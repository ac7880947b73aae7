package io.github.qcow2.error;

import java.io.Serial;

/**
 * Whole-image work was stopped by its caller: the progress listener said so, or the calling thread
 * was interrupted (its flag is then still set). What had been done by then stays done.
 */
public final class OperationCancelledException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what was stopped, and how far it had come
   */
  public OperationCancelledException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }
}
