package io.github.qcow2.testkit.oracle;

import io.github.qcow2.testkit.oracle.FindingKind.Severity;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/** What a check found. Immutable. */
public final class CheckResult {
  private final List<Finding> findings;
  private final Map<FindingKind, Long> counts;

  CheckResult(List<Finding> findings, Map<FindingKind, Long> counts) {
    this.findings = findings;
    this.counts = counts;
  }

  /** The first 1,000 findings, in the order of the check. */
  public List<Finding> findings() {
    return findings;
  }

  /** How often something of this kind was found, whether kept as a finding or not. */
  public long count(FindingKind kind) {
    return counts.getOrDefault(kind, 0L);
  }

  /** How often something of this severity was found. */
  public long count(Severity severity) {
    long sum = 0;
    for (Map.Entry<FindingKind, Long> entry : counts.entrySet()) {
      if (entry.getKey().severity() == severity) {
        sum += entry.getValue();
      }
    }
    return sum;
  }

  /** Whether nothing at all was found. */
  public boolean isClean() {
    return findings.isEmpty();
  }

  /** Whether no data is lost or in danger: there may be leaks and stale flags. */
  public boolean isSafe() {
    return count(Severity.CORRUPTION) == 0;
  }

  @Override
  public String toString() {
    return isClean()
        ? "clean"
        : findings.stream().map(Finding::toString).collect(Collectors.joining("\n"));
  }
}
