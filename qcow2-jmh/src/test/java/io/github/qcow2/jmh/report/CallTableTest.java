package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.jmh.report.CallTarget.Figure;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

class CallTableTest {
  private static final Call IMAGE = Call.of("A.image");
  private static final Call BARE = Call.of("A.bare");

  private static CallScore score(double nanoseconds, int threads) {
    return new CallScore(nanoseconds, threads, 0);
  }

  private static String row(List<Map<Call, CallScore>> rounds, CallTarget target) {
    return new CallTable(rounds).of(List.of(target)).lines().skip(2).findFirst().orElseThrow();
  }

  @Test
  void ratiosAreTakenWithinRounds() {
    // Between rounds the machine became ten times slower: no ratio is of two rounds.
    List<Map<Call, CallScore>> rounds =
        List.of(
            Map.of(IMAGE, score(100, 1), BARE, score(90, 1)),
            Map.of(IMAGE, score(1000, 1), BARE, score(800, 1)),
            Map.of(IMAGE, score(110, 1), BARE, score(110, 1)));
    assertThat(row(rounds, CallTarget.ratio("x", "A.image", "A.bare", Limit.atLeast(0.95))))
        .isEqualTo("| x | 110 ns | 110 ns | 0.900 | 0.800...1.00 | ≥ 0.95 | **missed** |");
  }

  @Test
  void ratesAreOfAllThreadsTogether() {
    List<Map<Call, CallScore>> rounds = List.of(Map.of(IMAGE, score(50, 2), BARE, score(40, 1)));
    assertThat(row(rounds, CallTarget.ratio("x", "A.image", "A.bare", Limit.atLeast(1.5))))
        .isEqualTo("| x | 50.0 ns | 40.0 ns | 1.60 | | ≥ 1.5 | met |");
  }

  @Test
  void roundWithoutOneSideDoesNotCount() {
    List<Map<Call, CallScore>> rounds =
        List.of(
            Map.of(IMAGE, score(100, 1)),
            Map.of(IMAGE, score(100, 1), BARE, score(200, 1)),
            Map.of(BARE, score(300, 1)));
    assertThat(row(rounds, CallTarget.ratio("x", "A.image", "A.bare", null)))
        .isEqualTo("| x | 100 ns | 250 ns | 2.00 | | | |");
  }

  @Test
  void whatNobodyMeasuredSaysSo() {
    assertThat(row(List.of(), CallTarget.figure("x", Figure.NANOSECONDS, "A.image", null)))
        .isEqualTo("| x | | | not measured | | | |");
  }

  @Test
  void figuresOfOneCallStandAlone() {
    List<Map<Call, CallScore>> rounds = List.of(Map.of(IMAGE, new CallScore(20_000, 1, 24)));
    assertThat(row(rounds, CallTarget.figure("x", Figure.ALLOCATION, "A.image", Limit.atMost(0.5))))
        .isEqualTo("| x | | | 24.0 | | ≤ 0.5 | **missed** |");
  }
}
