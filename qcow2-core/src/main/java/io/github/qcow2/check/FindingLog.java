package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;

/**
 * Counts findings and keeps the first of them, so that a small file full of errors costs no more
 * memory than its first errors do.
 */
final class FindingLog {
  private final List<Finding> kept = new ArrayList<>();
  private long total;
  private long corruptions;
  private long leaks;
  private long checkErrors;

  /** Records a finding that counts once. */
  void add(Kind kind, long hostOffset, Supplier<String> message) {
    add(kind, hostOffset, 1, message);
  }

  /**
   * Records a finding.
   *
   * @param message asked only if the finding is kept
   */
  void add(Kind kind, long hostOffset, long times, Supplier<String> message) {
    if (isFull()) {
      count(kind, times);
      return;
    }
    kept.add(new Finding(kind, hostOffset, times, message.get()));
    count(kind, times);
  }

  /** Whether findings are only counted from now on. */
  boolean isFull() {
    return kept.size() == CheckReport.MAX_FINDINGS;
  }

  /** Counts a finding that is not kept. */
  void count(Kind kind, long times) {
    total++;
    switch (kind.severity()) {
      case CORRUPTION -> corruptions += times;
      case LEAK -> leaks += times;
      case CHECK_ERROR -> checkErrors += times;
    }
  }

  long corruptions() {
    return corruptions;
  }

  long leaks() {
    return leaks;
  }

  long checkErrors() {
    return checkErrors;
  }

  long total() {
    return total;
  }

  List<Finding> kept() {
    return kept;
  }
}
