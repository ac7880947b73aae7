package io.github.qcow2.codec;

import java.nio.ByteBuffer;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/** Raw deflate (RFC 1951), which qemu-img calls zlib. Reads streams with any window. */
final class DeflateCodec implements CompressionCodec {
  @Override
  public int compressionType() {
    return 0;
  }

  @Override
  public String name() {
    return "deflate";
  }

  @Override
  public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
    Inflater inflater = new Inflater(true);
    try {
      inflater.setInput(source);
      while (target.hasRemaining()) {
        if (inflater.inflate(target) == 0 && (inflater.finished() || inflater.needsInput())) {
          throw new CodecException("the stream ends " + target.remaining() + " bytes early");
        }
      }
    } catch (DataFormatException e) {
      throw new CodecException("not a deflate stream: " + e.getMessage());
    } finally {
      inflater.end();
    }
  }
}
