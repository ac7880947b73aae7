package io.github.qcow2.codec;

import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;

/** The codecs there are: deflate, and those found as services. */
public final class CompressionCodecs {
  private static final CompressionCodec DEFLATE = new DeflateCodec();

  private CompressionCodecs() {}

  /** The codec for a number in the header, or null if there is none. */
  public static @Nullable CompressionCodec find(int compressionType) {
    if (compressionType == DEFLATE.compressionType()) {
      return DEFLATE;
    }
    for (CompressionCodec codec : ServiceLoader.load(CompressionCodec.class)) {
      if (codec.compressionType() == compressionType) {
        return codec;
      }
    }
    return null;
  }
}
