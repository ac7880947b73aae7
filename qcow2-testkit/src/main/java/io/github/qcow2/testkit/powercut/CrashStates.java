package io.github.qcow2.testkit.powercut;

import java.io.IOException;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Goes through what a power cut could have left of the files of a {@link PowerCutLog}, at any
 * moment.
 *
 * <ul>
 *   <li>A sector of 512 bytes is written as a whole or not at all. A write of several sectors is
 *       that many units; any of them may be on the disk, in any order.
 *   <li>A barrier that returned has made durable what returned before the barrier was issued. All
 *       else is pending: of each pending sector any version may be on the disk.
 *   <li>A discard is a write of zeros that does not extend the file.
 *   <li>The length of a file is a unit of its own. A sector inside the file that was never written
 *       holds zeros; in a second pass it holds 0xA5.
 * </ul>
 *
 * <p>{@link CrashBounds} says what is tried where there are too many possibilities. Each state is
 * shown once, at the earliest moment at which it was possible, and once more after an
 * acknowledgement that was given since. All of it is repeatable: the same log and seed give the
 * same states, and {@link #replay} shows a single one again.
 *
 * <pre>{@code
 * PowerCutLog log = new PowerCutLog();
 * PowerCutStorage file = log.storage("disk.qcow2", bytes);
 * try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
 *   useIt(image);
 * }
 * CrashStates.of(log).forEach(state -> {
 *   try (Qcow2Image image = Qcow2Image.open(state.storage(0)).build()) {
 *     assertThat(isUsable(image)).as(state.toString()).isTrue();
 *   }
 * });
 * }</pre>
 *
 * <p>Not thread-safe. Nothing is recorded while states are shown.
 */
public final class CrashStates {
  private final PowerCutLog log;
  private @Nullable GuestJournal journal;
  private CrashBounds bounds = CrashBounds.FULL;
  private long seed;

  private CrashStates(PowerCutLog log) {
    this.log = log;
  }

  /** Somebody who is shown states. */
  @FunctionalInterface
  public interface Visitor {
    /** Looks at a state, which is the same object each time. */
    void visit(CrashState state) throws IOException;
  }

  /** The states of a log. */
  public static CrashStates of(PowerCutLog log) {
    return new CrashStates(log);
  }

  /**
   * Takes note of what a guest was promised: after each acknowledgement every state that is still
   * possible is shown again. Sectors that the guest wrote are not taken for metadata.
   */
  public CrashStates journal(GuestJournal guest) {
    journal = guest;
    return this;
  }

  /** Sets how much is tried; {@link CrashBounds#FULL} if not. */
  public CrashStates bounds(CrashBounds number) {
    bounds = number;
    return this;
  }

  /** Sets what random choices depend on; 0 if not. */
  public CrashStates seed(long number) {
    seed = number;
    return this;
  }

  /**
   * Shows each state.
   *
   * @return how many there were
   */
  public long forEach(Visitor visitor) throws IOException {
    LongSet seen = new LongSet();
    walk(
        (epoch, acknowledged) -> {
          visitAll(epoch, acknowledged, seen, visitor);
          return true;
        });
    return seen.size();
  }

  /**
   * Shows a single state.
   *
   * @throws IllegalArgumentException if the log has no such state
   */
  public void replay(CrashPoint point, Visitor visitor) throws IOException {
    boolean[] found = new boolean[1];
    walk(
        (epoch, acknowledged) -> {
          if (epoch.number < point.epoch()) {
            return true;
          }
          if (point.units().length() <= epoch.units) {
            found[0] = true;
            CrashState state = new CrashState(log, epoch);
            state.choose(point.units(), point.junk());
            state.show();
            visitor.visit(state);
          }
          return false;
        });
    if (!found[0]) {
      throw new IllegalArgumentException("no " + point + " in " + log);
    }
  }

  private void visitAll(Epoch epoch, int acknowledged, LongSet seen, Visitor visitor)
      throws IOException {
    CrashState state = new CrashState(log, epoch);
    int[] shown = new int[1];
    for (boolean junk : new boolean[] {false, true}) {
      if (junk && !epoch.mayShowUnwritten()) {
        break;
      }
      new CrashSelections(
              epoch,
              bounds,
              seed * 31 + epoch.number,
              (bytes, offset) -> journal != null && journal.hasWritten(bytes, offset),
              units -> {
                if (shown[0] < bounds.statesPerEpoch()) {
                  state.choose(units, junk);
                  if (seen.add(state.digest() ^ Digests.mix(acknowledged))) {
                    shown[0]++;
                    state.show();
                    visitor.visit(state);
                    state.hide();
                  }
                }
              })
          .visitAll();
    }
  }

  /** Somebody who is shown epochs. */
  private interface EpochVisitor {
    /** Looks at an epoch, and says whether to go on. */
    boolean visit(Epoch epoch, int acknowledged) throws IOException;
  }

  private void walk(EpochVisitor visitor) throws IOException {
    List<LogEvent> events = log.events();
    TreeSet<Long> ends = new TreeSet<>();
    for (LogEvent event : events) {
      if (event.kind == LogEvent.Kind.BARRIER && event.completed() != LogEvent.NEVER) {
        ends.add(event.completed());
      }
    }
    TreeSet<Long> promises = new TreeSet<>();
    if (journal != null) {
      promises.addAll(journal.promises());
    }
    ends.addAll(promises);
    ends.add(LogEvent.NEVER);

    List<RecordedFile> files = log.files();
    DurableFile[] base = new DurableFile[files.size()];
    for (int file = 0; file < base.length; file++) {
      base[file] = new DurableFile(file, files.get(file).original());
    }
    BitSet durable = new BitSet(events.size());
    long start = 0;
    int number = 0;
    for (long end : ends) {
      Epoch epoch = epoch(number++, start, end, base, events, durable);
      if (!visitor.visit(epoch, promises.headSet(start, true).size())) {
        return;
      }
      advance(end, base, events, durable);
      start = end;
    }
  }

  private static Epoch epoch(
      int number, long start, long end, DurableFile[] base, List<LogEvent> events, BitSet durable) {
    List<LogEvent> pending = new ArrayList<>();
    List<Integer> numbers = new ArrayList<>();
    for (int i = 0; i < events.size() && events.get(i).issued < end; i++) {
      if (events.get(i).kind != LogEvent.Kind.BARRIER && !durable.get(i)) {
        pending.add(events.get(i));
        numbers.add(i + 1);
      }
    }
    return new Epoch(
        number, start, base, pending, numbers.stream().mapToInt(Integer::intValue).toArray());
  }

  private static void advance(
      long instant, DurableFile[] base, List<LogEvent> events, BitSet durable) {
    for (LogEvent barrier : events) {
      if (barrier.kind == LogEvent.Kind.BARRIER && barrier.completed() == instant) {
        for (int i = 0; i < events.size(); i++) {
          LogEvent event = events.get(i);
          if (event.kind != LogEvent.Kind.BARRIER && !durable.get(i) && barrier.covers(event)) {
            durable.set(i);
            base[event.file].apply(event, i + 1);
          }
        }
      }
    }
  }
}
