package io.github.qcow2.format;

import org.jspecify.annotations.Nullable;

/** How compressed clusters of an image are compressed (qcow2 spec, "Header", byte 104). */
public enum CompressionType {
  /** A raw deflate stream, which qemu-img calls zlib; the only one that needs no feature bit. */
  DEFLATE(0),

  /** A sequence of Zstandard frames; needs {@link IncompatibleFeature#COMPRESSION_TYPE}. */
  ZSTD(1);

  private final int value;

  CompressionType(int value) {
    this.value = value;
  }

  /** The value of the header field. */
  public int value() {
    return value;
  }

  /** The type with this value of the header field, or null if the format has none. */
  public static @Nullable CompressionType of(int value) {
    return switch (value) {
      case 0 -> DEFLATE;
      case 1 -> ZSTD;
      default -> null;
    };
  }
}
