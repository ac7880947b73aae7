package io.github.qcow2.testkit.powercut;

import io.github.qcow2.testkit.model.DiskOperation;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;

/**
 * Power cuts until something is found, or a bound is reached that the sound library passes. Made
 * and called by reflection, since the library it sees is another than the caller's.
 */
public final class PlantedRun implements Callable<String> {
  private static final int PAIRS = 4;
  private static final int RANDOM = 1;
  private static final int OPERATIONS = 60;

  /** For the caller, who knows it as a {@link Callable} only. */
  public PlantedRun() {}

  /**
   * Runs.
   *
   * @return the first finding, or an empty text
   */
  @Override
  public String call() throws Exception {
    List<SampleDisk> disks =
        SampleDisk.all().stream().filter(disk -> disk.shape.clusterBits() == 9).toList();
    PowerCutReport report = new PowerCutReport();
    QemuFailureHistories failures = new QemuFailureHistories(12);
    new PowerCutExperiment(failures.disk(), report)
        .rates(0, 0)
        .run("four commands", failures.appending());
    QemuFailureHistories larger = new QemuFailureHistories(14);
    new PowerCutExperiment(larger.disk(), report)
        .rates(0, 0)
        .bounds(CrashBounds.QUICK, CrashBounds.QUICK)
        .run("compressed data is discarded", larger.discardingCompressed());
    if (!report.findings().isEmpty()) {
      return report.findings().get(0);
    }
    for (SampleDisk disk : disks) {
      for (List<DiskOperation> history : new SampleHistories(disk).single()) {
        run(disk, "single", history, report);
        if (!report.findings().isEmpty()) {
          return report.findings().get(0);
        }
      }
    }
    for (int number = 0; number < PAIRS + RANDOM; number++) {
      for (SampleDisk disk : disks) {
        Random random = new Random(number);
        SampleHistories histories = new SampleHistories(disk);
        List<DiskOperation> history =
            number < PAIRS ? histories.pair(random) : histories.random(random, OPERATIONS);
        run(disk, (number < PAIRS ? "pair " : "random ") + number, history, report);
        if (!report.findings().isEmpty()) {
          return report.findings().get(0);
        }
      }
    }
    return "";
  }

  private static void run(
      SampleDisk disk, String name, List<DiskOperation> history, PowerCutReport report)
      throws Exception {
    disk.experiment(report)
        .rates(0, 0)
        .bounds(CrashBounds.QUICK, CrashBounds.QUICK)
        .run(name, history);
  }
}
