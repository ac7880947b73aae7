package io.github.qcow2.jmh.report;

/**
 * What a figure has to be.
 *
 * @param bound the worst that will do
 * @param atLeast whether more is better
 */
record Limit(double bound, boolean atLeast) {
  static Limit atLeast(double bound) {
    return new Limit(bound, true);
  }

  static Limit atMost(double bound) {
    return new Limit(bound, false);
  }

  boolean isMetBy(double figure) {
    return atLeast ? figure >= bound : figure <= bound;
  }

  /** For a table. */
  String verdict(double figure) {
    return isMetBy(figure) ? "met" : "**missed**";
  }

  @Override
  public String toString() {
    String number = bound == Math.rint(bound) ? Long.toString((long) bound) : bound + "";
    return (atLeast ? "≥ " : "≤ ") + number;
  }
}
