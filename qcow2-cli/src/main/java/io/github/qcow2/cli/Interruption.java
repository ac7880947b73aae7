package io.github.qcow2.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * Lets a command that is told to stop (Ctrl-C, SIGTERM) tidy up before the process ends. While one
 * is open, the end of the process waits until it is closed, though not for ever.
 */
final class Interruption implements AutoCloseable {
  private static final int PATIENCE_SECONDS = 30;

  private final CountDownLatch tidy = new CountDownLatch(1);
  private final Thread hook = new Thread(this::waitUntilTidy, "tidy-up");
  private volatile boolean requested;

  private Interruption() {}

  /** Starts to listen. */
  static Interruption listen() {
    Interruption interruption = new Interruption();
    Runtime.getRuntime().addShutdownHook(interruption.hook);
    return interruption;
  }

  /** Whether the command was told to stop. */
  boolean isRequested() {
    return requested;
  }

  /** Stops to listen, and lets the process end if it is to. */
  @Override
  public void close() {
    tidy.countDown();
    if (!requested) {
      try {
        Runtime.getRuntime().removeShutdownHook(hook);
      } catch (IllegalStateException e) {
        // The process is about to end, and nothing is left to tidy up.
      }
    }
  }

  private void waitUntilTidy() {
    requested = true;
    try {
      if (!tidy.await(PATIENCE_SECONDS, TimeUnit.SECONDS)) {
        return;
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
