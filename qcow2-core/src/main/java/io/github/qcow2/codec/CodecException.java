package io.github.qcow2.codec;

import java.io.IOException;
import java.io.Serial;

/** Compressed bytes that are not what they should be. */
public final class CodecException extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  /** Says what is wrong with them. */
  public CodecException(String message) {
    super(message);
  }
}
