package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.jmh.report.BenchOptions.Part;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class BenchOptionsTest {
  private static final Path ROOT = Path.of("/source");

  private static BenchOptions parse(String line) {
    return BenchOptions.parse(ROOT, line.isEmpty() ? new String[0] : line.split(" ", -1));
  }

  @Test
  void everythingIsMeasuredThreeTimesIfNothingElseIsSaid() {
    BenchOptions options = parse("");
    assertThat(options.rounds()).isEqualTo(3);
    assertThat(options.quick()).isFalse();
    assertThat(options.parts()).containsExactly(Part.values());
    assertThat(options.output()).isEqualTo(ROOT.resolve("docs/performance.md"));
  }

  @Test
  void quickFiguresDoNotReplaceThePublishedOnes() {
    assertThat(parse("--quick").output()).isEqualTo(ROOT.resolve("target/bench/performance.md"));
    assertThat(parse("--quick --output x").output()).isEqualTo(Path.of("x"));
  }

  @Test
  void partsAndRoundsAreAsSaid() {
    BenchOptions options = parse("--only jmh --rounds 12 --only growth");
    assertThat(options.parts()).containsExactly(Part.JMH, Part.GROWTH);
    assertThat(options.rounds()).isEqualTo(12);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"--rounds", "--rounds 0", "--rounds x", "--only all", "--only", "-x", "file"})
  void misuseIsRefused(String line) {
    assertThatThrownBy(() -> parse(line)).isInstanceOf(IllegalArgumentException.class);
  }
}
