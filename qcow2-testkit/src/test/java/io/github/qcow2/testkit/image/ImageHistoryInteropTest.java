package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.DiskHistory;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import net.jqwik.api.sessions.JqwikSession;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * After a random history qemu-img finds nothing to complain of and reads what the model holds. The
 * histories are the same in every run; {@link ImageHistoryPropertyTest} is where new ones are
 * tried.
 */
@RequiresQemu
final class ImageHistoryInteropTest {
  private static final int HISTORIES = 60;
  private static final long SEED = 20_261_121;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  static List<DiskHistory> histories() {
    List<DiskHistory> histories = new ArrayList<>();
    JqwikSession.run(
        () ->
            DiskHistories.on(ImageShapes.upTo(16L << 20), 40).generator(1000).stream(
                    new Random(SEED))
                .limit(HISTORIES)
                .forEach(generated -> histories.add(generated.value())));
    return histories;
  }

  @ParameterizedTest
  @MethodSource("histories")
  void qemuFindsTheImageCleanAndReadsTheSame(DiskHistory history) throws IOException {
    ShapedImage image = new ShapedImage(history.shape(), history.backingSeed(), 8 << 10);
    ReferenceDisk model;
    try (SideBySide sides = image.sideBySide()) {
      sides.applyAll(history.operations());
      model = sides.model();
    }
    Path file = image.save(directory);

    QemuCheck check = qemu.check(file);
    assertThat(check.isClean()).as("%s", check).isTrue();
    assertThat(model.observe(0, qemu.content(file))).isEmpty();
  }
}
