package io.github.qcow2.transfer;

import java.nio.ByteBuffer;

/**
 * Finds what is zero and what is not in a buffer. Comparing with a block of zeros lets the JVM look
 * at a whole vector at a time.
 */
public final class ZeroScan {
  private static final int WINDOW = 64 * 1024;
  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(WINDOW).asReadOnlyBuffer();

  private ZeroScan() {}

  /** The index of the first byte in {@code [from, to)} that is not zero, or {@code to}. */
  public static int firstNonZero(ByteBuffer bytes, int from, int to) {
    ByteBuffer window = bytes.duplicate();
    for (int at = from; at < to; ) {
      int length = Math.min(WINDOW, to - at);
      window.limit(at + length).position(at);
      ByteBuffer zeroes = ZEROES.duplicate().limit(length);
      int mismatch = window.mismatch(zeroes);
      if (mismatch >= 0) {
        return at + mismatch;
      }
      at += length;
    }
    return to;
  }

  /** Whether every byte in {@code [from, to)} is zero. */
  public static boolean isZero(ByteBuffer bytes, int from, int to) {
    if (to - from >= Long.BYTES && bytes.getLong(from) != 0) {
      // So begins most data, and this is quick before anything is compiled.
      return false;
    }
    return firstNonZero(bytes, from, to) == to;
  }
}
