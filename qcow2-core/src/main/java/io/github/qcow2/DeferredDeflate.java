package io.github.qcow2;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.CompressionCodecs;
import io.github.qcow2.codec.DeflateCodec;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * The codec for deflate, looked for when the first cluster is compressed or decompressed: most
 * images hold none, and loading a library would be most of the time that it takes to open them.
 *
 * <p>Owns what was found, under its own monitor. Looks through the class loader that was the
 * context's when the image was opened.
 */
final class DeferredDeflate implements CompressionCodec {
  private final @Nullable ClassLoader loader = Thread.currentThread().getContextClassLoader();
  private volatile @Nullable CompressionCodec found;

  private CompressionCodec codec() {
    CompressionCodec codec = found;
    return codec != null ? codec : find();
  }

  private synchronized CompressionCodec find() {
    CompressionCodec codec = found;
    if (codec == null) {
      codec = CompressionCodecs.find(compressionType(), loader);
      if (codec == null) {
        codec = new DeflateCodec();
      }
      found = codec;
    }
    return codec;
  }

  @Override
  public int compressionType() {
    return 0;
  }

  @Override
  public String name() {
    return codec().name();
  }

  @Override
  public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
    codec().decompress(source, target);
  }

  @Override
  public int compress(ByteBuffer source, ByteBuffer target) {
    return codec().compress(source, target);
  }
}
