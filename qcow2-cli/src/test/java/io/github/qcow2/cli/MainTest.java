package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class MainTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
  }

  @ParameterizedTest
  @RequiresQemu
  @ValueSource(
      strings = {
        "",
        "foo",
        "-x",
        "--foo",
        "-x info",
        "-q info",
        "--",
        "info",
        "info a b",
        "info --output",
        "info --output x",
        "info --output= x",
        "info --output=bad x",
        "info --x x",
        "info --f",
        "info --b=3 x",
        "info -U -f",
        "info -Ux a",
        "info a -x",
        "info a -xU",
        "info a -- -U",
        "-- info",
        "map",
        "map a b",
        "map --start-offset=x a",
        "map --max-length=x a",
        "check",
        "check -r foo a",
        "check a b",
        "check --r a",
        "compare",
        "compare a",
        "compare a b c",
        "compare -T foo a",
        "compare -T foo a b",
        "convert",
        "convert a",
        "convert -x a b",
        "convert --target a b",
        "convert -t foo a b",
        "convert -T foo a b",
        "convert -S x a b",
        "convert -S 1000 a b",
        "convert -S 32M a b",
        "convert -m 0 a b",
        "convert -m 17 a b",
        "convert -m x a b",
        "convert -n -o cluster_size=4k a b",
        "convert --target-is-zero a b",
      })
  void misuseIsReportedAsQemuImgReportsIt(String line) throws IOException {
    twins.assertSame(line.isEmpty() ? new String[0] : line.split(" ", -1));
  }

  @ParameterizedTest
  @ValueSource(strings = {"-h", "--help", "--he", "info -h", "create --help", "convert -h"})
  void helpIsPrinted(String line) {
    ToolOutput output = twins.ours("qcow2", "", line.split(" ", -1));
    assertThat(output.exitCode()).isZero();
    assertThat(output.stdout()).contains("usage: qcow2 ").contains("Supported formats: qcow2 raw");
    assertThat(output.stderr()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(strings = {"-V", "--version", "--vers", "-Vh", "-V info"})
  void versionIsPrinted(String line) {
    ToolOutput output = twins.ours("qcow2", "", line.split(" ", -1));
    assertThat(output.exitCode()).isZero();
    assertThat(output.stdout())
        .startsWith("qcow2 version ")
        .doesNotContain("unknown", "${")
        .contains("\nhost files: " + HostFiles.description() + "\n")
        .contains("\nzlib: ")
        .endsWith("\nzstd: zstd-jni, level 3\n");
  }

  @ParameterizedTest
  @ValueSource(strings = {"bitmap", "commit", "dd", "measure", "rebase", "snapshot"})
  void commandOfQemuImgThatDoesNotExistHereIsRefused(String command) {
    ToolOutput output = twins.ours("qcow2", "", command, "x");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).startsWith("qcow2: Command not supported: " + command + "\n");
  }

  @Test
  void refusedOptionIsNamed() {
    assertThat(twins.ours("qcow2", "", "convert", "-r", "1", "a", "b").stderr())
        .isEqualTo("qcow2: Option '-r' is not supported\n");
    assertThat(twins.ours("qcow2", "", "info", "--image-opts", "a").stderr())
        .isEqualTo("qcow2: Option '--image-opts' is not supported\n");
  }
}
