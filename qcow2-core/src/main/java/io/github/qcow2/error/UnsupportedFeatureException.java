package io.github.qcow2.error;

import java.io.Serial;

/** The image, or the operation asked of it, needs something this library does not do. */
public final class UnsupportedFeatureException extends Qcow2Exception {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param image the image as the caller named it
   * @param offset the byte offset in the host file at fault, or {@link #NO_OFFSET}
   * @param rule what is wrong, in words
   */
  public UnsupportedFeatureException(String image, long offset, String rule) {
    super(image, offset, rule, null);
  }
}
