package io.github.qcow2.testkit.powercut;

import java.util.ArrayList;
import java.util.List;

/** How many states were judged, and what was found. Not thread-safe. */
public final class PowerCutReport {
  private static final int MOST_FINDINGS = 20;

  private final LongSet distinct = new LongSet();
  private final List<String> findings = new ArrayList<>();
  long histories;
  long byLibrary;
  long byQemu;
  long recoveries;
  long duringRecovery;
  long mostLeaks;
  private long findingsTotal;

  /** A report of nothing. */
  public PowerCutReport() {}

  /** Histories that were recorded. */
  public long histories() {
    return histories;
  }

  /**
   * Different contents of the files that were judged by the specification, those during recoveries
   * included.
   */
  public long distinctStates() {
    return distinct.size();
  }

  /** States that were opened, read and checked with the library. */
  public long statesJudgedByLibrary() {
    return byLibrary;
  }

  /** States that were checked and read with QEMU's tools. */
  public long statesJudgedByQemu() {
    return byQemu;
  }

  /** States from which somebody recovered while the power was cut again. */
  public long recoveries() {
    return recoveries;
  }

  /** States of those recoveries. */
  public long statesDuringRecovery() {
    return duringRecovery;
  }

  /** The most clusters that were lost to leaks in a state. */
  public long mostLeaks() {
    return mostLeaks;
  }

  /** The first findings: disk, history, crash point, and what is wrong. */
  public List<String> findings() {
    return List.copyOf(findings);
  }

  /** How many findings there were, kept or not. */
  public long findingsTotal() {
    return findingsTotal;
  }

  void count(long digest) {
    distinct.add(digest);
  }

  void countDuringRecovery(long digest) {
    duringRecovery++;
    distinct.add(digest);
  }

  /** Says more about the findings that were added last. */
  void explain(String text) {
    if (findings.size() < 2 * MOST_FINDINGS) {
      findings.add(text);
    }
  }

  void find(String finding) {
    findingsTotal++;
    if (findings.size() < MOST_FINDINGS) {
      findings.add(finding);
    }
  }

  /** Adds what another report says. */
  public void add(PowerCutReport other) {
    distinct.addAll(other.distinct);
    histories += other.histories;
    byLibrary += other.byLibrary;
    byQemu += other.byQemu;
    recoveries += other.recoveries;
    duringRecovery += other.duringRecovery;
    mostLeaks = Math.max(mostLeaks, other.mostLeaks);
    findingsTotal += other.findingsTotal;
    for (String finding : other.findings) {
      if (findings.size() < MOST_FINDINGS) {
        findings.add(finding);
      }
    }
  }

  @Override
  public String toString() {
    return String.format(
        "%,d distinct states of %,d histories; by the library %,d, by QEMU %,d; %,d recoveries with"
            + " %,d states; at most %,d leaks; %,d findings%s",
        distinct.size(),
        histories,
        byLibrary,
        byQemu,
        recoveries,
        duringRecovery,
        mostLeaks,
        findingsTotal,
        findings.isEmpty() ? "" : ":\n" + String.join("\n", findings));
  }
}
