package io.github.qcow2.codec;

import java.nio.ByteBuffer;

/**
 * One way to compress clusters (qcow2 spec, "compression type" and "Compressed Clusters
 * Descriptor"). Pure: bytes in, bytes out. Any number of threads may use a codec at once.
 *
 * <p>An image finds the codec for the number in its header through {@link java.util.ServiceLoader},
 * or is given one when it is opened. An instance is made for each image that needs it, so what is
 * dear to make, such as native state, is best shared between instances.
 */
public interface CompressionCodec {
  /** What {@link #compress} returns for data that does not become small enough. */
  int NOT_COMPRESSIBLE = -1;

  /** The number by which the header of an image knows it. */
  int compressionType();

  /** What messages call it. */
  String name();

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
   * @return the number of compressed bytes, or {@link #NOT_COMPRESSIBLE} if they do not fit or fit
   *     so tightly that the codec cannot tell: both positions are then where they were, and the
   *     rest of the target is undefined
   */
  int compress(ByteBuffer source, ByteBuffer target);
}
