package io.github.qcow2;

import io.github.qcow2.transfer.ZeroScan;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Divides what is written into runs of zeros and runs of anything else. A run ends where a unit of
 * the disk does: units are looked at one by one, the first and the last as far as they are written.
 *
 * <pre>
 *   units     │         │         │         │         │
 *   written      ██████··0000000000··██·····0000
 *   runs         ├── data ──┤├ 0 ─┤├─ data ─┤├ 0 ┤
 * </pre>
 *
 * <p>Holds no state; used by any number of threads.
 */
final class ZeroRuns {
  private final int unit;
  private final ZeroMode mode;

  private ZeroRuns(int unit, ZeroMode mode) {
    this.unit = unit;
    this.mode = mode;
  }

  /**
   * Prepares to find runs.
   *
   * @param unit in bytes, a power of two
   * @return null if nothing is to be detected
   */
  static @Nullable ZeroRuns of(ZeroDetection detection, int unit) {
    return switch (detection) {
      case OFF -> null;
      case ON -> new ZeroRuns(unit, ZeroMode.KEEP_ALLOCATED);
      case UNMAP -> new ZeroRuns(unit, ZeroMode.MAY_UNMAP);
    };
  }

  /** What becomes of the space under a run of zeros. */
  ZeroMode mode() {
    return mode;
  }

  /** How many bytes from the buffer's position on are units of zeros; 0 if the first is not. */
  int zeroes(ByteBuffer source, long position) {
    return run(source, position, true);
  }

  /** How many bytes from the buffer's position on are units that are not zeros. */
  int data(ByteBuffer source, long position) {
    return run(source, position, false);
  }

  private int run(ByteBuffer source, long position, boolean zeroes) {
    int length = 0;
    while (length < source.remaining()) {
      int inUnit = (int) ((position + length) & (unit - 1));
      int piece = Math.min(unit - inUnit, source.remaining() - length);
      int from = source.position() + length;
      if (ZeroScan.isZero(source, from, from + piece) != zeroes) {
        break;
      }
      length += piece;
    }
    return length;
  }
}
