package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.model.DiskOperation;
import java.io.IOException;
import java.util.List;
import java.util.function.BiFunction;
import org.junit.jupiter.api.Test;

/**
 * Where QEMU 7.2 fails under the same power cuts, or without any, this library does not. QEMU lost
 * flushed data in 1,152 of 63,289 states after zeroing with unmap, and showed foreign data in 4,027
 * of 65,209 after discards.
 */
final class QemuFailuresTest {
  private static final int HISTORIES = 45;
  private static final long STATES = 60_000;

  private static PowerCutReport judge(
      BiFunction<QemuFailureHistories, Long, List<DiskOperation>> history) throws IOException {
    PowerCutReport report = new PowerCutReport();
    for (int clusterBits : new int[] {9, 12}) {
      QemuFailureHistories histories = new QemuFailureHistories(clusterBits);
      for (long seed = 0; seed < HISTORIES; seed++) {
        new PowerCutExperiment(histories.disk(), report)
            .bounds(new CrashBounds(10, 8, 10, 8, 400), CrashBounds.QUICK)
            .rates(20, 0)
            .run("seed " + seed, history.apply(histories, seed));
      }
    }
    return report;
  }

  @Test
  void unmappedZeroesNeverLoseFlushedData() throws IOException {
    PowerCutReport report = judge(QemuFailureHistories::unmapping);
    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isGreaterThan(STATES);
  }

  @Test
  void discardedClustersNeverShowForeignData() throws IOException {
    PowerCutReport report = judge(QemuFailureHistories::discarding);
    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isGreaterThan(STATES);
  }

  @Test
  void compressedDataIsNeverAppendedToAClusterThatWasFreed() throws IOException {
    PowerCutReport report = new PowerCutReport();
    for (int clusterBits : new int[] {12, 16}) {
      QemuFailureHistories histories = new QemuFailureHistories(clusterBits);
      new PowerCutExperiment(histories.disk(), report)
          .bounds(CrashBounds.QUICK, CrashBounds.QUICK)
          .run("four commands", histories.appending());
    }
    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isPositive();
  }
}
