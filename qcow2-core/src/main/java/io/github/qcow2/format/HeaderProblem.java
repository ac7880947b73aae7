package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;

/**
 * A reason not to open an image, or to report it, found in a header that is itself well formed.
 * Such a header can still be shown to a user; who opens the image turns the reasons that matter
 * into exceptions.
 *
 * @param kind what follows from it
 * @param offset byte offset of the header field
 * @param rule what is wrong, in words
 */
public record HeaderProblem(Kind kind, long offset, String rule) {

  /** What follows from a problem. */
  public enum Kind {
    /** An incompatible feature bit that this library does not know. */
    UNKNOWN_FEATURE(true, true),

    /**
     * The guest's data is encrypted with a method that this library knows, so that it can be read
     * with a passphrase. No feature bit says so: reading on without would show ciphertext.
     */
    NEEDS_PASSPHRASE(true, true),

    /** The guest's data is encrypted in a way that this library cannot undo. */
    ENCRYPTED(true, true),

    /** Compressed clusters use an algorithm that the format does not define. */
    UNKNOWN_COMPRESSION_TYPE(true, true),

    /** Two fields that exclude each other; QEMU shows such an image but does not open it. */
    CONTRADICTION(true, true),

    /** There is no usable refcount table. Only {@link HeaderReader#readForRepair} lets it pass. */
    NO_REFCOUNT_TABLE(true, true),

    /** A program found damage and set the corrupt bit: to be repaired before it is written to. */
    MARKED_CORRUPT(false, true),

    /** The dirty bit: refcounts are made right when the image is next opened for writing. */
    MARKED_DIRTY(false, false),

    /** Against the letter of the format, and harmless. QEMU opens such an image; so do we. */
    IRREGULAR(false, false);

    private final boolean preventsReading;
    private final boolean preventsWriting;

    Kind(boolean preventsReading, boolean preventsWriting) {
      this.preventsReading = preventsReading;
      this.preventsWriting = preventsWriting;
    }

    /** Whether the image must not even be read. */
    public boolean preventsReading() {
      return preventsReading;
    }

    /** Whether the image must not be opened for writing, except to repair it. */
    public boolean preventsWriting() {
      return preventsWriting;
    }
  }

  /**
   * The exception for an image that is not opened because of this.
   *
   * @param imageName the image as the caller named it
   */
  public Qcow2Exception toException(String imageName) {
    return switch (kind) {
      case UNKNOWN_FEATURE, NEEDS_PASSPHRASE, ENCRYPTED, UNKNOWN_COMPRESSION_TYPE ->
          new UnsupportedFeatureException(imageName, offset, rule);
      case CONTRADICTION, NO_REFCOUNT_TABLE, MARKED_CORRUPT, MARKED_DIRTY, IRREGULAR ->
          new CorruptImageException(imageName, offset, rule);
    };
  }
}
