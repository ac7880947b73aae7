package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class LimitTest {
  @Test
  void boundItselfWillDo() {
    assertThat(Limit.atLeast(0.95).isMetBy(0.95)).isTrue();
    assertThat(Limit.atLeast(0.95).isMetBy(0.949)).isFalse();
    assertThat(Limit.atMost(40).isMetBy(40)).isTrue();
    assertThat(Limit.atMost(40).isMetBy(40.1)).isFalse();
  }

  @Test
  void whatWasNotMeasuredIsMissed() {
    assertThat(Limit.atLeast(1).verdict(Double.NaN)).isEqualTo("**missed**");
    assertThat(Limit.atMost(1).verdict(Double.NaN)).isEqualTo("**missed**");
    assertThat(Limit.atMost(1).verdict(1)).isEqualTo("met");
  }

  @Test
  void limitSaysInWhichDirection() {
    assertThat(Limit.atLeast(8)).hasToString("≥ 8");
    assertThat(Limit.atMost(0.6)).hasToString("≤ 0.6");
  }
}
