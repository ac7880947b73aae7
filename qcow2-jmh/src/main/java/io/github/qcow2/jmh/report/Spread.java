package io.github.qcow2.jmh.report;

import java.util.Collection;
import java.util.Locale;

/**
 * What several measurements of the same thing came to.
 *
 * @param median the one in the middle, or the mean of the two there
 * @param least the smallest
 * @param greatest the largest
 */
record Spread(double median, double least, double greatest) {

  /** Of at least one value. */
  static Spread of(Collection<Double> values) {
    double[] sorted = values.stream().mapToDouble(Double::doubleValue).sorted().toArray();
    if (sorted.length == 0) {
      throw new IllegalArgumentException("nothing was measured");
    }
    int middle = sorted.length / 2;
    double median =
        sorted.length % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
    return new Spread(median, sorted[0], sorted[sorted.length - 1]);
  }

  /** The least and the greatest, for a table. */
  String range() {
    return least == greatest ? "" : figure(least) + "..." + figure(greatest);
  }

  /** A number with three digits that say something, for a table. */
  static String figure(double value) {
    double size = Math.abs(value);
    String format = size >= 100 ? "%.0f" : size >= 10 ? "%.1f" : size >= 1 ? "%.2f" : "%.3f";
    return String.format(Locale.ROOT, format, value);
  }
}
