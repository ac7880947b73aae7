package io.github.qcow2.testkit.qemu;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.tuple;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Example;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresQemu
final class QemuToolsTest {
  @TempDir private Path directory;

  @Test
  void createWriteAndReadBack() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = directory.resolve("a.qcow2");

    qemu.create(image, 1 << 20, "cluster_size=4096", "compat=0.10");
    qemu.io(image, "write -P 0x11 8k 4k", "write -P 0x22 100k 1k").orThrow();

    byte[] content = qemu.content(image);
    assertThat(content).hasSize(1 << 20);
    assertThat(Arrays.copyOfRange(content, 8192, 12288)).containsOnly(0x11);
    assertThat(Arrays.copyOfRange(content, 102400, 103424)).containsOnly(0x22);
    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(qemu.check(image).allocatedClusters()).isEqualTo(2);
    assertThat(qemu.info(image)).containsEntry("virtual-size", 1 << 20);
    assertThat(qemu.map(image))
        .filteredOn(QemuExtent::data)
        .extracting(QemuExtent::start, QemuExtent::length)
        .containsExactly(tuple(8192L, 4096L), tuple(102400L, 4096L));
  }

  @Test
  void failedPatternIsAFailedRun() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 1 << 20);

    ToolResult result = qemu.io(image, "read -P 0x11 0 4k");

    assertThat(result.succeeded()).isFalse();
    assertThatIOException().isThrownBy(result::orThrow).withMessageContaining("read -P 0x11 0 4k");
  }

  @Test
  void convertKeepsContent() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path raw = directory.resolve("a.raw");
    byte[] bytes = new byte[300 * 1024];
    Arrays.fill(bytes, 70_000, 200_000, (byte) 'x');
    Files.write(raw, bytes);
    Path image = directory.resolve("a.qcow2");

    qemu.convert(raw, "raw", image, "qcow2", "-c", "cluster_size=4k");

    assertThat(qemu.content(image)).isEqualTo(bytes);
    assertThat(qemu.check(image).compressedClusters()).isPositive();
    assertThat(qemu.identical(raw, "raw", image, "qcow2")).isTrue();
    qemu.io(image, "write -P 1 0 512").orThrow();
    assertThat(qemu.identical(raw, "raw", image, "qcow2")).isFalse();
  }

  @Test
  void leakIsToldFromCorruption() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 1 << 20);
    byte[] bytes = Files.readAllBytes(image);
    byte[] leaky = Arrays.copyOf(bytes, 8 << 16);
    leaky[(2 << 16) + 2 * 7 + 1] = 1;
    Files.write(image, leaky);

    QemuCheck check = qemu.check(image);

    assertThat(check.leaks()).isEqualTo(1);
    assertThat(check.corruptions()).isZero();
    assertThat(check.isClean()).isFalse();
  }

  @Test
  void imageThatCannotBeOpenedHasNoVerdict() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = directory.resolve("a.qcow2");
    Files.write(image, new byte[1024]);

    assertThatIOException().isThrownBy(() -> qemu.check(image));
  }

  @Test
  void versionIsThatOfTheInstalledTools() throws IOException {
    QemuTools qemu = QemuTools.required();

    assertThat(qemu.version()).matches("\\d+\\.\\d+\\.\\d+");
    assertThat(qemu.isAtLeast(1, 7)).isTrue();
    assertThat(qemu.isAtLeast(1000, 0)).isFalse();
  }

  @Test
  void programThatDoesNotEndIsStopped() {
    assertThatIOException()
        .isThrownBy(() -> ToolProcess.run(List.of("sleep", "600"), Duration.ofMillis(50)))
        .withMessageContaining("sleep 600");
  }

  @Example
  void propertiesMayAskToo() throws IOException {
    assertThat(QemuTools.required().img("--version").succeeded()).isTrue();
  }
}
