package io.github.qcow2.testkit.fault;

import java.util.EnumSet;
import java.util.Set;

/**
 * Which calls fail, and how. Immutable: each method gives another fault. Calls are counted from the
 * moment at which the fault is {@linkplain Faults#plan planned}.
 */
public final class Fault {
  private static final int SECTOR = 512;

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
  private final int written;
  private final boolean inSectors;

  private Fault(
      long number,
      Set<StorageCall> calls,
      boolean forGood,
      Reason reason,
      int written,
      boolean inSectors) {
    this.number = number;
    this.calls = calls;
    this.forGood = forGood;
    this.reason = reason;
    this.written = written;
    this.inSectors = inSectors;
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
    return new Fault(number, EnumSet.allOf(StorageCall.class), false, Reason.IO_ERROR, 0, false);
  }

  /** Counts, and fails, only calls of some kinds. */
  public Fault of(StorageCall first, StorageCall... more) {
    return new Fault(number, EnumSet.of(first, more), forGood, reason, written, inSectors);
  }

  /** All that are counted after the first fail too. */
  public Fault forGood() {
    return new Fault(number, calls, true, reason, written, inSectors);
  }

  /** Fails in another way. */
  public Fault with(Reason other) {
    return new Fault(number, calls, forGood, other, written, inSectors);
  }

  /**
   * A write that fails is a short one: some bytes have reached the file by then.
   *
   * @param bytes how many; all, if the write is shorter
   */
  public Fault afterBytes(int bytes) {
    return shortWrite(bytes, false);
  }

  /**
   * A write that fails is a short one, which ends between two sectors of the file.
   *
   * @param sectors how many sectors of 512 bytes it reaches, the first of them perhaps in part;
   *     all, if the write is shorter
   */
  public Fault afterSectors(int sectors) {
    return shortWrite(sectors, true);
  }

  private Fault shortWrite(int length, boolean inSectors) {
    if (length < 0) {
      throw new IllegalArgumentException("a write of length " + length);
    }
    return new Fault(number, calls, forGood, reason, length, inSectors);
  }

  boolean counts(StorageCall call) {
    return calls.contains(call);
  }

  /** Whether all calls after the first fail too. */
  public boolean isForGood() {
    return forGood;
  }

  /** Whether the call with this number among those that count fails. */
  boolean hits(long count) {
    return forGood ? count >= number : count == number;
  }

  Reason reason() {
    return reason;
  }

  /** How many bytes of a write at a position reach the file before it fails, at most. */
  long bytesWritten(long position) {
    return written == 0 || !inSectors ? written : (long) written * SECTOR - position % SECTOR;
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
        + (written > 0 ? " after " + written + (inSectors ? " sectors" : " bytes") : "");
  }
}
