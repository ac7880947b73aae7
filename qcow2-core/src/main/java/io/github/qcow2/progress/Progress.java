package io.github.qcow2.progress;

/**
 * Told how far whole-image work has come, and asked whether to go on. Called between transfers, on
 * the thread that called {@code run()}, so an implementation needs no lock but should be quick.
 */
@FunctionalInterface
public interface Progress {
  /** Listens to nothing and never cancels. */
  Progress NONE = (doneBytes, totalBytes) -> true;

  /**
   * Reports one step.
   *
   * @param doneBytes how much lies behind, from 0 to {@code totalBytes}; never less than before
   * @param totalBytes how much there is in all; the same at every call of one run
   * @return false to cancel: {@code run()} then throws {@link
   *     io.github.qcow2.error.OperationCancelledException}
   */
  boolean advance(long doneBytes, long totalBytes);
}
