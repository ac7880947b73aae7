package io.github.qcow2.transfer;

import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.progress.Progress;

/**
 * Where whole-image work pauses between two transfers: tells the listener how far it has come, and
 * stops it when the listener or an interrupt says so. For the thread that called {@code run()}.
 */
public final class Checkpoint {
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
  public Checkpoint(Progress progress, String name, String work, long total) {
    this.progress = progress;
    this.name = name;
    this.work = work;
    this.total = total;
  }

  /** Reports that {@code bytes} of all lie behind. */
  public void reached(long bytes) throws OperationCancelledException {
    done = bytes;
    if (Thread.currentThread().isInterrupted()) {
      throw cancelled("interrupted");
    }
    if (!progress.advance(done, total)) {
      throw cancelled("cancelled");
    }
  }

  /** Reports that all is done. */
  public void finished() throws OperationCancelledException {
    reached(total);
  }

  /** The exception for an interrupt that cleared the flag of the calling thread; sets it again. */
  public OperationCancelledException interrupted() {
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
