package io.github.qcow2.testkit.fault;

import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Counts the calls of one or more {@link FaultyStorage}s and decides which of them fail.
 * Thread-safe.
 */
public final class Faults {
  /** A fault, and how many calls that count have been made since it was planned. */
  private record Planned(Fault fault, AtomicLong seen) {}

  private final ConcurrentHashMap<StorageCall, Long> calls = new ConcurrentHashMap<>();
  private final List<Planned> planned = new CopyOnWriteArrayList<>();
  private final ConcurrentHashMap<StorageCall, Long> hits = new ConcurrentHashMap<>();
  private volatile boolean suspended;

  /** Nothing fails as long as nothing else is said. */
  public Faults() {}

  /** Plans a fault, besides those that are planned already. */
  public void plan(Fault fault) {
    planned.add(new Planned(fault, new AtomicLong()));
  }

  /** The host works again: nothing that was planned happens any more. */
  public void heal() {
    planned.clear();
  }

  /** Neither counts nor fails calls until {@link #resume()}: for a look at the state of things. */
  public void suspend() {
    suspended = true;
  }

  /** Undoes {@link #suspend()}. */
  public void resume() {
    suspended = false;
  }

  /** How many calls there have been, those that failed included. */
  public long calls() {
    return sum(calls);
  }

  /** How many calls of one kind there have been, those that failed included. */
  public long calls(StorageCall call) {
    return calls.getOrDefault(call, 0L);
  }

  /** How many calls have failed, those of a full disk included. */
  public long hits() {
    return sum(hits);
  }

  /** How many calls of one kind have failed. */
  public long hits(StorageCall call) {
    return hits.getOrDefault(call, 0L);
  }

  /** A call is made: the fault that hits it, if one does. */
  @Nullable Fault next(StorageCall call) {
    if (suspended) {
      return null;
    }
    calls.merge(call, 1L, Long::sum);
    Fault hit = null;
    for (Planned each : planned) {
      if (each.fault.counts(call) && each.fault.hits(each.seen.incrementAndGet())) {
        hit = each.fault;
      }
    }
    if (hit != null) {
      hits.merge(call, 1L, Long::sum);
    }
    return hit;
  }

  /** A call fails because the disk is full. */
  void diskIsFull(StorageCall call) {
    hits.merge(call, 1L, Long::sum);
  }

  private static long sum(Map<StorageCall, Long> counts) {
    return counts.values().stream().mapToLong(Long::longValue).sum();
  }
}
