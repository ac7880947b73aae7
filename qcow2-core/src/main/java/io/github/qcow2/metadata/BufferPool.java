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

  /** Per size; two cores rarely have more operations than this in the middle of a transfer. */
  private static final int KEPT = 8;

  @SuppressWarnings({"unchecked", "rawtypes"})
  private final ArrayBlockingQueue<ByteBuffer>[] free =
      new ArrayBlockingQueue[LARGEST_BITS - SMALLEST_BITS + 1];

  /** An empty pool. */
  public BufferPool() {
    for (int i = 0; i < free.length; i++) {
      free[i] = new ArrayBlockingQueue<>(KEPT);
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
