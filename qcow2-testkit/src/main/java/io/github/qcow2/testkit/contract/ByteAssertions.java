package io.github.qcow2.testkit.contract;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Arrays;

/**
 * Comparisons of arrays, as AssertJ has them, but fit for large ones: only the place is printed.
 */
final class ByteAssertions {
  private ByteAssertions() {}

  static void assertSame(byte[] actual, byte[] expected) {
    assertThat(actual.length).isEqualTo(expected.length);
    assertThat(Arrays.mismatch(actual, expected)).as("first byte that differs").isEqualTo(-1);
  }

  static void assertZeros(byte[] actual) {
    assertSame(actual, new byte[actual.length]);
  }
}
