package io.github.qcow2.jmh.report;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.jmh.report.Comparison.Clock;
import io.github.qcow2.jmh.report.Comparison.Figure;
import io.github.qcow2.jmh.report.Comparison.Row;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class ProcessTableTest {
  private static String row(List<Double> ours, List<Double> qemu, Row row) {
    ProcessTable table = new ProcessTable();
    List<Double> figures = new ArrayList<>();
    for (int i = 0; i < qemu.size(); i++) {
      figures.add(row.figure().of(ours.get(i), qemu.get(i)));
    }
    table.row(row.what(), "s", ours, qemu, figures, row.limit());
    return table.toString().lines().skip(2).findFirst().orElseThrow();
  }

  @Test
  void speedIsMoreWhereTimeIsLess() {
    List<Double> ours = List.of(0.5);
    List<Double> qemu = List.of(2.0);
    assertThat(row(ours, qemu, new Row("x", Clock.PROCESS, Figure.SPEED, Limit.atLeast(8))))
        .isEqualTo("| x | 0.500 s | 2.00 s | 4.00 | | ≥ 8 | **missed** |");
    assertThat(row(ours, qemu, new Row("x", Clock.PROCESS, Figure.TIME, Limit.atMost(0.6))))
        .isEqualTo("| x | 0.500 s | 2.00 s | 0.250 | | ≤ 0.6 | met |");
    assertThat(row(ours, qemu, new Row("x", Clock.PROCESS, Figure.TIME, null)))
        .isEqualTo("| x | 0.500 s | 2.00 s | 0.250 | | | |");
  }

  @Test
  void withoutQemuTheRowSaysSo() {
    assertThat(
            row(
                List.of(1.0, 3.0),
                List.of(),
                new Row("x", Clock.PROCESS, Figure.TIME, Limit.atMost(2))))
        .isEqualTo("| x | 2.00 s | missing | | | ≤ 2 | not measured: no qemu-img |");
  }

  @Test
  void printedTimeIsThatOfTheLastLine() throws IOException {
    TimedCommand.Run run =
        new TimedCommand.Run(1.5, "Sending 1 read requests\nRun completed in 0.125 seconds.\n");
    assertThat(ComparisonRuns.seconds(run, Clock.PRINTED)).isEqualTo(0.125);
    assertThat(ComparisonRuns.seconds(run, Clock.PROCESS)).isEqualTo(1.5);
    assertThatThrownBy(
            () -> ComparisonRuns.seconds(new TimedCommand.Run(1, "no time"), Clock.PRINTED))
        .isInstanceOf(IOException.class);
  }
}
