package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.List;
import org.junit.jupiter.api.Test;

class SpreadTest {
  @Test
  void medianIsTheOneInTheMiddleWhateverTheOrder() {
    assertThat(Spread.of(List.of(3.0, 1.0, 100.0))).isEqualTo(new Spread(3, 1, 100));
  }

  @Test
  void medianOfAnEvenNumberIsTheMeanOfTheTwoInTheMiddle() {
    assertThat(Spread.of(List.of(4.0, 1.0, 2.0, 9.0))).isEqualTo(new Spread(3, 1, 9));
  }

  @Test
  void nothingHasNoMedian() {
    assertThatThrownBy(() -> Spread.of(List.of())).isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void figuresHaveThreeDigitsOfUse() {
    assertThat(List.of(1234.5, 123.4, 12.34, 1.234, 0.1234, 0.0, -3.456))
        .extracting(Spread::figure)
        .containsExactly("1235", "123", "12.3", "1.23", "0.123", "0.000", "-3.46");
  }

  @Test
  void oneValueHasNoRange() {
    assertThat(Spread.of(List.of(2.0)).range()).isEmpty();
    assertThat(Spread.of(List.of(2.0, 0.5)).range()).isEqualTo("0.500...2.00");
  }
}
