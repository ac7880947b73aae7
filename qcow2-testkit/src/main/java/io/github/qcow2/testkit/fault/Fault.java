package io.github.qcow2.testkit.fault;

import java.util.EnumSet;
import java.util.Set;

/**
 * Which calls fail, and how. Immutable: each method gives another fault. Calls are counted from the
 * moment at which the fault is {@linkplain Faults#plan planned}.
 */
public final class Fault {
  /** What the host says. */
  public enum Reason {
    /** EIO. */
    IO_ERROR("Input/output error"),
    /** ENOSPC. */
    NO_SPACE("No space left on device");

    private final String message;

    Reason(String message) {
      this.message = message;
    }

    /** What the exception says. */
    public String message() {
      return message;
    }
  }

  private final long number;
  private final Set<StorageCall> calls;
  private final boolean forGood;
  private final Reason reason;
  private final int bytesWritten;

  private Fault(
      long number, Set<StorageCall> calls, boolean forGood, Reason reason, int bytesWritten) {
    this.number = number;
    this.calls = calls;
    this.forGood = forGood;
    this.reason = reason;
    this.bytesWritten = bytesWritten;
  }

  /**
   * One call, of whatever kind, fails with {@link Reason#IO_ERROR} and has no effect.
   *
   * @param number which one: 1 for the next
   */
  public static Fault at(long number) {
    if (number < 1) {
      throw new IllegalArgumentException("call number " + number);
    }
    return new Fault(number, EnumSet.allOf(StorageCall.class), false, Reason.IO_ERROR, 0);
  }

  /** Counts, and fails, only calls of some kinds. */
  public Fault of(StorageCall first, StorageCall... more) {
    return new Fault(number, EnumSet.of(first, more), forGood, reason, bytesWritten);
  }

  /** All that are counted after the first fail too. */
  public Fault forGood() {
    return new Fault(number, calls, true, reason, bytesWritten);
  }

  /** Fails in another way. */
  public Fault with(Reason other) {
    return new Fault(number, calls, forGood, other, bytesWritten);
  }

  /**
   * A write that fails is a short one: some bytes have reached the file by then.
   *
   * @param bytes how many; all, if the write is shorter
   */
  public Fault afterBytes(int bytes) {
    if (bytes < 0) {
      throw new IllegalArgumentException(bytes + " bytes");
    }
    return new Fault(number, calls, forGood, reason, bytes);
  }

  boolean counts(StorageCall call) {
    return calls.contains(call);
  }

  /** Whether the call with this number among those that count fails. */
  boolean hits(long count) {
    return forGood ? count >= number : count == number;
  }

  Reason reason() {
    return reason;
  }

  int bytesWritten() {
    return bytesWritten;
  }

  @Override
  public String toString() {
    return "call "
        + number
        + (forGood ? " and all after it" : "")
        + " of "
        + calls
        + ": "
        + reason.message
        + (bytesWritten > 0 ? " after " + bytesWritten + " bytes" : "");
  }
}
