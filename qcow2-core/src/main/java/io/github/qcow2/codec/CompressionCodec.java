package io.github.qcow2.codec;

import java.nio.ByteBuffer;

/**
 * One way to compress clusters (qcow2 spec, "compression type" and "Compressed Clusters
 * Descriptor"). Pure: bytes in, bytes out.
 *
 * <p><b>Which one is used:</b> the one given when an image is opened or created, if it is of the
 * compression type in the header; otherwise, of those that {@link java.util.ServiceLoader} finds
 * and that are {@linkplain #isAvailable available}, the one with the highest {@link #preference}.
 *
 * <p><b>Instances</b> of a service are made for each image that needs one, so the constructor does
 * next to nothing, and what is dear to make, such as native state, is shared between instances.
 *
 * <p><b>Threads:</b> any number may use a codec at once.
 *
 * <p><b>Memory:</b> what a call needs is bounded by the remaining bytes of the buffers it is given,
 * whatever the compressed bytes claim about themselves, and nothing is written outside of the
 * target's position and limit. A cluster has 2 MiB at most.
 *
 * <p><b>Two codecs of one type</b> must agree on which bytes are compressed data and what they
 * stand for: an image that one of them can read is read by the other.
 */
public interface CompressionCodec {
  /** What {@link #compress} returns for data that does not become small enough. */
  int NOT_COMPRESSIBLE = -1;

  /** The number by which the header of an image knows it. */
  int compressionType();

  /** What messages call it: the format, not the implementation, which {@code toString} may name. */
  String name();

  /**
   * Whether the codec can be used here. One that needs something of the host that is missing, such
   * as a library, says no, and another is used. Asked before anything else; later answers are the
   * same.
   */
  default boolean isAvailable() {
    return true;
  }

  /**
   * Which of several codecs of one type is used: the one with the highest number. Those of the core
   * have 0.
   */
  default int preference() {
    return 0;
  }

  /** The level that gives the smallest result, counted from 1, the fastest; 0 if there are none. */
  default int maxLevel() {
    return 0;
  }

  /**
   * A codec like this one that compresses at another level. What it decompresses is the same.
   *
   * @param level from 1 to {@link #maxLevel}
   * @throws IllegalArgumentException if there is no such level
   */
  default CompressionCodec withLevel(int level) {
    throw new IllegalArgumentException(name() + " has no compression level " + level);
  }

  /**
   * Fills {@code target} from its position to its limit, with the first so many bytes of what was
   * compressed.
   *
   * <p>The length of the compressed data is not stored in an image, so {@code source} goes on after
   * its end with bytes that belong to somebody else, and they are ignored. Compressed data that
   * holds more than the target takes is cut or refused, as QEMU does with data of this type.
   *
   * @param source the compressed bytes, from its position on; its position afterwards is undefined
   * @param target its position ends at its limit
   * @throws CodecException if the source does not hold that many bytes, or is no compressed data at
   *     all; the content and position of the target are then undefined
   */
  void decompress(ByteBuffer source, ByteBuffer target) throws CodecException;

  /**
   * Compresses {@code source} from its position to its limit into what remains of {@code target}.
   *
   * @param source its position ends at its limit, unless the result does not fit
   * @param target its position ends behind the compressed bytes, unless they do not fit
   * @return the number of compressed bytes, or {@link #NOT_COMPRESSIBLE} if they do not fit, fit so
   *     tightly that the codec cannot tell, or are {@linkplain NoiseScan hardly fewer} than the
   *     source has: both positions are then where they were, and the rest of the target is
   *     undefined
   */
  int compress(ByteBuffer source, ByteBuffer target);
}
