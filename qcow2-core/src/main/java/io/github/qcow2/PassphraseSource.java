package io.github.qcow2;

import org.jspecify.annotations.Nullable;

/** Knows the passphrases of encrypted images. */
@FunctionalInterface
public interface PassphraseSource {
  /**
   * The passphrase of an image, or null if it is not known; the image is then not opened.
   *
   * @param image its name, usually a path, as the library's exceptions have it. In a backing chain
   *     every image has a passphrase of its own
   */
  byte @Nullable [] passphrase(String image);
}
