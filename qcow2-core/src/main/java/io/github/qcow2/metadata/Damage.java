package io.github.qcow2.metadata;

import io.github.qcow2.error.CorruptImageException;

/**
 * What becomes of a broken rule that is found in the tables of an image: always an exception, and
 * where the image is being changed, the end of all changes ({@link CorruptionLatch}).
 */
@FunctionalInterface
public interface Damage {
  /**
   * Makes the exception, which the caller throws.
   *
   * @param offset of what is broken in the host file
   * @param rule what is wrong, in words
   */
  CorruptImageException found(long offset, String rule);

  /** Damage that concerns nobody but the one who found it: a reader. */
  static Damage thrownOnly(String image) {
    return (offset, rule) -> new CorruptImageException(image, offset, rule);
  }
}
