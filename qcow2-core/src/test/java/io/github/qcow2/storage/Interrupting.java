package io.github.qcow2.storage;

import java.util.concurrent.atomic.AtomicBoolean;

/** Operations during which the thread that performs them is interrupted. */
final class Interrupting {
  private Interrupting() {}

  /** Interrupts at the first attempt only, after something has happened. */
  static ReopeningChannel.Operation once(
      ReopeningChannel.Operation operation, Runnable beforehand) {
    AtomicBoolean done = new AtomicBoolean();
    return (file, bytes, position) -> {
      if (done.compareAndSet(false, true)) {
        beforehand.run();
        Thread.currentThread().interrupt();
      }
      return operation.on(file, bytes, position);
    };
  }

  /** Interrupts at the first attempt only. */
  static ReopeningChannel.Operation once(ReopeningChannel.Operation operation) {
    return once(operation, () -> {});
  }
}
