package io.github.qcow2.metadata;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.concurrent.ArrayBlockingQueue;

/**
 * Direct buffers to be used again, in power-of-two sizes from 4 KiB to 4 MiB. Thread-safe. At most
 * a few buffers of each size are kept; more may be out at the same time, one for each operation
 * that needs one.
 */
public final class BufferPool {
  private static final int SMALLEST_BITS = 12;
  private static final int LARGEST_BITS = 22;

  /** The largest buffer there is, in bytes: what a compressed cluster of 2 MiB can span. */
  public static final int LARGEST = 1 << LARGEST_BITS;

  /** Buffers kept, of sizes up to 64 KiB and above: 12 MiB in all. */
  private static final int SMALL_KEPT = 32;

  private static final int LARGE_KEPT = 1;
  private static final int SMALL_BITS = 16;

  private static final BufferPool SHARED = new BufferPool();

  @SuppressWarnings({"unchecked", "rawtypes"})
  private final ArrayBlockingQueue<ByteBuffer>[] free =
      new ArrayBlockingQueue[LARGEST_BITS - SMALLEST_BITS + 1];

  /** The pool of all images: what it keeps does not grow with their number. */
  public static BufferPool shared() {
    return SHARED;
  }

  /** An empty pool. */
  public BufferPool() {
    for (int i = 0; i < free.length; i++) {
      int kept = SMALLEST_BITS + i <= SMALL_BITS ? SMALL_KEPT : LARGE_KEPT;
      free[i] = new ArrayBlockingQueue<>(kept);
    }
  }

  /**
   * A big-endian direct buffer of {@code length} bytes between position 0 and its limit, with
   * unspecified content.
   *
   * @param length from 1 to {@link #LARGEST}
   */
  public ByteBuffer take(int length) {
    int index = sizeClass(length);
    ByteBuffer buffer = free[index].poll();
    if (buffer == null) {
      buffer = ByteBuffer.allocateDirect(1 << (SMALLEST_BITS + index));
    }
    buffer.order(ByteOrder.BIG_ENDIAN).clear().limit(length);
    return buffer;
  }

  /** Gives a buffer back; the caller keeps no reference. */
  public void give(ByteBuffer buffer) {
    free[sizeClass(buffer.capacity())].offer(buffer);
  }

  private static int sizeClass(int length) {
    int bits = Integer.SIZE - Integer.numberOfLeadingZeros(length - 1);
    return Math.max(bits, SMALLEST_BITS) - SMALLEST_BITS;
  }
}
