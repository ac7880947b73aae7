package io.github.qcow2.allocation;

/**
 * Where in a host cluster the next compressed data may begin.
 *
 * <p>Owns one host offset. Guarded by the lock of the refcount store. A cluster whose count falls
 * to 0 can be handed out for anything, so the cursor leaves it at that moment: bytes appended later
 * would land in somebody else's data.
 */
final class AppendCursor {
  /** No cluster is open: offset 0 is in the header. */
  static final long NONE = 0;

  private final int clusterBits;
  private long next = NONE;

  AppendCursor(int clusterBits) {
    this.clusterBits = clusterBits;
  }

  /** The first byte that is not taken yet, or {@link #NONE}. */
  long next() {
    return next;
  }

  /** The number of the cluster that is open, or -1. */
  long cluster() {
    return next == NONE ? -1 : next >>> clusterBits;
  }

  /** How many bytes are left in the open cluster. */
  int room() {
    int size = 1 << clusterBits;
    return next == NONE ? 0 : size - (int) (next & (size - 1));
  }

  /** Data ends at {@code end}; where that is the end of a cluster, none is open any more. */
  void moveTo(long end) {
    next = (end & ((1L << clusterBits) - 1)) == 0 ? NONE : end;
  }

  /** Nothing more goes into the open cluster. */
  void leave() {
    next = NONE;
  }
}
