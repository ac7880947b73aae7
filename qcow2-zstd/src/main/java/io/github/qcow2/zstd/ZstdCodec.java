package io.github.qcow2.zstd;

import com.github.luben.zstd.Zstd;
import com.github.luben.zstd.ZstdCompressCtx;
import com.github.luben.zstd.ZstdDecompressCtx;
import com.github.luben.zstd.ZstdException;
import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

/**
 * zstd (RFC 8878): compression type 1.
 *
 * <p><b>Reading</b> takes one frame after the other until the cluster is full, as QEMU does. The
 * length of a frame is found from its blocks first, because what follows it belongs to others and
 * the library refuses what is not a frame. A frame with more content than the cluster has room for
 * is refused. Decompression goes straight into the target, so memory does not depend on what a
 * frame says about its window.
 *
 * <p><b>Writing</b> makes one frame without checksum.
 *
 * <p>Contexts, which hold native memory, are kept for reuse by all codecs, at most one of each kind
 * per processor; those beyond that are closed after use.
 */
public final class ZstdCodec implements CompressionCodec {
  /** The compromise between size and speed that zstd, and hence QEMU, makes by default. */
  public static final int DEFAULT_LEVEL = 3;

  private static final int CONTEXTS_KEPT = Runtime.getRuntime().availableProcessors();
  private static final BlockingQueue<ZstdCompressCtx> COMPRESSORS =
      new ArrayBlockingQueue<>(CONTEXTS_KEPT);
  private static final BlockingQueue<ZstdDecompressCtx> DECOMPRESSORS =
      new ArrayBlockingQueue<>(CONTEXTS_KEPT);

  private final int level;

  /** Creates a codec that compresses at {@link #DEFAULT_LEVEL}. */
  public ZstdCodec() {
    this(DEFAULT_LEVEL);
  }

  /**
   * Creates a codec.
   *
   * @param level of compression, from 1, which is fastest, to 22
   */
  public ZstdCodec(int level) {
    if (level < 1 || level > Zstd.maxCompressionLevel()) {
      throw new IllegalArgumentException("compression level " + level);
    }
    this.level = level;
  }

  @Override
  public int compressionType() {
    return 1;
  }

  @Override
  public String name() {
    return "zstd";
  }

  /** Whose implementation it is, and its level. */
  @Override
  public String toString() {
    return "zstd-jni, level " + level;
  }

  @Override
  public int maxLevel() {
    return Zstd.maxCompressionLevel();
  }

  @Override
  public ZstdCodec withLevel(int level) {
    return new ZstdCodec(level);
  }

  @Override
  public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
    ByteBuffer from = direct(source);
    ByteBuffer to = target.isDirect() ? target : ByteBuffer.allocateDirect(target.remaining());
    ZstdDecompressCtx pooled = DECOMPRESSORS.poll();
    ZstdDecompressCtx context = pooled != null ? pooled : new ZstdDecompressCtx();
    try {
      while (to.hasRemaining()) {
        decompressFrame(context, from, to);
      }
    } catch (ZstdException e) {
      throw new CodecException("not a zstd frame, or too long a one: " + e.getMessage(), e);
    } finally {
      if (!DECOMPRESSORS.offer(context)) {
        context.close();
      }
    }
    if (!target.isDirect()) {
      target.put(to.flip());
    }
  }

  private static void decompressFrame(ZstdDecompressCtx context, ByteBuffer from, ByteBuffer to)
      throws CodecException {
    if (!from.hasRemaining()) {
      throw new CodecException("the frames end " + to.remaining() + " bytes early");
    }
    long length =
        Zstd.findDirectByteBufferFrameCompressedSize(from, from.position(), from.remaining());
    if (Zstd.isError(length) || length <= 0 || length > from.remaining()) {
      throw new CodecException(
          "no zstd frame where " + to.remaining() + " bytes of the cluster are still missing");
    }
    int written =
        context.decompressDirectByteBuffer(
            to, to.position(), to.remaining(), from, from.position(), (int) length);
    from.position(from.position() + (int) length);
    to.position(to.position() + written);
  }

  @Override
  public int compress(ByteBuffer source, ByteBuffer target) {
    if (!target.hasRemaining()) {
      return NOT_COMPRESSIBLE;
    }
    ByteBuffer from = direct(source);
    ByteBuffer to = target.isDirect() ? target : ByteBuffer.allocateDirect(target.remaining());
    ZstdCompressCtx pooled = COMPRESSORS.poll();
    ZstdCompressCtx context = pooled != null ? pooled : new ZstdCompressCtx();
    try {
      context.setLevel(level);
      int length =
          context.compressDirectByteBuffer(
              to, to.position(), to.remaining(), from, from.position(), from.remaining());
      source.position(source.limit());
      if (target.isDirect()) {
        target.position(target.position() + length);
      } else {
        target.put(to.limit(length));
      }
      return length;
    } catch (ZstdException e) {
      if (e.getErrorCode() == Zstd.errDstSizeTooSmall()) {
        return NOT_COMPRESSIBLE;
      }
      throw e;
    } finally {
      if (!COMPRESSORS.offer(context)) {
        context.close();
      }
    }
  }

  /** The remaining bytes where native code can reach them; the buffer given stays as it is. */
  private static ByteBuffer direct(ByteBuffer source) {
    ByteBuffer view = source.duplicate();
    if (view.isDirect()) {
      return view;
    }
    return ByteBuffer.allocateDirect(view.remaining()).put(view).flip();
  }
}
