package io.github.qcow2.mapping;

import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * What {@link GuestMap#resolve} found: guest bytes in a row that are stored in the same way. Made
 * once per request and filled again for each step of it; used by one thread.
 */
public final class Mapping {
  /** How the bytes are stored. */
  public enum Kind {
    /** Not in this image: the backing file decides, and zeros where there is none. */
    UNALLOCATED,
    /** Recorded as zeros. */
    ZERO,
    /** At the host offset. */
    DATA,
    /** In the one compressed cluster that the descriptor tells. */
    COMPRESSED
  }

  /** What {@link #hostOffset()} gives where the bytes have no place of their own. */
  public static final long NO_OFFSET = -1;

  private @Nullable Kind kind;
  private long hostOffset;
  private long length;
  private boolean exclusive;
  private long descriptor;

  void set(Kind kind, long hostOffset, boolean exclusive, long descriptor, long length) {
    this.kind = kind;
    this.hostOffset = hostOffset;
    this.exclusive = exclusive;
    this.descriptor = descriptor;
    this.length = length;
  }

  /** How the bytes are stored. */
  public Kind kind() {
    return Objects.requireNonNull(kind);
  }

  /**
   * Where the first byte is in the host file: for {@link Kind#DATA} always; for {@link Kind#ZERO}
   * and {@link Kind#UNALLOCATED} where space is kept for it; else {@link #NO_OFFSET}.
   */
  public long hostOffset() {
    return hostOffset;
  }

  /** How many bytes, at least one. A compressed cluster is never joined with its neighbours. */
  public long length() {
    return length;
  }

  /** Whether the bytes are data in clusters that nobody else refers to, as COPIED has it. */
  boolean inPlace() {
    return kind == Kind.DATA && exclusive;
  }

  /** The L2 entry of a compressed cluster. */
  public long descriptor() {
    return descriptor;
  }
}
