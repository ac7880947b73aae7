package io.github.qcow2.testkit.oracle;

import java.util.Locale;

/**
 * Something wrong with an image. The text is made only when somebody asks for it: a check may find
 * a leak in each of a million images.
 *
 * @param kind what is wrong
 * @param offset the byte of the image at which it is: of the entry, or of the cluster
 * @param rule what it should be, as a format of the two numbers
 * @param found the number that was found
 * @param other another number, which the rule names
 */
public record Finding(FindingKind kind, long offset, String rule, long found, long other) {
  /** What is wrong, in words. */
  public String text() {
    return String.format(
        Locale.ROOT, "offset 0x%x: %s", offset, String.format(Locale.ROOT, rule, found, other));
  }

  @Override
  public String toString() {
    return kind + " at " + text();
  }
}
