package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;

/**
 * Power cuts while two threads change one disk, so that writes and barriers are under way at once.
 * What the threads do depends on a seed; how they meet does not, and a finding therefore shows the
 * whole history.
 */
final class ConcurrentPowerCutTest {
  private static final int ROUNDS = 40;
  private static final int OPERATIONS = 14;
  private static final int CLUSTERS = 10;
  private static final int SECTOR = 512;

  @Test
  void noPowerCutLosesAnythingThatTwoThreadsDo() throws Exception {
    PowerCutReport report = new PowerCutReport();
    for (int round = 0; round < ROUNDS && report.findings().isEmpty(); round++) {
      int clusterBits = round % 2 == 0 ? 9 : 12;
      PowerCutDisk disk = new QemuFailureHistories(clusterBits).disk();
      PowerCutLog log = disk.log();
      GuestJournal journal = disk.journal(log);
      log.whileUnderWay(ConcurrentPowerCutTest::dawdle);
      List<DiskOperation> first = operations(clusterBits, 2L * round);
      List<DiskOperation> second = operations(clusterBits, 2L * round + 1);
      try (JournaledDevice device =
          new JournaledDevice(disk.openWritable(log), journal, log).shared()) {
        FutureTask<Void> other = new FutureTask<>(() -> apply(device, second));
        new Thread(other, "other").start();
        apply(device, first);
        other.get();
      }
      new PowerCutExperiment(disk, report)
          .bounds(CrashBounds.QUICK, CrashBounds.QUICK)
          .rates(10, 0)
          .judge(log, journal, "round " + round + ": " + first + " and " + second);
    }
    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isGreaterThan(10_000);
  }

  private static Void apply(JournaledDevice device, List<DiskOperation> operations)
      throws Exception {
    for (DiskOperation operation : operations) {
      device.apply(operation);
    }
    return null;
  }

  /** Lets the other thread in between the issue of a call and its return, more often than not. */
  private static void dawdle() {
    if (ThreadLocalRandom.current().nextInt(4) != 0) {
      LockSupport.parkNanos(ThreadLocalRandom.current().nextInt(20_000));
    }
  }

  /** Whole sectors: a part of one would be read and written in two steps by whoever judges. */
  private static List<DiskOperation> operations(int clusterBits, long seed) {
    Random random = new Random(seed);
    int cluster = 1 << clusterBits;
    int sectors = CLUSTERS * cluster / SECTOR;
    List<DiskOperation> operations = new ArrayList<>();
    for (int i = 0; i < OPERATIONS; i++) {
      int first = random.nextInt(sectors);
      int count = 1 + random.nextInt(Math.min(sectors - first, 2 * cluster / SECTOR));
      long start = (long) first * SECTOR;
      long aligned = start & -cluster;
      operations.add(
          switch (random.nextInt(8)) {
            case 0, 1, 2 -> new DiskOperation.Write(start, count * SECTOR, seed * 100 + i);
            case 3 -> new DiskOperation.WriteCompressed(aligned, cluster, seed * 100 + i);
            case 4 -> new DiskOperation.WriteZeroes(start, count * SECTOR, ZeroMode.KEEP_ALLOCATED);
            case 5 -> new DiskOperation.WriteZeroes(aligned, cluster, ZeroMode.MAY_UNMAP);
            case 6 -> new DiskOperation.Discard(aligned, cluster);
            default -> new DiskOperation.Flush();
          });
    }
    return operations;
  }
}
