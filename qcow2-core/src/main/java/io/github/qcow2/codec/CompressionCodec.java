package io.github.qcow2.codec;

import java.nio.ByteBuffer;

/** One way to compress clusters. Thread-safe. */
public interface CompressionCodec {
  /** The number by which the header knows it. */
  int compressionType();

  /** What messages call it. */
  String name();

  /** Fills the target from the source; what follows the compressed bytes is ignored. */
  void decompress(ByteBuffer source, ByteBuffer target) throws CodecException;
}
