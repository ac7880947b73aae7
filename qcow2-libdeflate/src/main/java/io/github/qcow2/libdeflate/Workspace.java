package io.github.qcow2.libdeflate;

import com.sun.jna.Native;
import com.sun.jna.Pointer;
import java.nio.ByteBuffer;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import org.jspecify.annotations.Nullable;

/**
 * What one call of the library needs: a compressor for each level used so far, a decompressor, and
 * memory that native code can reach for callers who have only arrays.
 *
 * <p>Owns native memory, which {@link #giveBack} keeps for the next call: at most one workspace for
 * each processor, those beyond are freed. Used by one thread at a time.
 */
final class Workspace {
  /** The levels that the library has. */
  static final int MAX_LEVEL = 12;

  private static final int KEPT = Runtime.getRuntime().availableProcessors();
  private static final BlockingQueue<Workspace> POOL = new ArrayBlockingQueue<>(KEPT);

  private static final ByteBuffer NOTHING = ByteBuffer.allocateDirect(0);

  private final @Nullable Pointer[] compressors = new @Nullable Pointer[MAX_LEVEL + 1];
  private final SingleBlock block = new SingleBlock();
  private @Nullable Pointer decompressor;
  private ByteBuffer input = NOTHING;
  private ByteBuffer output = NOTHING;

  private Workspace() {}

  /** A workspace that nobody else uses until it is given back. */
  static Workspace take() {
    Workspace kept = POOL.poll();
    return kept != null ? kept : new Workspace();
  }

  void giveBack() {
    if (!POOL.offer(this)) {
      free();
    }
  }

  private void free() {
    for (Pointer compressor : compressors) {
      if (compressor != null) {
        Libdeflate.libdeflate_free_compressor(compressor);
      }
    }
    if (decompressor != null) {
      Libdeflate.libdeflate_free_decompressor(decompressor);
    }
  }

  /**
   * Compresses what remains of the source into what remains of the target, and moves both
   * positions.
   *
   * @return the number of bytes, or 0 if they do not fit or the library has no memory; no position
   *     has moved then
   */
  int compress(int level, ByteBuffer source, ByteBuffer target) {
    Pointer compressor = compressor(level);
    if (compressor == null) {
      return 0;
    }
    ByteBuffer from = reachable(source);
    ByteBuffer to = target;
    if (!target.isDirect()) {
      output = atLeast(output, target.remaining());
      to = output.clear().limit(target.remaining());
    }
    int length =
        (int)
            Libdeflate.libdeflate_deflate_compress(
                compressor, address(from), from.remaining(), address(to), to.remaining());
    if (length > 0) {
      source.position(source.limit());
      advance(target, to, length);
    }
    return length;
  }

  /**
   * Fills the target, if the source begins with a stream that is certain to mean the same to
   * everybody.
   *
   * @return whether that is done; otherwise no position has moved, and the target's content is
   *     undefined
   */
  boolean decompress(ByteBuffer source, ByteBuffer target) {
    return block.isBeyondDoubt(source) && decompressUnchecked(source, target);
  }

  /** Fills the target, if the library says that it can. */
  boolean decompressUnchecked(ByteBuffer source, ByteBuffer target) {
    if (decompressor == null) {
      decompressor = Libdeflate.libdeflate_alloc_decompressor();
    }
    Pointer state = decompressor;
    if (state == null) {
      return false;
    }
    ByteBuffer from = reachable(source);
    ByteBuffer to = target;
    int length = target.remaining();
    if (!target.isDirect()) {
      output = atLeast(output, length);
      to = output.clear().limit(length);
    }
    int result =
        Libdeflate.libdeflate_deflate_decompress(
            state, address(from), from.remaining(), address(to), length, 0);
    if (result != Libdeflate.SUCCESS) {
      return false;
    }
    advance(target, to, length);
    return true;
  }

  private @Nullable Pointer compressor(int level) {
    Pointer compressor = compressors[level];
    if (compressor == null) {
      compressor = Libdeflate.libdeflate_alloc_compressor(level);
      compressors[level] = compressor;
    }
    return compressor;
  }

  /** The remaining bytes where native code can reach them; the buffer given stays as it is. */
  private ByteBuffer reachable(ByteBuffer source) {
    if (source.isDirect()) {
      return source;
    }
    input = atLeast(input, source.remaining());
    return input.clear().put(source.duplicate()).flip();
  }

  /** Takes over what the library has put into {@code from}, which may be the target itself. */
  private static void advance(ByteBuffer target, ByteBuffer from, int length) {
    if (target.isDirect()) {
      target.position(target.position() + length);
    } else {
      target.put(from.position(0).limit(length));
    }
  }

  private static ByteBuffer atLeast(ByteBuffer buffer, int bytes) {
    return buffer.capacity() >= bytes ? buffer : ByteBuffer.allocateDirect(bytes);
  }

  private static long address(ByteBuffer buffer) {
    return Pointer.nativeValue(Native.getDirectBufferPointer(buffer)) + buffer.position();
  }
}
