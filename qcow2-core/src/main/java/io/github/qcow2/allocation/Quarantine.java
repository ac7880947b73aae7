package io.github.qcow2.allocation;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;

/**
 * Host clusters whose last mapping is gone from memory, but not yet surely from the disk, or that
 * an operation under way may still read or write. They stay counted, so the allocator cannot hand
 * them out (I4, I5).
 *
 * <p>Owns the lists. Guarded by its own monitor, which is taken last. Lost in a power cut, after
 * which the clusters are leaks at worst.
 */
public final class Quarantine {
  /** What the clusters were, which decides which caches must forget them. */
  public enum Kind {
    /** Guest data. */
    DATA,
    /** Compressed guest data. */
    COMPRESSED,
    /** An L2 table. */
    TABLE
  }

  /**
   * Host clusters in a row that lost one reference each.
   *
   * @param kind what they were
   * @param cause why they lost it
   * @param first number of the first cluster
   * @param count how many
   */
  public record Dropped(Kind kind, DropCause cause, long first, long count) {}

  private static final int RUNS_AT_MOST = 1 << 16;

  /** Everything dropped in one epoch. */
  private static final class Batch {
    final long epoch;
    long phase;
    Kind[] kinds = new Kind[8];
    DropCause[] causes = new DropCause[8];
    long[] runs = new long[16];
    int size;

    Batch(long epoch) {
      this.epoch = epoch;
    }

    void add(Kind kind, DropCause cause, long first, long count) {
      int last = size - 1;
      if (size > 0
          && kinds[last] == kind
          && causes[last] == cause
          && runs[2 * last] + runs[2 * last + 1] == first) {
        runs[2 * last + 1] += count;
        return;
      }
      if (size == kinds.length) {
        kinds = Arrays.copyOf(kinds, 2 * size);
        causes = Arrays.copyOf(causes, 2 * size);
        runs = Arrays.copyOf(runs, 4 * size);
      }
      kinds[size] = kind;
      causes[size] = cause;
      runs[2 * size] = first;
      runs[2 * size + 1] = count;
      size++;
    }
  }

  private final OperationGate gate;
  private final long clustersAtMost;
  private final ArrayDeque<Batch> batches = new ArrayDeque<>();
  private int runs;
  private long clusters;
  private volatile boolean full;

  /**
   * Creates an empty quarantine.
   *
   * @param clustersAtMost when to say that it {@linkplain #isFull() is full}
   */
  public Quarantine(OperationGate gate, long clustersAtMost) {
    this.gate = gate;
    this.clustersAtMost = clustersAtMost;
  }

  /**
   * Takes clusters in. The caller holds the lock under which it has just removed their mapping.
   *
   * @param epoch the epoch that the removal belongs to
   */
  public synchronized void add(long epoch, Kind kind, DropCause cause, long first, long count) {
    Batch batch = batches.peekLast();
    if (batch == null || batch.epoch != epoch) {
      batch = new Batch(epoch);
      batches.add(batch);
    }
    int before = batch.size;
    batch.add(kind, cause, first, count);
    // Operations of this phase and the one before may have seen the mapping.
    batch.phase = gate.phase();
    runs += batch.size - before;
    clusters += count;
    full = runs > RUNS_AT_MOST || clusters > clustersAtMost;
  }

  /** Whether so much is kept that a flush should set some of it free. */
  public boolean isFull() {
    return full;
  }

  /** Whether nothing is kept. */
  public synchronized boolean isEmpty() {
    return batches.isEmpty();
  }

  /**
   * Whether a flush would help to set something free; if not, an operation under way stands in the
   * way of everything that is kept.
   *
   * @param durable the last epoch that is durable
   */
  public synchronized boolean awaitsFlush(long durable) {
    Batch oldest = batches.peek();
    return oldest != null && oldest.epoch > durable;
  }

  /**
   * Hands out what is out of everybody's reach: joined where it lies side by side and is of one
   * kind and cause.
   *
   * @param durable the last epoch that is durable
   */
  public synchronized List<Dropped> release(long durable) {
    List<Dropped> released = new ArrayList<>();
    if (batches.isEmpty()) {
      return released;
    }
    long phase = gate.advance();
    for (Batch batch = batches.peek();
        batch != null && batch.epoch <= durable && batch.phase + 2 <= phase;
        batch = batches.peek()) {
      for (int i = 0; i < batch.size; i++) {
        released.add(
            new Dropped(batch.kinds[i], batch.causes[i], batch.runs[2 * i], batch.runs[2 * i + 1]));
        clusters -= batch.runs[2 * i + 1];
      }
      runs -= batch.size;
      batches.remove();
    }
    full = runs > RUNS_AT_MOST || clusters > clustersAtMost;
    return joined(released);
  }

  private static List<Dropped> joined(List<Dropped> released) {
    released.sort(
        Comparator.comparing(Dropped::kind)
            .thenComparing(Dropped::cause)
            .thenComparingLong(Dropped::first));
    List<Dropped> joined = new ArrayList<>();
    for (Dropped each : released) {
      int end = joined.size() - 1;
      Dropped last = end < 0 ? null : joined.get(end);
      if (last != null
          && last.kind == each.kind
          && last.cause == each.cause
          && last.first + last.count == each.first) {
        joined.set(end, new Dropped(last.kind, last.cause, last.first, last.count + each.count));
      } else {
        joined.add(each);
      }
    }
    return joined;
  }
}
