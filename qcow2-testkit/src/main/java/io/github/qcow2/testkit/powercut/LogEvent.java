package io.github.qcow2.testkit.powercut;

/**
 * A call that changes a file or makes it durable, as it was recorded. Immutable, but for the moment
 * at which it completed.
 */
final class LogEvent {
  /** Kinds of calls. */
  enum Kind {
    WRITE,
    DISCARD,
    RESIZE,
    BARRIER
  }

  /** The instant of what has not come to pass. */
  static final long NEVER = Long.MAX_VALUE;

  final Kind kind;
  final int file;

  /** First byte of the first sector that a write or discard touches; the size before a resize. */
  final long start;

  /** Whole sectors as they were after a write, zeros for a discard; empty for other kinds. */
  final byte[] sectors;

  /** End of a write, or the size that was set, in bytes; 0 for a discard, which extends nothing. */
  final long end;

  final long issued;

  private volatile long completed = NEVER;

  LogEvent(Kind kind, int file, long start, byte[] sectors, long end, long issued) {
    this.kind = kind;
    this.file = file;
    this.start = start;
    this.sectors = sectors;
    this.end = end;
    this.issued = issued;
  }

  /** Whether this sets a size that adds or removes sectors, rather than part of one. */
  boolean resizesBySectors() {
    return kind == Kind.RESIZE
        && (end < start || DurableFile.sectors(end) != DurableFile.sectors(start));
  }

  void complete(long instant) {
    completed = instant;
  }

  /** When the call returned, or {@link #NEVER}. */
  long completed() {
    return completed;
  }

  /** Whether this barrier makes a change durable that was made before. */
  boolean covers(LogEvent change) {
    return kind == Kind.BARRIER && file == change.file && change.completed < issued;
  }
}
