package io.github.qcow2.testkit.lock;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.testkit.contract.InterruptStorm;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** I10: interrupts at any moment neither close an image nor lose a write. */
@Timeout(300)
class InterruptStormTest {
  private static final int THREADS = 6;
  private static final int SIZE = 8 << 20;

  @TempDir Path directory;

  @Test
  void thirtySecondsOfInterruptsLoseNothing() throws Exception {
    Path path = directory.resolve("image.qcow2");
    Qcow2Image.create(path, SIZE).clusterSize(4096).createOnly();
    InterruptStorm storm;
    try (Qcow2Image image = Qcow2Image.open(path).writable().cacheSize(64 << 10).build()) {
      storm = new InterruptStorm(image, THREADS);
      assertThat(storm.run(30_000)).as("interrupts").isPositive();
      storm.verifyAll();
    }
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      storm.verifyAll(image);
    }
    CheckReport report = ImageCheck.of(path).run();
    assertThat(report.corruptions() + report.leaks()).isZero();
  }

  @Test
  void rawImageLosesNothingEither() throws Exception {
    Path path = directory.resolve("image.raw");
    InterruptStorm storm;
    try (RawImage image = RawImage.create(path, SIZE)) {
      storm = new InterruptStorm(image, THREADS);
      assertThat(storm.run(2_000)).as("interrupts").isPositive();
      storm.verifyAll();
    }
    try (RawImage image = RawImage.open(path)) {
      storm.verifyAll(image);
    }
  }
}
