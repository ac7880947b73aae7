package io.github.qcow2.check;

import io.github.qcow2.check.Finding.Kind;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Counts findings and keeps the first of them, so that a small file full of errors costs no more
 * memory than its first errors do.
 */
final class FindingLog {
  private final List<Finding> kept = new ArrayList<>();
  private final EnumMap<Kind, Finding> firsts = new EnumMap<>(Kind.class);
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
   * @param message asked only if the finding is kept, or the first of its kind
   */
  void add(Kind kind, long hostOffset, long times, Supplier<String> message) {
    if (!isFull() || !firsts.containsKey(kind)) {
      Finding finding = new Finding(kind, hostOffset, times, message.get());
      firsts.putIfAbsent(kind, finding);
      if (!isFull()) {
        kept.add(finding);
      }
    }
    count(kind, times);
  }

  /** The first finding of a kind, kept among the others or not; null if there is none. */
  @Nullable Finding first(Kind kind) {
    return firsts.get(kind);
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
