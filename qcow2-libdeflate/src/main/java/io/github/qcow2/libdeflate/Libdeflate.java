package io.github.qcow2.libdeflate;

import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Platform;
import com.sun.jna.Pointer;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * The functions of libdeflate that are used here, bound when this class is initialised. Owns no
 * state. Sizes and addresses are passed as 64-bit numbers, so other hosts do without the library.
 */
final class Libdeflate {
  private static final Logger LOG = LoggerFactory.getLogger(Libdeflate.class);

  /** What a function says that did what it was asked. */
  static final int SUCCESS = 0;

  private static final boolean AVAILABLE = bind();

  private Libdeflate() {}

  /** Whether the functions can be called. */
  static boolean isAvailable() {
    return AVAILABLE;
  }

  private static boolean bind() {
    String reason = "";
    for (String name : names()) {
      try {
        NativeLibrary library = NativeLibrary.getInstance(name);
        if (Native.POINTER_SIZE != Long.BYTES || Native.SIZE_T_SIZE != Long.BYTES) {
          LOG.debug("libdeflate is not used where addresses have {} bytes", Native.POINTER_SIZE);
          return false;
        }
        Native.register(Libdeflate.class, library);
        return true;
      } catch (LinkageError | RuntimeException e) {
        // Missing, not for this machine, not to be loaded here, or without one of the functions.
        reason = String.valueOf(e.getMessage()).lines().findFirst().orElse("");
      }
    }
    LOG.debug("libdeflate cannot be loaded, the JDK's deflate is used: {}", reason);
    return false;
  }

  private static List<String> names() {
    if (Platform.isWindows()) {
      return List.of("libdeflate", "deflate");
    }
    return Platform.isMac() ? List.of("deflate") : List.of("libdeflate.so.0", "deflate");
  }

  static native @Nullable Pointer libdeflate_alloc_compressor(int level);

  static native void libdeflate_free_compressor(Pointer compressor);

  /** Returns the number of bytes written, or 0 if there is not enough room. */
  static native long libdeflate_deflate_compress(
      Pointer compressor, long in, long inBytes, long out, long outBytes);

  static native @Nullable Pointer libdeflate_alloc_decompressor();

  static native void libdeflate_free_decompressor(Pointer decompressor);

  /**
   * Decompresses one stream; what follows it is ignored.
   *
   * @param written if 0, success means that the output has been filled to its last byte
   */
  static native int libdeflate_deflate_decompress(
      Pointer decompressor, long in, long inBytes, long out, long outBytes, long written);
}
