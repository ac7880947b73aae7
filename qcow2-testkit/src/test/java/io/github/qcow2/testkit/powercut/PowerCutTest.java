package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIfSystemProperty;

/**
 * Whenever the power is cut, the image is in order and holds what it promised.
 *
 * <ul>
 *   <li>{@code -Dpowercut.states=N} sets how many different states are to be judged at least;
 *       1,000,000 if not given.
 *   <li>{@code -Dpowercut.seed=N} chooses other random histories; 0 if not given.
 *   <li>{@code -Dpowercut.replay='disk | history | crash point'}, as a finding has it, judges that
 *       state alone, with the same seed.
 * </ul>
 */
final class PowerCutTest {
  private static final int THREADS = 2;
  private static final int PAIRS = 30;
  private static final int OPERATIONS = 60;
  private static final long LEAST_BY_LIBRARY = 100_000;
  private static final int MOST_ROUNDS = 10_000;

  private final long states = Long.getLong("powercut.states", 1_000_000);
  private final long seed = Long.getLong("powercut.seed", 0);

  /** A history on a disk, by the name that findings give it. */
  private record Work(SampleDisk disk, String name, List<DiskOperation> history) {}

  @Test
  void noPowerCutLosesAnything() throws Exception {
    List<SampleDisk> disks = SampleDisk.all();
    PowerCutReport report = new PowerCutReport();
    List<Work> few = new ArrayList<>();
    for (SampleDisk disk : disks) {
      few.addAll(singles(disk));
      for (int i = 0; i < PAIRS; i++) {
        few.add(pair(disk, i));
      }
    }
    run(few, report);
    long beforeRounds = report.distinctStates();
    int round = 0;
    while (isTooLittle(report) && report.findings().isEmpty() && round < MOST_ROUNDS) {
      List<Work> many = new ArrayList<>();
      for (SampleDisk disk : disks) {
        many.add(random(disk, round));
      }
      run(many, report);
      round++;
    }
    System.out.printf(
        "Power cuts, seed %d: %s; %,d states by short histories, %d rounds of long ones%n",
        seed, report, beforeRounds, round);

    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isGreaterThanOrEqualTo(states);
    assertThat(report.statesJudgedByLibrary()).isGreaterThanOrEqualTo(LEAST_BY_LIBRARY);
    assertThat(report.recoveries()).isPositive();
  }

  @Test
  @EnabledIfSystemProperty(named = "powercut.replay", matches = ".+")
  void replay() throws Exception {
    String[] parts = System.getProperty("powercut.replay").split(" \\| ", -1);
    PowerCutReport report = new PowerCutReport();
    for (SampleDisk disk : SampleDisk.all()) {
      if (disk.name.equals(parts[0])) {
        Work work = find(disk, parts[1]);
        disk.experiment(report).only(CrashPoint.parse(parts[2])).run(work.name, work.history);
      }
    }
    assertThat(report.histories()).isEqualTo(1);
    assertThat(report.findings()).isEmpty();
  }

  private boolean isTooLittle(PowerCutReport report) {
    return report.distinctStates() < states || report.statesJudgedByLibrary() < LEAST_BY_LIBRARY;
  }

  private List<Work> singles(SampleDisk disk) {
    List<Work> singles = new ArrayList<>();
    List<List<DiskOperation>> histories = new SampleHistories(disk).single();
    for (int i = 0; i < histories.size(); i++) {
      singles.add(new Work(disk, "single " + i, histories.get(i)));
    }
    return singles;
  }

  private Work pair(SampleDisk disk, int number) {
    Random random = new Random(seed * 1_000_003 + number);
    return new Work(disk, "pair " + number, new SampleHistories(disk).pair(random));
  }

  private Work random(SampleDisk disk, int number) {
    Random random = new Random(seed * 1_000_003 + number);
    return new Work(disk, "random " + number, new SampleHistories(disk).random(random, OPERATIONS));
  }

  private Work find(SampleDisk disk, String name) {
    int number = Integer.parseInt(name.substring(name.indexOf(' ') + 1));
    return switch (name.charAt(0)) {
      case 's' -> singles(disk).get(number);
      case 'p' -> pair(disk, number);
      default -> random(disk, number);
    };
  }

  /** Does all of the work. What is found does not depend on which thread does what. */
  private static void run(List<Work> works, PowerCutReport report) throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(THREADS);
    try {
      List<Future<PowerCutReport>> parts = new ArrayList<>();
      for (Work work : works) {
        parts.add(
            threads.submit(
                () -> {
                  PowerCutReport part = new PowerCutReport();
                  work.disk.experiment(part).run(work.name, work.history);
                  return part;
                }));
      }
      for (Future<PowerCutReport> part : parts) {
        report.add(part.get());
      }
    } finally {
      threads.shutdownNow();
    }
  }
}
