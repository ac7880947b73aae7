package io.github.qcow2.testkit.linear;

import java.nio.ByteBuffer;
import java.util.TreeSet;
import java.util.concurrent.atomic.AtomicReferenceArray;
import org.jspecify.annotations.Nullable;

/**
 * Checks that a disk is linearizable, sector by sector: a read returns the value of the latest
 * write that was over before it began, or of one that was under way meanwhile, and no read goes
 * back behind what an earlier one has found. Thread-safe.
 *
 * <p>Each operation is announced before it begins; what it did is reported after its end. The check
 * is complete but for zeros: where several writes of zeros come into question, a read of zeros
 * proves nothing.
 *
 * <p>Memory is proportional to the number of sectors used, and to that of the operations under way.
 */
public final class SectorRegisters {
  /** Those of sectors that nobody has touched are not there yet. */
  private final AtomicReferenceArray<@Nullable Register> registers;

  private final long initial;

  /** Guards the two below. */
  private final Object clockLock = new Object();

  private final TreeSet<Long> underWay = new TreeSet<>();
  private long clock;

  /** An operation that is under way. */
  public abstract static class Operation {
    final long begin;
    final int first;
    final int count;

    Operation(long begin, int first, int count) {
      this.begin = begin;
      this.first = first;
      this.count = count;
    }
  }

  /** A read that is under way. */
  public static final class Read extends Operation {
    private Read(long begin, int first, int count) {
      super(begin, first, count);
    }
  }

  /** A write, of data or of zeros, that is under way. */
  public static final class Write extends Operation {
    private final Register.Value[] values;

    private Write(long begin, int first, int count) {
      super(begin, first, count);
      this.values = new Register.Value[count];
    }

    /** The number that the sectors written are to carry. */
    public long number() {
      return begin;
    }
  }

  /**
   * A disk that nobody uses yet.
   *
   * @param sectors how many
   * @param initial the number of the write that every sector seems to come from: 0 for zeros, or a
   *     negative number
   */
  public SectorRegisters(int sectors, long initial) {
    if (initial > 0) {
      throw new IllegalArgumentException("initial " + initial);
    }
    this.registers = new AtomicReferenceArray<>(sectors);
    this.initial = initial;
  }

  private Register register(int sector) {
    Register register = registers.get(sector);
    if (register == null) {
      Register fresh = new Register(initial);
      register = registers.compareAndExchange(sector, null, fresh);
      return register == null ? fresh : register;
    }
    return register;
  }

  /** How many sectors there are. */
  public int sectors() {
    return registers.length();
  }

  /** Announces a read of some sectors. */
  public Read beginRead(int first, int count) {
    return new Read(begin(), first, count);
  }

  /** Announces a write to some sectors, which are to carry its {@link Write#number()}. */
  public Write beginWrite(int first, int count) {
    return beginWrite(first, count, false);
  }

  /** Announces that some sectors become zeros. */
  public Write beginZero(int first, int count) {
    return beginWrite(first, count, true);
  }

  private Write beginWrite(int first, int count, boolean zero) {
    Write write = new Write(begin(), first, count);
    for (int i = 0; i < count; i++) {
      Register register = register(first + i);
      synchronized (register) {
        write.values[i] = register.beginWrite(write.begin, zero, write.begin);
      }
    }
    return write;
  }

  /**
   * A write has ended.
   *
   * @throws NotLinearizable if that contradicts something that has been read
   */
  public void end(Write write) {
    long end = tick();
    long oldest = oldest();
    try {
      for (int i = 0; i < write.count; i++) {
        Register register = register(write.first + i);
        synchronized (register) {
          judge(write.first + i, register.endWrite(write.values[i], write.begin, end), write, end);
          register.forget(oldest);
        }
      }
    } finally {
      leave(write);
    }
  }

  /**
   * A read has ended.
   *
   * @param bytes what it found, between position 0 and the limit
   * @throws NotLinearizable if it must not have found that
   */
  public void end(Read read, ByteBuffer bytes) {
    long end = tick();
    long oldest = oldest();
    try {
      for (int i = 0; i < read.count; i++) {
        check(read, bytes, i, end, oldest);
      }
    } finally {
      leave(read);
    }
  }

  private void check(Read read, ByteBuffer bytes, int index, long end, long oldest) {
    int sector = read.first + index;
    Register register = register(sector);
    synchronized (register) {
      long last = Long.MIN_VALUE;
      for (int part = 0; part < SectorStamp.parts(); part++) {
        long write = SectorStamp.write(bytes, index * SectorStamp.SECTOR, part, sector);
        // A host need not move a sector in one piece: each part must be right by itself.
        if (write != last) {
          judge(sector, register.read(write, read.begin, end), read, end);
          last = write;
        }
      }
      register.forget(oldest);
    }
  }

  private void judge(int sector, @Nullable String problem, Operation operation, long end) {
    if (problem != null) {
      throw new NotLinearizable(
          "sector "
              + sector
              + ", "
              + operation.getClass().getSimpleName().toLowerCase(java.util.Locale.ROOT)
              + " from "
              + operation.begin
              + " to "
              + end
              + ": "
              + problem
              + "; it may hold "
              + register(sector));
    }
  }

  private long begin() {
    synchronized (clockLock) {
      clock++;
      underWay.add(clock);
      return clock;
    }
  }

  private long tick() {
    synchronized (clockLock) {
      clock++;
      return clock;
    }
  }

  /** When the oldest of the operations under way began; the caller's own is one of them. */
  private long oldest() {
    synchronized (clockLock) {
      return underWay.first();
    }
  }

  private void leave(Operation operation) {
    synchronized (clockLock) {
      underWay.remove(operation.begin);
    }
  }

  /** The most values that any sector may hold: a measure of what is kept in memory. */
  int mostValues() {
    int most = 0;
    for (int sector = 0; sector < registers.length(); sector++) {
      Register register = registers.get(sector);
      if (register != null) {
        synchronized (register) {
          most = Math.max(most, register.size());
        }
      }
    }
    return most;
  }
}
