package io.github.qcow2.check;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.Qcow2Exception;

/**
 * What a check may spend on one image: bytes of memory for its books and bytes of tables to read.
 * An honest image stays far below; one made to waste time or memory is refused when it gets there.
 * An interrupt of the calling thread ends the spending, too.
 */
final class CheckBudget {
  private final String image;
  private final long memoryLimit;
  private final long tableLimit;
  private long memory;
  private long tables;

  CheckBudget(String image, long memoryLimit, long tableLimit) {
    this.image = image;
    this.memoryLimit = memoryLimit;
    this.tableLimit = tableLimit;
  }

  /**
   * Accounts for memory, before it is allocated.
   *
   * @param bytes negative for memory that is given back
   */
  void memory(long bytes) throws LimitExceededException {
    memory += bytes;
    if (memory > memoryLimit) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "a check of this image needs more than the " + memoryLimit + " bytes of memory allowed");
    }
  }

  /**
   * Accounts for bytes of tables, before they are read. For the calling thread.
   *
   * @throws OperationCancelledException if the thread is interrupted
   */
  void tables(long bytes) throws Qcow2Exception {
    if (Thread.currentThread().isInterrupted()) {
      throw new OperationCancelledException(
          image, Qcow2Exception.NO_OFFSET, "the check was interrupted");
    }
    tables += bytes;
    if (tables > tableLimit) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "a check of this image has to read more than the "
              + tableLimit
              + " bytes of tables allowed");
    }
  }
}
