package io.github.qcow2.mapping;

import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Lets one operation at a time change how a guest cluster is mapped.
 *
 * <p>Whoever allocates, zeroes or discards holds the guest clusters concerned while it copies,
 * writes and publishes. A second writer into the same unallocated cluster waits, and then finds the
 * cluster there and writes in place: one copy-on-write serves both. Reads, and writes in place,
 * take no part.
 *
 * <p>A thread holds at most one range at a time, so no two can wait for each other. Waiting ignores
 * interrupts.
 */
public final class ClusterLocks {
  /** Guest clusters that are held, from the first to the last. */
  public static final class Range {
    private final long first;
    private final long last;

    private Range(long first, long last) {
      this.first = first;
      this.last = last;
    }
  }

  private final ReentrantLock lock = new ReentrantLock();
  private final Condition released = lock.newCondition();

  /** Guarded by {@link #lock}; as long as there are operations, so short. */
  private final List<Range> held = new ArrayList<>();

  /** Waits until nobody holds a cluster from {@code first} to {@code last}, then holds them all. */
  public Range acquire(long first, long last) {
    lock.lock();
    try {
      while (isHeld(first, last)) {
        released.awaitUninterruptibly();
      }
      Range range = new Range(first, last);
      held.add(range);
      return range;
    } finally {
      lock.unlock();
    }
  }

  /** Lets go of what {@link #acquire} gave. */
  public void release(Range range) {
    lock.lock();
    try {
      held.remove(range);
      released.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private boolean isHeld(long first, long last) {
    for (Range range : held) {
      if (first <= range.last && range.first <= last) {
        return true;
      }
    }
    return false;
  }
}
