package io.github.qcow2.cli;

import java.math.BigDecimal;
import java.math.MathContext;
import java.math.RoundingMode;

/** Numbers as people read them: sizes in the two ways of qemu-img and of qemu-io, and fractions. */
final class HumanSize {
  private static final String[] UNITS = {"", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei"};
  private static final MathContext THREE_DIGITS = new MathContext(3, RoundingMode.HALF_EVEN);

  private HumanSize() {}

  /**
   * As qemu-img prints it: three significant digits, in the smallest unit that keeps the number
   * below 1000. For 1 048 576 that is {@code 1 MiB}; for 999.5 KiB it is {@code 1e+03 KiB}, since
   * the unit is chosen before rounding.
   */
  static String of(long bytes) {
    int unit = 0;
    double value = bytes;
    while (value >= 1000) {
      value /= 1024;
      unit++;
    }
    BigDecimal rounded = new BigDecimal(value).round(THREE_DIGITS);
    String digits =
        rounded.compareTo(BigDecimal.valueOf(1000)) >= 0
            ? "1e+03"
            : rounded.signum() == 0 ? "0" : rounded.stripTrailingZeros().toPlainString();
    return digits + " " + UNITS[unit] + "B";
  }

  /**
   * As qemu-io prints it: three decimals unless they are zeros, in the largest unit that keeps the
   * number at 1 or more, and {@code bytes} below 1 KiB.
   */
  static String ofTransfer(long bytes) {
    return inLargestUnit((double) bytes);
  }

  /** A rate in bytes per second, printed like {@link #ofTransfer}. */
  static String ofRate(double bytesPerSecond) {
    return inLargestUnit(bytesPerSecond) + "/sec";
  }

  private static String inLargestUnit(double bytes) {
    int unit = 0;
    double value = bytes;
    while (value >= 1024 && unit < UNITS.length - 1) {
      value /= 1024;
      unit++;
    }
    String digits = fixed(value, 3);
    if (digits.endsWith(".000")) {
      digits = digits.substring(0, digits.length() - 4);
    }
    return digits + (unit == 0 ? " bytes" : " " + UNITS[unit] + "B");
  }

  /** A number with so many decimals, a tie rounded to even, as C prints it. */
  static String fixed(double value, int decimals) {
    return new BigDecimal(value).setScale(decimals, RoundingMode.HALF_EVEN).toPlainString();
  }
}
