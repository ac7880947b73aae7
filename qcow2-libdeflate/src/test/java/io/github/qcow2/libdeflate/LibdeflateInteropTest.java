package io.github.qcow2.libdeflate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Clusters by libdeflate are read by QEMU, and those by QEMU through libdeflate. */
@RequiresQemu
@EnabledIf(
    value = "io.github.qcow2.libdeflate.Libdeflate#isAvailable",
    disabledReason = "libdeflate is not installed")
final class LibdeflateInteropTest {
  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  /** Text, repetitions from far away, and noise, a few clusters of each. */
  private static byte[] content(int length) {
    byte[] bytes = new byte[length];
    Random random = new Random(9);
    for (int i = 0; i < length; i++) {
      bytes[i] =
          switch (i * 4 / length) {
            case 0 -> (byte) ("quick brown fox ".charAt(i % 16) + random.nextInt(3));
            case 1 -> i > 30_000 ? bytes[i - 30_000] : (byte) random.nextInt();
            case 2 -> (byte) random.nextInt();
            default -> (byte) (i >> 9);
          };
    }
    return bytes;
  }

  @ParameterizedTest
  @CsvSource({"512, 4", "4096, 4", "65536, 1", "65536, 4", "65536, 12", "2097152, 4"})
  void qemuReadsWhatTheLibraryCompressed(int clusterSize, int level) throws IOException {
    byte[] content = content(4 * Math.max(clusterSize, 262_144));
    Path path = directory.resolve("image.qcow2");
    try (Qcow2Image image =
        Qcow2Image.create(path, content.length)
            .clusterSize(clusterSize)
            .codec(new LibdeflateCodec(level))
            .build()) {
      image.writeCompressed(ByteBuffer.wrap(content), 0);
    }

    assertThat(qemu.check(path).isClean()).isTrue();
    assertThat(Arrays.equals(qemu.content(path), content)).isTrue();
  }

  @Test
  void whatQemuCompressedIsRead() throws IOException {
    byte[] content = content(1 << 20);
    Path raw = Files.write(directory.resolve("raw"), content);
    Path path = directory.resolve("image.qcow2");
    assertThat(
            qemu.img("convert", "-c", "-f", "raw", "-O", "qcow2", raw.toString(), path.toString())
                .exitCode())
        .isZero();
    byte[] back = new byte[content.length];
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      image.read(ByteBuffer.wrap(back), 0);
    }
    assertThat(Arrays.equals(back, content)).isTrue();
  }
}
