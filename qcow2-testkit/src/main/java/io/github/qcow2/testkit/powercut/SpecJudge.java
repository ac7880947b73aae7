package io.github.qcow2.testkit.powercut;

import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.CheckResult;
import io.github.qcow2.testkit.oracle.FindingKind;
import io.github.qcow2.testkit.oracle.FindingKind.Severity;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Judges by the specification, with no code of the library: no more than leaks in the image; in the
 * disk what its {@link GuestJournal} allows; in its snapshots what they have always held.
 *
 * <p>While the dirty bit is set, refcounts may be too low and COPIED flags out of date: whoever
 * opens the image next has to mend that.
 */
final class SpecJudge implements CrashJudge {
  private final PowerCutDisk disk;
  private final GuestJournal journal;

  /** What the snapshots have always held, by window. */
  private final List<List<byte[]>> snapshots = new ArrayList<>();

  /** Large enough for any window, and used again and again. */
  private final byte[] buffer;

  private long leaks;

  SpecJudge(PowerCutDisk disk, GuestJournal journal) throws IOException {
    this.disk = disk;
    this.journal = journal;
    this.buffer = new byte[journal.largestWindow()];
    int count = disk.oracle().snapshots().size();
    for (int i = 0; i < count; i++) {
      snapshots.add(read(disk.oracle().snapshotContent(i)));
    }
  }

  /** The most clusters that any state has lost. */
  long mostLeaks() {
    return leaks;
  }

  @Override
  public @Nullable String findFault(CrashState state) throws IOException {
    return findFault(disk.oracle(state), state.instant(), true);
  }

  /**
   * Judges an image.
   *
   * @param mayBeDirty whether the dirty bit excuses anything
   */
  @Nullable String findFault(SpecOracle oracle, long instant, boolean mayBeDirty)
      throws IOException {
    CheckResult result = oracle.check();
    if (!result.isClean()) {
      leaks = Math.max(leaks, result.count(Severity.LEAK));
      boolean excused = mayBeDirty && oracle.header().isDirty();
      long corruptions = result.count(Severity.CORRUPTION);
      if (excused) {
        corruptions -= result.count(FindingKind.REFCOUNT_TOO_LOW);
      }
      if (corruptions > 0 || (!excused && result.count(Severity.STALE) > 0)) {
        return "check: " + result;
      }
    }
    String fault = journal.findFault(oracle.content(), instant, buffer);
    if (fault != null) {
      return "content: " + fault;
    }
    for (int i = 0; i < snapshots.size(); i++) {
      if (!isSnapshot(i, oracle.snapshotContent(i))) {
        return "content of snapshot " + i;
      }
    }
    return null;
  }

  /** Whether something holds what a snapshot has always held. */
  boolean isSnapshot(int index, ByteSource content) throws IOException {
    List<byte[]> expected = snapshots.get(index);
    for (int i = 0; i < expected.size(); i++) {
      GuestJournal.Window window = journal.windows().get(i);
      content.read(window.position(), buffer, 0, window.length());
      if (!Arrays.equals(expected.get(i), 0, window.length(), buffer, 0, window.length())) {
        return false;
      }
    }
    return true;
  }

  int snapshots() {
    return snapshots.size();
  }

  private List<byte[]> read(ByteSource source) throws IOException {
    List<byte[]> parts = new ArrayList<>();
    for (GuestJournal.Window window : journal.windows()) {
      byte[] bytes = new byte[window.length()];
      source.read(window.position(), bytes, 0, bytes.length);
      parts.add(bytes);
    }
    return parts;
  }
}
