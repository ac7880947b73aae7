package io.github.qcow2.codec;

import java.util.Iterator;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** The codecs there are: deflate, and those that {@link ServiceLoader} finds. */
public final class CompressionCodecs {
  private static final Logger LOG = LoggerFactory.getLogger(CompressionCodecs.class);

  private static final CompressionCodec DEFLATE = new DeflateCodec();

  private CompressionCodecs() {}

  /**
   * The codec for a number in the header of an image. Services are looked for anew each time,
   * through the thread's context class loader; one that cannot be loaded is passed over.
   *
   * @return null if there is none
   */
  public static @Nullable CompressionCodec find(int compressionType) {
    if (compressionType == DEFLATE.compressionType()) {
      return DEFLATE;
    }
    Iterator<CompressionCodec> services = ServiceLoader.load(CompressionCodec.class).iterator();
    while (true) {
      try {
        if (!services.hasNext()) {
          return null;
        }
        CompressionCodec codec = services.next();
        if (codec.compressionType() == compressionType) {
          return codec;
        }
      } catch (ServiceConfigurationError e) {
        LOG.warn("a compression codec cannot be loaded", e);
      }
    }
  }
}
