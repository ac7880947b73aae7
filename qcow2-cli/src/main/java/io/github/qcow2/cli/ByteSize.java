package io.github.qcow2.cli;

import java.math.BigDecimal;
import java.math.BigInteger;

/**
 * Sizes as qemu-img reads them: {@code 512}, {@code 64k}, {@code 1.5G}, {@code 0x200}. A suffix is
 * one letter of {@code b k M G T P E} in either case and counts in steps of 1024; without one the
 * number is in bytes. A fraction needs a suffix above {@code b}.
 *
 * @param status whether the text is a size
 * @param bytes the size, when the status is {@link Status#VALID}
 * @param deprecated whether the text has a suffix after a hexadecimal number, which qemu-img 7.2
 *     still reads but warns about
 */
record ByteSize(Status status, long bytes, boolean deprecated) {
  enum Status {
    VALID,
    NOT_A_SIZE,
    /** More than 2^63 - 1 bytes. */
    TOO_LARGE
  }

  private static final String SUFFIXES = "bkmgtpe";
  private static final int FRACTION_BITS = 64;
  private static final ByteSize NOT_A_SIZE = new ByteSize(Status.NOT_A_SIZE, 0, false);
  private static final ByteSize TOO_LARGE = new ByteSize(Status.TOO_LARGE, 0, false);

  static ByteSize parse(String text) {
    int at = 0;
    while (at < text.length() && " \t\n\r\f\u000b".indexOf(text.charAt(at)) >= 0) {
      at++;
    }
    if (at < text.length() && text.charAt(at) == '+') {
      at++;
    }
    boolean hexadecimal = text.startsWith("0x", at) || text.startsWith("0X", at);
    int radix = hexadecimal ? 16 : 10;
    int start = hexadecimal ? at + 2 : at;
    int end = endOfDigits(text, start, radix);
    if (end == start) {
      return NOT_A_SIZE;
    }
    BigInteger whole = new BigInteger(text.substring(start, end), radix);
    String fraction = "";
    if (!hexadecimal && end < text.length() && text.charAt(end) == '.') {
      int fractionEnd = endOfDigits(text, end + 1, 10);
      fraction = text.substring(end + 1, fractionEnd);
      end = fractionEnd;
    }
    int power = 0;
    boolean suffixed = end < text.length();
    if (suffixed) {
      power = SUFFIXES.indexOf(Character.toLowerCase(text.charAt(end)));
      if (power < 0 || end + 1 < text.length()) {
        return NOT_A_SIZE;
      }
    }
    double part = fraction.isEmpty() ? 0 : Double.parseDouble("0." + fraction);
    if (part != 0 && power == 0) {
      return NOT_A_SIZE;
    }
    BigInteger bytes = whole.shiftLeft(10 * power).add(scaled(part, power));
    if (bytes.bitLength() > 63) {
      return TOO_LARGE;
    }
    return new ByteSize(Status.VALID, bytes.longValueExact(), hexadecimal && suffixed);
  }

  /**
   * The fraction in bytes, rounded half up. One that a double can only hold as 1 counts as nothing,
   * as it does in qemu-img.
   */
  private static BigInteger scaled(double fraction, int power) {
    if (fraction >= 1) {
      return BigInteger.ZERO;
    }
    BigInteger fixedPoint =
        new BigDecimal(fraction)
            .multiply(new BigDecimal(BigInteger.ONE.shiftLeft(FRACTION_BITS)))
            .toBigInteger();
    return fixedPoint
        .shiftLeft(10 * power)
        .add(BigInteger.ONE.shiftLeft(FRACTION_BITS - 1))
        .shiftRight(FRACTION_BITS);
  }

  private static int endOfDigits(String text, int start, int radix) {
    int end = start;
    while (end < text.length()
        && text.charAt(end) < 0x80
        && Character.digit(text.charAt(end), radix) >= 0) {
      end++;
    }
    return end;
  }

  /**
   * The bytes that {@code text} stands for.
   *
   * @param what what the size is for, in the words of the complaint
   */
  static long require(Console console, String what, String text) throws CommandException {
    ByteSize size = parse(text);
    return switch (size.status()) {
      case VALID -> {
        size.warnIfDeprecated(console, text);
        yield size.bytes();
      }
      case TOO_LARGE ->
          throw new CommandException(
              "Invalid " + what + " specified. Must be between 0 and " + Long.MAX_VALUE + ".");
      case NOT_A_SIZE -> {
        console.error(
            "Invalid " + what + " specified. You may use k, M, G, T, P or E suffixes for");
        throw new CommandException(
            "kilobytes, megabytes, gigabytes, terabytes, petabytes and exabytes.");
      }
    };
  }

  void warnIfDeprecated(Console console, String text) {
    if (deprecated) {
      console.error("warning: Using a multiplier suffix on hex numbers is deprecated: " + text);
    }
  }
}
