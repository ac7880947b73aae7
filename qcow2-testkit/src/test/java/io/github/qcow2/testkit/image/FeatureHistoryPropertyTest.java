package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;
import net.jqwik.api.sessions.JqwikSession;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The product of everything that an image can be made of and opened with. */
final class FeatureHistoryPropertyTest {
  private static final int HISTORIES = 60;
  private static final long SEED = 20_261_122;

  @TempDir Path directory;

  @Provide
  Arbitrary<FeatureHistory> histories() {
    return FeatureHistory.all(30);
  }

  @Property(tries = 300, shrinking = ShrinkingMode.BOUNDED)
  void imageAgreesWithTheReferenceDiskAndTheSpecOracle(@ForAll("histories") FeatureHistory history)
      throws IOException {
    ShapedImage image = new ShapedImage(history.features(), history.seed(), 8 << 10);
    ReferenceDisk model = run(image, history);
    SpecOracle oracle = image.oracle();
    assertThat(oracle.check().findings()).isEmpty();
    int step = 1 << 20;
    for (long at = 0; at < model.size(); at += step) {
      int length = (int) Math.min(step, model.size() - at);
      assertThat(model.observe(at, oracle.read(at, length))).isEmpty();
    }
  }

  static List<FeatureHistory> knownHistories() {
    List<FeatureHistory> histories = new ArrayList<>();
    JqwikSession.run(
        () ->
            FeatureHistory.all(30).generator(1000).stream(new Random(SEED))
                .limit(HISTORIES)
                .forEach(generated -> histories.add(generated.value())));
    return histories;
  }

  @RequiresQemu
  @ParameterizedTest
  @MethodSource("knownHistories")
  void qemuFindsTheImageCleanAndReadsTheSame(FeatureHistory history) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path dataFile = directory.resolve("data");
    ShapedImage image =
        new ShapedImage(history.features(), history.seed(), 8 << 10).dataFileAt(dataFile);
    ReferenceDisk model = run(image, history);
    Path file = image.save(directory);

    QemuCheck check = qemu.check(file);
    assertThat(check.isClean()).as("%s", check).isTrue();
    byte[] content = qemu.content(file);
    assertThat(model.observe(0, content)).isEmpty();
    if (history.features().dataFile() == ImageFeatures.DataFile.RAW) {
      byte[] data = Files.readAllBytes(dataFile);
      assertThat(Arrays.mismatch(data, content)).as("the data file by itself").isEqualTo(-1);
    }
  }

  private static ReferenceDisk run(ShapedImage image, FeatureHistory history) throws IOException {
    try (SideBySide sides = image.sideBySide()) {
      sides.applyAll(history.operations());
      return sides.model();
    }
  }
}
