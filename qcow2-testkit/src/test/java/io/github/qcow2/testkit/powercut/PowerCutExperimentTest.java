package io.github.qcow2.testkit.powercut;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Durability;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.DiskOperation;
import java.io.IOException;
import java.util.List;
import org.junit.jupiter.api.Test;

/** An experiment finds what is wrong, and says how to see it again. */
final class PowerCutExperimentTest {
  private static final List<DiskOperation> HISTORY =
      List.of(
          new DiskOperation.Write(0, 1024, 1),
          new DiskOperation.Flush(),
          new DiskOperation.Write(512, 1024, 2),
          new DiskOperation.Flush());

  private static BuiltImage image() {
    return ImageBuilder.of(9, 64 << 10).data(5, Content.bytes(9, 5 * 512, 512)).build();
  }

  private static PowerCutReport run(PowerCutDisk disk) throws IOException {
    PowerCutReport report = new PowerCutReport();
    new PowerCutExperiment(disk, report).run("two writes", HISTORY);
    return report;
  }

  @Test
  void imageInOrderPassesAllJudges() throws IOException {
    PowerCutReport report = run(PowerCutDisk.of("disk", image().bytes()));

    assertThat(report.findings()).isEmpty();
    assertThat(report.distinctStates()).isGreaterThan(30);
    assertThat(report.statesJudgedByLibrary()).isGreaterThan(30);
    assertThat(report.recoveries()).isPositive();
  }

  @Test
  void imageWithoutBarriersDoesNot() throws IOException {
    PowerCutDisk disk =
        PowerCutDisk.of("disk", image().bytes())
            .opened(opener -> opener.durability(Durability.UNSAFE));

    PowerCutReport report = run(disk);

    assertThat(report.findingsTotal()).isGreaterThan(20);
    assertThat(report.findings()).anyMatch(finding -> finding.contains("content: sector 0"));
    assertThat(report.findings()).anyMatch(finding -> finding.contains("REFCOUNT_TOO_LOW"));
    assertThat(report.findings()).anyMatch(finding -> finding.startsWith("disk | two writes is ["));
  }

  @Test
  void findingCanBeSeenAgain() throws IOException {
    PowerCutDisk disk =
        PowerCutDisk.of("disk", image().bytes())
            .opened(opener -> opener.durability(Durability.UNSAFE));
    String finding = run(disk).findings().get(0);
    String point = finding.split(" \\| ", -1)[2].replaceAll(": .*(?s).*", "");

    PowerCutReport again = new PowerCutReport();
    new PowerCutExperiment(disk, again).only(CrashPoint.parse(point)).run("two writes", HISTORY);

    assertThat(again.findings().get(0)).isEqualTo(finding);
    assertThat(again.distinctStates()).isEqualTo(1);
  }

  @Test
  void leakAtTheEndIsFoundThoughPowerCutsMayLeaveSome() throws IOException {
    BuiltImage image = image();
    PowerCutReport report =
        run(PowerCutDisk.of("disk", image.withRefcount(image.hostOffset(5), 2).bytes()));

    assertThat(report.findings()).isNotEmpty().first().asString().contains("end: check: LEAK");
  }

  @Test
  void sameSeedFindsTheSame() throws IOException {
    PowerCutDisk disk =
        PowerCutDisk.of("disk", image().bytes())
            .opened(opener -> opener.durability(Durability.UNSAFE));

    assertThat(run(disk)).hasToString(run(disk).toString());
  }
}
