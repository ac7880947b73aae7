package io.github.qcow2.codec;

import java.io.IOException;
import java.io.Serial;

/**
 * Compressed bytes that are not what they should be. A codec does not know whose bytes they are;
 * who called it does, and says so in an exception of its own.
 */
public final class CodecException extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  /**
   * Creates the exception.
   *
   * @param message what is wrong with the bytes
   */
  public CodecException(String message) {
    super(message);
  }

  /**
   * Creates the exception.
   *
   * @param message what is wrong with the bytes
   * @param cause how the implementation of the codec put it
   */
  public CodecException(String message, Throwable cause) {
    super(message, cause);
  }
}
