package io.github.qcow2.error;

import java.io.Serial;

/** The image names another file that the caller's reference policy does not allow to be opened. */
public final class ReferenceDeniedException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   */
  public ReferenceDeniedException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }
}
