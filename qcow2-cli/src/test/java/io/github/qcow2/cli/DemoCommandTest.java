package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DemoCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
  }

  @Test
  void tourVerifiesWhatItClaims() {
    ToolOutput output = twins.ours("qcow2", "", "demo", "%/demo");
    assertThat(output.stderr()).isEmpty();
    assertThat(output.exitCode()).isZero();
    assertThat(output.stdout())
        .contains("0x0           1 cluster   header\n")
        .contains("refcount table\n", "refcount block\n", "L1 table\n", "L2 table for guest bytes")
        .contains("2 clusters  guest bytes from 1 MiB to 1.125 MiB\n")
        .endsWith("# Everything said above has been verified.\n");
  }

  @Test
  @RequiresQemu
  void imagesOfTheTourAreInOrderForQemuImg() throws IOException {
    assertThat(twins.ours("qcow2", "", "demo", "%/demo").exitCode()).isZero();
    for (String name : new String[] {"base.qcow2", "overlay.qcow2"}) {
      String image = twins.ours("demo").resolve(name).toString();
      assertThat(RealTool.run("qemu-img", "", "check", image).exitCode()).isZero();
    }
  }

  @Test
  void existingImagesAreLeftAlone() throws IOException {
    Files.createDirectory(twins.ours("demo"));
    Files.writeString(twins.ours("demo").resolve("base.qcow2"), "precious");
    ToolOutput output = twins.ours("qcow2", "", "demo", "%/demo");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).contains("exists");
    assertThat(twins.ours("demo").resolve("base.qcow2")).hasContent("precious");
  }

  @Test
  void temporaryDirectoryIsRemoved() throws IOException {
    ToolOutput output = twins.ours("qcow2", "", "demo");
    assertThat(output.exitCode()).isZero();
    String path = output.stdout().replaceAll("(?s).*?create -f qcow2 (\\S+)/base\\.qcow2.*", "$1");
    assertThat(Path.of(path)).isAbsolute().doesNotExist();
  }
}
