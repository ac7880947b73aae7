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
   * The codec for a number in the header of an image, looked for through the thread's context class
   * loader.
   *
   * @return null if there is none
   * @see #find(int, ClassLoader)
   */
  public static @Nullable CompressionCodec find(int compressionType) {
    return find(compressionType, Thread.currentThread().getContextClassLoader());
  }

  /**
   * The codec for a number in the header of an image: of those that are available, the one with the
   * highest {@linkplain CompressionCodec#preference preference}. Services are looked for anew each
   * time; one that cannot be loaded is passed over.
   *
   * @param loader finds the services; the system's if null
   * @return null if there is none
   */
  public static @Nullable CompressionCodec find(int compressionType, @Nullable ClassLoader loader) {
    CompressionCodec best = compressionType == DEFLATE.compressionType() ? DEFLATE : null;
    Iterator<CompressionCodec> services =
        ServiceLoader.load(CompressionCodec.class, loader).iterator();
    while (true) {
      try {
        if (!services.hasNext()) {
          return best;
        }
        CompressionCodec codec = services.next();
        if (codec.compressionType() == compressionType
            && (best == null || codec.preference() > best.preference())
            && codec.isAvailable()) {
          best = codec;
        }
      } catch (ServiceConfigurationError | LinkageError e) {
        LOG.warn("a compression codec cannot be loaded", e);
      }
    }
  }
}
