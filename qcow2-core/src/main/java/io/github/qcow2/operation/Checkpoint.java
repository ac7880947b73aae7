package io.github.qcow2.operation;

import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.Qcow2Exception;

/**
 * Where whole-image work pauses between two transfers: tells the listener how far it has come, and
 * stops it when the listener or an interrupt says so. For the thread that called {@code run()}.
 */
final class Checkpoint {
  private final Progress progress;
  private final String name;
  private final String work;
  private final long total;
  private long done;

  /**
   * One for each run.
   *
   * @param progress who is told
   * @param name the image that exceptions name
   * @param work what is being done, for exceptions
   * @param total how many bytes there are in all
   */
  Checkpoint(Progress progress, String name, String work, long total) {
    this.progress = progress;
    this.name = name;
    this.work = work;
    this.total = total;
  }

  /** Reports that {@code bytes} of all lie behind. */
  void reached(long bytes) throws OperationCancelledException {
    done = bytes;
    if (Thread.currentThread().isInterrupted()) {
      throw cancelled("interrupted");
    }
    if (!progress.advance(done, total)) {
      throw cancelled("cancelled");
    }
  }

  /** Reports that all is done. */
  void finished() throws OperationCancelledException {
    reached(total);
  }

  /** The exception for an interrupt that cleared the flag of the calling thread; sets it again. */
  OperationCancelledException interrupted() {
    Thread.currentThread().interrupt();
    return cancelled("interrupted");
  }

  private OperationCancelledException cancelled(String how) {
    return new OperationCancelledException(
        name,
        Qcow2Exception.NO_OFFSET,
        work + " was " + how + " after " + done + " of " + total + " bytes");
  }
}
