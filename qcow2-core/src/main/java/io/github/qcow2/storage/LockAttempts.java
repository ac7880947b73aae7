package io.github.qcow2.storage;

import java.io.IOException;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * How often, and after which pauses, it is tried to lock a file. Two programs that try at the same
 * moment may find each other's attempt rather than a lock, so it takes several attempts to be
 * refused. An interrupt neither ends nor hastens them.
 */
final class LockAttempts {
  private static final int ATTEMPTS = 6;

  /** Grows with each attempt, so that a refusal takes a tenth of a second. */
  private static final long PAUSE_NANOS = TimeUnit.MILLISECONDS.toNanos(2);

  private LockAttempts() {}

  /** Tries once. */
  @FunctionalInterface
  interface Attempt {
    /** Returns null if the locks are taken, otherwise who is in the way. */
    @Nullable String make() throws IOException;
  }

  /**
   * Tries until it succeeds, or often enough.
   *
   * @param pause waits for so many nanoseconds
   * @return null if it has succeeded, otherwise who was in the way last
   */
  static @Nullable String make(Attempt attempt, LongConsumer pause) throws IOException {
    boolean interrupted = Thread.interrupted();
    try {
      String obstacle = attempt.make();
      for (int made = 1; made < ATTEMPTS && obstacle != null; made++) {
        interrupted |= Thread.interrupted();
        long longest = PAUSE_NANOS << made;
        pause.accept(ThreadLocalRandom.current().nextLong(longest / 2, longest));
        interrupted |= Thread.interrupted();
        obstacle = attempt.make();
      }
      return obstacle;
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
