package io.github.qcow2.allocation;

import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Knows which operations are under way, so that a host cluster is not used again while one of them
 * may still hold its address (I5).
 *
 * <p>Time is cut into phases. An operation belongs to the phase in which it entered; at any moment
 * operations of at most two phases, the current and the one before, are under way. A new phase
 * begins only when the older of the two has drained. So what was unlinked during phase <i>p</i> is
 * out of everybody's reach once phase <i>p</i>&nbsp;+&nbsp;2 has begun.
 *
 * <pre>
 *   phase      p            p+1             p+2
 *          ─────────┬───────────────┬──────────────
 *   unlink ····x    │               │  x is out of reach
 *   reader    ├─────┼───────┤ may hold x
 *                           └ p has drained: p+2 may begin
 * </pre>
 *
 * <p>No lock on the way in or out: each is one atomic addition on a counter that threads share only
 * by chance.
 */
public final class OperationGate {
  /** A power of two. Two neighbours that are both in use are on different cache lines. */
  private static final int STRIPES = 16;

  private static final int LINE = 16;
  private static final int PARITY_STRIDE = STRIPES * LINE;

  private final AtomicIntegerArray active = new AtomicIntegerArray(2 * PARITY_STRIDE);
  private volatile long phase;
  private volatile boolean closed;

  /**
   * An operation begins.
   *
   * @return what {@link #exit} takes, or -1 if the gate is closed
   */
  public int enter() {
    int stripe = stripe();
    while (true) {
      if (closed) {
        return -1;
      }
      long entered = phase;
      int ticket = (int) (entered & 1) * PARITY_STRIDE + stripe;
      active.getAndIncrement(ticket);
      if (phase == entered && !closed) {
        return ticket;
      }
      active.getAndDecrement(ticket);
    }
  }

  /** The operation that got this ticket has ended and holds no host offset any more. */
  public void exit(int ticket) {
    active.getAndDecrement(ticket);
  }

  /** The current phase. */
  public long phase() {
    return phase;
  }

  /**
   * Moves on as far as the operations under way allow, at most two phases.
   *
   * @return the current phase
   */
  public synchronized long advance() {
    for (int i = 0; i < 2 && drained((phase + 1) & 1); i++) {
      phase = phase + 1;
    }
    return phase;
  }

  /**
   * Returns when every operation has ended that was under way at the call. The caller is not inside
   * an operation itself.
   */
  public void awaitOperations() {
    long begun = phase;
    while (advance() < begun + 2) {
      LockSupport.parkNanos(20_000);
    }
  }

  /** Lets nobody in any more and returns when the last operation has ended. */
  public void close() {
    closed = true;
    while (!drained(0) || !drained(1)) {
      LockSupport.parkNanos(20_000);
    }
  }

  private boolean drained(long parity) {
    int base = (int) parity * PARITY_STRIDE;
    for (int i = 0; i < STRIPES; i++) {
      if (active.get(base + i * LINE) != 0) {
        return false;
      }
    }
    return true;
  }

  private static int stripe() {
    long id = Thread.currentThread().getId();
    return ((int) (id ^ (id >>> 4)) & (STRIPES - 1)) * LINE;
  }
}
