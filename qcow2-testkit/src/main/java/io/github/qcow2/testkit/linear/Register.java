package io.github.qcow2.testkit.linear;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One sector, and those of its values that it may still hold. Not thread-safe.
 *
 * <p>Of each value it knows two moments: when the first of the operations that wrote or read it was
 * over, and when the last of them began.
 *
 * <pre>
 *   write 7   ├────────┤
 *   read 7         ├─────────┤
 *   read 7                     ├────┤
 *                      ▲       ▲
 *                  firstEnd  lastBegin      the sector held 7 from firstEnd to lastBegin
 * </pre>
 *
 * <p>Two values contradict each other exactly if something about each of them was over before
 * something about the other began; a history in which no two values do is linearizable, and no
 * other is (P. Gibbons and E. Korach, "Testing shared memories", 1997, for histories in which each
 * value is written once). Further operations only move {@code firstEnd} back and {@code lastBegin}
 * on, so a contradiction never goes away.
 *
 * <p>A value is forgotten once a read of it that is still to begin would be a contradiction.
 */
final class Register {
  private static final long NEVER = Long.MAX_VALUE;

  /** A value, and what is known of the operations that wrote and read it. */
  static final class Value {
    final long write;

    /** Zeros look the same whoever wrote them. */
    final boolean zero;

    private long firstEnd = NEVER;
    private long lastBegin;

    private Value(long write, boolean zero, long begin) {
      this.write = write;
      this.zero = zero;
      this.lastBegin = begin;
    }

    private boolean contradicts(Value other) {
      return firstEnd < other.lastBegin && other.firstEnd < lastBegin;
    }

    private boolean wouldContradict(Value other, long begin, long end) {
      return Math.min(firstEnd, end) < other.lastBegin
          && other.firstEnd < Math.max(lastBegin, begin);
    }

    private void add(long begin, long end) {
      firstEnd = Math.min(firstEnd, end);
      lastBegin = Math.max(lastBegin, begin);
    }

    /** Whether nobody who begins from now on can find it, since the other one came after it. */
    private boolean isPast(Value other, long now) {
      return firstEnd < other.lastBegin && other.firstEnd < now;
    }

    @Override
    public String toString() {
      String held = firstEnd == NEVER ? "being written" : "first over at " + firstEnd;
      return (zero ? "zeros of write " : "write ")
          + write
          + " ("
          + held
          + ", last begun at "
          + lastBegin
          + ")";
    }
  }

  private final List<Value> values = new ArrayList<>(2);

  /** A sector that has held a value since before the beginning of time. */
  Register(long write) {
    Value value = new Value(write, write == SectorStamp.ZERO, -1);
    value.firstEnd = -1;
    values.add(value);
  }

  /** A write begins. */
  Value beginWrite(long write, boolean zero, long begin) {
    Value value = new Value(write, zero, begin);
    values.add(value);
    return value;
  }

  /** A write has ended. */
  @Nullable String endWrite(Value value, long begin, long end) {
    value.add(begin, end);
    return contradiction(value);
  }

  /**
   * A read has found the value of a write, or zeros.
   *
   * @return what is wrong with that, or null
   */
  @Nullable String read(long write, long begin, long end) {
    if (write == SectorStamp.ZERO) {
      return readZeros(begin, end);
    }
    for (Value value : values) {
      if (!value.zero && value.write == write) {
        value.add(begin, end);
        return contradiction(value);
      }
    }
    return "write " + write + " has been overwritten, or has never been";
  }

  /** Several writes of zeros may have been meant; if only one can have been, it was that one. */
  private @Nullable String readZeros(long begin, long end) {
    Value only = null;
    for (Value value : values) {
      if (value.zero && explains(value, begin, end)) {
        if (only != null) {
          return null;
        }
        only = value;
      }
    }
    if (only == null) {
      return "zeros have been overwritten, or have never been";
    }
    only.add(begin, end);
    return null;
  }

  private boolean explains(Value value, long begin, long end) {
    for (Value other : values) {
      if (other != value && value.wouldContradict(other, begin, end)) {
        return false;
      }
    }
    return true;
  }

  private @Nullable String contradiction(Value value) {
    for (Value other : values) {
      if (other != value && value.contradicts(other)) {
        return value + " contradicts " + other;
      }
    }
    return null;
  }

  /**
   * Forgets what nobody can find any more.
   *
   * @param now when the oldest of the operations under way began
   */
  void forget(long now) {
    if (values.size() < 2) {
      return;
    }
    List<Value> past = new ArrayList<>();
    for (Value value : values) {
      if (isPast(value, now)) {
        past.add(value);
      }
    }
    for (Iterator<Value> all = values.iterator(); all.hasNext(); ) {
      if (past.contains(all.next())) {
        all.remove();
      }
    }
  }

  private boolean isPast(Value value, long now) {
    for (Value other : values) {
      if (other != value && value.isPast(other, now)) {
        return true;
      }
    }
    return false;
  }

  /** The values that the sector may hold, for messages. */
  @Override
  public String toString() {
    return values.toString();
  }

  /** How many values the sector may hold. */
  int size() {
    return values.size();
  }
}
