package io.github.qcow2.testkit.fault;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Every call that a workload makes of its host fails once, and fails from then on, in each way that
 * suits it. What must hold is in {@link FaultRun}.
 */
final class FaultTest {
  /** One image of so many is opened and written to after all that. */
  private static final int USED_AGAIN = 4;

  static List<FaultScene> scenes() throws IOException {
    return FaultScenes.all();
  }

  @ParameterizedTest
  @MethodSource("scenes")
  @Timeout(value = 120, unit = TimeUnit.SECONDS, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void wheneverACallFailsTheImageStaysConsistentAndNothingAcknowledgedIsLost(FaultScene scene)
      throws IOException {
    SpecOracle oracle = scene.new Files().oracle();
    byte[] content = FaultScene.content(oracle);
    byte[][] snapshots = FaultScene.snapshots(oracle);
    List<Fault> faults = faults(clean(scene, content, snapshots));
    Map<FaultRun.Outcome, Integer> outcomes = new EnumMap<>(FaultRun.Outcome.class);
    long began = System.nanoTime();

    List<AssertionError> errors = new CopyOnWriteArrayList<>();
    IntStream.range(0, faults.size())
        .parallel()
        .mapToObj(
            i -> {
              FaultRun run = new FaultRun(scene, content, snapshots, new Faults(), faults.get(i));
              return outcome(run, i % USED_AGAIN == 0, errors);
            })
        .forEachOrdered(outcome -> outcomes.merge(outcome, 1, Integer::sum));

    System.out.printf(
        "%s: %d injections, %s, %d ms%n",
        scene, faults.size(), outcomes, (System.nanoTime() - began) / 1_000_000);
    assertThat(errors.stream().map(Throwable::getMessage).limit(10)).isEmpty();
    assertThat(outcomes).doesNotContainKey(FaultRun.Outcome.NOT_HIT);
  }

  private static FaultRun.Outcome outcome(
      FaultRun run, boolean usedAgain, List<AssertionError> errors) {
    try {
      FaultRun.Outcome outcome = run.run();
      if (usedAgain) {
        run.useOnceMore();
      }
      return outcome;
    } catch (AssertionError e) {
      errors.add(e);
      return FaultRun.Outcome.WRONG;
    }
  }

  /** A run in which nothing fails, to count its calls. */
  private static Faults clean(FaultScene scene, byte[] content, byte[][] snapshots) {
    Faults counts = new Faults();
    Fault never = Fault.at(Long.MAX_VALUE);
    FaultRun run = new FaultRun(scene, content, snapshots, counts, never);
    assertThat(run.run()).isEqualTo(FaultRun.Outcome.NOT_HIT);
    assertThat(run.failures()).isZero();
    return counts;
  }

  private static List<Fault> faults(Faults clean) {
    List<Fault> faults = new ArrayList<>();
    for (StorageCall call : StorageCall.values()) {
      for (long k = 1; k <= clean.calls(call); k++) {
        Fault fault = Fault.at(k).of(call);
        addBoth(faults, fault);
        if (call == StorageCall.WRITE) {
          addBoth(faults, fault.with(Fault.Reason.NO_SPACE).afterSectors(1));
          addBoth(faults, fault.afterBytes(Integer.MAX_VALUE));
        }
      }
    }
    for (long k = 1; k <= clean.calls(); k++) {
      faults.add(Fault.at(k).forGood());
    }
    return faults;
  }

  private static void addBoth(List<Fault> faults, Fault fault) {
    faults.add(fault);
    faults.add(fault.forGood());
  }
}
