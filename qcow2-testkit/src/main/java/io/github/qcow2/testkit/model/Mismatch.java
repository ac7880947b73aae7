package io.github.qcow2.testkit.model;

/**
 * A byte that a device returned and its model does not allow.
 *
 * @param position guest byte
 * @param expected what the model holds there
 * @param actual what the device returned
 */
public record Mismatch(long position, byte expected, byte actual) {
  @Override
  public String toString() {
    return String.format(
        "guest byte %d (0x%x): expected 0x%02x, got 0x%02x", position, position, expected, actual);
  }
}
