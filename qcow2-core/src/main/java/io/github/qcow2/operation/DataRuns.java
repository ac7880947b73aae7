package io.github.qcow2.operation;

import io.github.qcow2.transfer.ZeroScan;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Which parts of a buffer are data and which are zeros: runs of blocks that are alike, one behind
 * the other. A block is zeros if all its bytes are.
 */
final class DataRuns {
  private boolean startsWithZeroes;

  /** Where each run ends, of which there are {@link #count}. */
  private int[] ends = new int[4];

  private int count;

  private DataRuns() {}

  /**
   * Looks at all bytes of a buffer.
   *
   * @param bytes from position 0 to the limit; at least one
   * @param position the guest offset of the first byte
   * @param blockSize in bytes; blocks are counted from guest byte 0, so that the first and the last
   *     may be short
   */
  static DataRuns of(ByteBuffer bytes, long position, int blockSize) {
    DataRuns runs = new DataRuns();
    int end = bytes.limit();
    int firstEnd = (int) Math.min(end, blockSize - position % blockSize);
    int from = 0;
    int to = firstEnd;
    boolean zero = ZeroScan.isZero(bytes, from, to);
    runs.startsWithZeroes = zero;
    while (to < end) {
      if (zero) {
        // As far as there are zeros, in whole blocks.
        int data = ZeroScan.firstNonZero(bytes, to, end);
        to = data == end ? end : to + (data - to) / blockSize * blockSize;
      } else {
        int next = Math.min(end - to, blockSize) + to;
        while (to < end && !ZeroScan.isZero(bytes, to, next)) {
          to = next;
          next = Math.min(end - to, blockSize) + to;
        }
      }
      if (to < end) {
        runs.add(to);
        zero = !zero;
        to = Math.min(end - to, blockSize) + to;
      }
    }
    runs.add(end);
    return runs;
  }

  /** How many runs there are. */
  int count() {
    return count;
  }

  /** Whether a run is zeros. */
  boolean isZero(int run) {
    return startsWithZeroes == (run % 2 == 0);
  }

  /** The index of the first byte of a run. */
  int start(int run) {
    return run == 0 ? 0 : ends[run - 1];
  }

  /** The index behind the last byte of a run. */
  int end(int run) {
    return ends[run];
  }

  private void add(int end) {
    if (count == ends.length) {
      ends = Arrays.copyOf(ends, 2 * count);
    }
    ends[count++] = end;
  }
}
