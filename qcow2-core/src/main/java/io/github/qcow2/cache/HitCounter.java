package io.github.qcow2.cache;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;

/**
 * Counts something that happens far more often than anybody asks for the count.
 *
 * <p>Threads add to different cells, far enough apart not to share a cache line, and add without an
 * atomic instruction, which would cost as much as the lookup that is counted. Two threads in the
 * same cell may lose counts to each other; one thread alone never does.
 */
final class HitCounter {
  private static final VarHandle CELLS = MethodHandles.arrayElementVarHandle(long[].class);

  /** A power of two; threads are told apart by the low bits of their ids, which are sequential. */
  private static final int CELL_COUNT = 32;

  /** In longs: two cache lines, because processors fetch them in pairs. */
  private static final int DISTANCE = 16;

  private final long[] cells = new long[CELL_COUNT * DISTANCE];

  void increment() {
    int cell = (int) (Thread.currentThread().getId() & (CELL_COUNT - 1)) * DISTANCE;
    CELLS.setOpaque(cells, cell, (long) CELLS.getOpaque(cells, cell) + 1);
  }

  long sum() {
    long sum = 0;
    for (int cell = 0; cell < cells.length; cell += DISTANCE) {
      sum += (long) CELLS.getOpaque(cells, cell);
    }
    return sum;
  }
}
