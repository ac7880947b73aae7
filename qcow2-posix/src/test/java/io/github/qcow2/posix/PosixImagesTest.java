package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.operation.Compare;
import io.github.qcow2.operation.CompareResult;
import io.github.qcow2.operation.Convert;
import io.github.qcow2.operation.ConvertResult;
import io.github.qcow2.testkit.contract.InterruptStorm;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** Images in files of the host hold what they hold without a provider. */
@EnabledOnOs(OS.LINUX)
class PosixImagesTest {
  private static final int MIB = 1 << 20;

  @TempDir Path directory;

  private static ByteBuffer random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return ByteBuffer.wrap(bytes);
  }

  @Test
  void copyByTheHostReadsNothing() throws IOException {
    Path qcow2 = directory.resolve("a.qcow2");
    try (RawImage source = RawImage.create(directory.resolve("a.raw"), 16 * MIB);
        Qcow2Image image = Qcow2Image.create(qcow2, 16 * MIB).build()) {
      for (BlockDevice each : new BlockDevice[] {source, image}) {
        each.write(random(3 * MIB + 512), MIB);
        each.write(random(MIB), 9 * MIB);
        Path target = directory.resolve("copy");
        try (RawImage copy = RawImage.create(target, 16 * MIB)) {
          ConvertResult result = Convert.from(each).to(copy).targetIsZero(true).offload(true).run();

          assertThat(Compare.of(each, copy).run().verdict())
              .isEqualTo(CompareResult.Verdict.IDENTICAL);
          assertThat(result.bytesRead()).as("%s", each).isZero();
          assertThat(result.bytesZero()).isGreaterThan(11 * MIB);
        }
      }
    }
  }

  @Test
  void interruptsDoNotDisturbWhatBypassesTheChannel() throws Exception {
    InterruptStorm storm;
    Path path = directory.resolve("image.raw");
    try (RawImage image = RawImage.create(path, 4 * MIB)) {
      storm = new InterruptStorm(image, 4);
      assertThat(storm.run(1_500)).isPositive();
      storm.verifyAll();
    }
    try (RawImage image = RawImage.open(path)) {
      storm.verifyAll(image);
    }
  }
}
