package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** QEMU finds no more than leaks in what a power cut leaves, and reads what was promised. */
@RequiresQemu
final class PowerCutInteropTest {
  private static final int STATES = 200;
  private static final int OPERATIONS = 30;
  private static final int STATES_OF_A_HISTORY = 20;

  /** Reading a larger disk as a whole takes QEMU too long. */
  private static final long LARGEST = 8 << 20;

  @TempDir Path directory;

  @Test
  void qemuFindsNothingButLeaks() throws Exception {
    QemuTools qemu = QemuTools.required();
    PowerCutReport report = new PowerCutReport();
    int history = 0;
    while (report.statesJudgedByQemu() < STATES && report.findings().isEmpty()) {
      for (SampleDisk disk : SampleDisk.all()) {
        if (disk.shape.size() <= LARGEST && !disk.files.hasDataFile()) {
          Path files = Files.createDirectory(directory.resolve(String.valueOf(history)));
          new PowerCutExperiment(disk.files, report)
              .bounds(new CrashBounds(4, 4, 4, 2, STATES_OF_A_HISTORY), CrashBounds.QUICK)
              .rates(0, 0)
              .qemu(qemu, STATES_OF_A_HISTORY, files)
              .run(
                  "history " + history,
                  new SampleHistories(disk).random(new Random(history), OPERATIONS));
          history++;
        }
      }
    }
    System.out.println("Power cuts judged by QEMU: " + report);

    assertThat(report.findings()).isEmpty();
    assertThat(report.statesJudgedByQemu()).isGreaterThanOrEqualTo(STATES);
  }
}
