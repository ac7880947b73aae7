package io.github.qcow2.libdeflate;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.DeflateCodec;
import io.github.qcow2.codec.NoiseScan;
import java.nio.ByteBuffer;

/**
 * Raw deflate (RFC 1951) by the host's libdeflate: compression type 0, preferred to the core's
 * where the library is there.
 *
 * <p><b>Reading</b> accepts what {@link DeflateCodec} accepts, and gives the same bytes. The
 * library is given only streams whose meaning is beyond doubt; all others, and those that it does
 * not take, are left to the core's codec.
 *
 * <p><b>Writing</b> makes streams with matches up to 32 KiB back, as the core's codec does.
 *
 * <p>Native memory is kept for reuse by all codecs of this kind, as much as one call for each
 * processor needs.
 */
public final class LibdeflateCodec implements CompressionCodec {
  /**
   * The level unless another is chosen: results a little larger than those of zlib at its default
   * level, in a third of the time.
   */
  public static final int DEFAULT_LEVEL = 4;

  private static final DeflateCodec CORE = new DeflateCodec();

  private final int level;

  /** Creates a codec that compresses at {@link #DEFAULT_LEVEL}. */
  public LibdeflateCodec() {
    this(DEFAULT_LEVEL);
  }

  /**
   * Creates a codec.
   *
   * @param level of compression, from 1, which is fastest, to 12
   */
  public LibdeflateCodec(int level) {
    if (level < 1 || level > Workspace.MAX_LEVEL) {
      throw new IllegalArgumentException("compression level " + level);
    }
    this.level = level;
  }

  @Override
  public int compressionType() {
    return CORE.compressionType();
  }

  @Override
  public String name() {
    return CORE.name();
  }

  /** Whether the library is there. Without it, all work is left to the core's codec. */
  @Override
  public boolean isAvailable() {
    return Libdeflate.isAvailable();
  }

  /** Whose implementation it is, and its level. */
  @Override
  public String toString() {
    return "libdeflate, level " + level;
  }

  @Override
  public int preference() {
    return CORE.preference() + 1;
  }

  @Override
  public int maxLevel() {
    return Workspace.MAX_LEVEL;
  }

  @Override
  public LibdeflateCodec withLevel(int level) {
    return new LibdeflateCodec(level);
  }

  @Override
  public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
    if (isAvailable()) {
      Workspace workspace = Workspace.take();
      try {
        if (workspace.decompress(source, target)) {
          return;
        }
      } finally {
        workspace.giveBack();
      }
    }
    CORE.decompress(source, target);
  }

  @Override
  public int compress(ByteBuffer source, ByteBuffer target) {
    if (!isAvailable()) {
      return CORE.compress(source, target);
    }
    if (NoiseScan.isNoise(source)) {
      return NOT_COMPRESSIBLE;
    }
    Workspace workspace = Workspace.take();
    try {
      int length = workspace.compress(level, source, target);
      return length == 0 ? NOT_COMPRESSIBLE : length;
    } finally {
      workspace.giveBack();
    }
  }
}
