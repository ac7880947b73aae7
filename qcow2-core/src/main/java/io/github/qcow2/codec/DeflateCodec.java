package io.github.qcow2.codec;

import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;
import java.util.zip.Inflater;

/**
 * Raw deflate (RFC 1951, no zlib header): compression type 0, which qemu-img calls zlib.
 *
 * <p><b>Reading</b> accepts what qemu-img 7.2 accepts. Matches may lie up to 32 KiB back, though
 * QEMU itself writes none further than 4 KiB. A stream need not be terminated if it fills the
 * target; but it is decoded as far as it goes without giving more output, so a stream that is not
 * terminated and followed by bytes that no stream goes on with, such as zeros, is refused.
 *
 * <p><b>Writing</b> uses matches up to 32 KiB back, since {@link Deflater} knows no smaller window.
 * QEMU reads such streams, as does everybody who inflates a cluster in one call; a reader that does
 * it piece by piece with a window of 4 KiB does not. For those there is {@link #withSmallWindow},
 * at the cost of a tenth of the size. {@linkplain NoiseScan Noise} is not tried.
 *
 * <p>Inflaters and deflaters, which hold native memory, are kept for reuse, at most one of each per
 * processor; those beyond that are ended after use.
 */
public final class DeflateCodec implements CompressionCodec {
  /**
   * The level unless another is chosen. zlib's own choice, and QEMU's, is 6: that takes a third
   * more time for a size smaller by half a percent.
   */
  public static final int DEFAULT_LEVEL = 5;

  /**
   * With a small window the stream is made of pieces of this size, each of which may refer to
   * itself and to the one before: no match reaches back 4 KiB or more.
   */
  private static final int SMALL_WINDOW_PIECE = 2048;

  private final int level;
  private final boolean smallWindow;
  private final BlockingQueue<Inflater> inflaters;
  private final BlockingQueue<Deflater> deflaters;

  /** Creates a codec that compresses at {@link #DEFAULT_LEVEL}. */
  public DeflateCodec() {
    this(DEFAULT_LEVEL);
  }

  /**
   * Creates a codec.
   *
   * @param level of compression: from {@link Deflater#BEST_SPEED} to {@link
   *     Deflater#BEST_COMPRESSION}
   */
  public DeflateCodec(int level) {
    this(level, false);
  }

  /**
   * A codec whose streams a reader with a window of 4 KiB can read piece by piece.
   *
   * @param level of compression: from {@link Deflater#BEST_SPEED} to {@link
   *     Deflater#BEST_COMPRESSION}
   */
  public static DeflateCodec withSmallWindow(int level) {
    return new DeflateCodec(level, true);
  }

  private DeflateCodec(int level, boolean smallWindow) {
    if (level < Deflater.BEST_SPEED || level > Deflater.BEST_COMPRESSION) {
      throw new IllegalArgumentException("compression level " + level);
    }
    this.level = level;
    this.smallWindow = smallWindow;
    int kept = Runtime.getRuntime().availableProcessors();
    inflaters = new ArrayBlockingQueue<>(kept);
    deflaters = new ArrayBlockingQueue<>(kept);
  }

  @Override
  public int compressionType() {
    return 0;
  }

  @Override
  public String name() {
    return "deflate";
  }

  /** Whose implementation it is, and its level. */
  @Override
  public String toString() {
    return "JDK, level " + level + (smallWindow ? ", window of 4 KiB" : "");
  }

  @Override
  public int maxLevel() {
    return Deflater.BEST_COMPRESSION;
  }

  @Override
  public DeflateCodec withLevel(int level) {
    return new DeflateCodec(level, smallWindow);
  }

  @Override
  public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
    Inflater pooled = inflaters.poll();
    Inflater inflater = pooled != null ? pooled : new Inflater(true);
    try {
      inflater.setInput(source);
      // One call does all that can be done with this input and this room.
      inflater.inflate(target);
      if (target.hasRemaining()) {
        throw new CodecException("the stream ends " + target.remaining() + " bytes early");
      }
    } catch (DataFormatException e) {
      throw new CodecException("not a deflate stream: " + e.getMessage(), e);
    } finally {
      inflater.reset();
      if (!inflaters.offer(inflater)) {
        inflater.end();
      }
    }
  }

  @Override
  public int compress(ByteBuffer source, ByteBuffer target) {
    if (NoiseScan.isNoise(source)) {
      return NOT_COMPRESSIBLE;
    }
    int sourceStart = source.position();
    int targetStart = target.position();
    Deflater pooled = deflaters.poll();
    Deflater deflater = pooled != null ? pooled : new Deflater(level, true);
    try {
      if (smallWindow) {
        deflateInPieces(deflater, source, target);
      }
      deflater.setInput(source);
      deflater.finish();
      deflater.deflate(target);
      if (deflater.finished()) {
        return target.position() - targetStart;
      }
      source.position(sourceStart);
      target.position(targetStart);
      return NOT_COMPRESSIBLE;
    } finally {
      deflater.reset();
      if (!deflaters.offer(deflater)) {
        deflater.end();
      }
    }
  }

  /**
   * Compresses all but the last piece. A full flush makes the deflater forget what it has seen, and
   * the piece just done is then given back to it as its dictionary.
   */
  private static void deflateInPieces(Deflater deflater, ByteBuffer source, ByteBuffer target) {
    int limit = source.limit();
    while (limit - source.position() > SMALL_WINDOW_PIECE && target.hasRemaining()) {
      int start = source.position();
      deflater.setInput(source.limit(start + SMALL_WINDOW_PIECE));
      deflater.deflate(target, Deflater.FULL_FLUSH);
      deflater.setDictionary(source.slice(start, SMALL_WINDOW_PIECE));
      source.limit(limit);
    }
  }
}
