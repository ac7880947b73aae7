package io.github.qcow2.testkit.oracle;

import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;

/** Collects what a check finds: counts everything, keeps the first findings. */
final class Findings {
  private static final int KEPT = 1000;

  private final List<Finding> kept = new ArrayList<>(0);
  private final Map<FindingKind, Long> counts = new EnumMap<>(FindingKind.class);

  void add(FindingKind kind, long offset, String rule, long found, long other) {
    counts.merge(kind, 1L, Long::sum);
    if (kept.size() < KEPT) {
      kept.add(new Finding(kind, offset, rule, found, other));
    }
  }

  void add(FindingKind kind, long offset, String rule, long found) {
    add(kind, offset, rule, found, 0);
  }

  void add(FindingKind kind, long offset, String rule) {
    add(kind, offset, rule, 0, 0);
  }

  CheckResult result() {
    return new CheckResult(List.copyOf(kept), counts);
  }
}
