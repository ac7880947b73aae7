package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class ResizeCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/a", "2M");
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/r", "2M");
    twins.prepare("qemu-io", "-f", "qcow2", "-c", "write -P 5 100k 1500k", "%/a");
    twins.prepare("qemu-io", "-f", "raw", "-c", "write -P 5 100k 1500k", "%/r");
  }

  private static String[] words(String line) {
    List<String> words = new ArrayList<>();
    for (String word : line.split(" ", -1)) {
      words.add(word.equals("''") ? "" : word);
    }
    return words.toArray(String[]::new);
  }

  private void assertSameDisks() throws IOException {
    for (String[] image : new String[][] {{"a", "qcow2"}, {"r", "raw"}}) {
      String ours = twins.ours(image[0]).toString();
      String real = twins.real(image[0]).toString();
      String format = image[1];
      assertThat(RealTool.run("qemu-img", "", "compare", "-f", format, "-F", format, ours, real))
          .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
    }
    assertThat(RealTool.run("qemu-img", "", "check", twins.ours("a").toString()).exitCode())
        .isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "%/a 3M",
        "%/a +1M",
        "%/a +0",
        "-q %/a 4M",
        "-f qcow2 %/a 2M",
        "%/a -- 3M",
        "--shrink %/a 3M",
        "--shrink %/a 1M",
        "--shrink %/a 512",
        "--shrink %/a -1M",
        "-q --shrink %/a 0x100k",
        "--preallocation=off %/a 3M",
        "--preallocation=metadata %/a 4M",
        "--preallocation=falloc %/a 4M",
        "--preallocation=full %/a +1M",
        "-f raw %/r 4M",
        "-f raw --preallocation=falloc %/r 4M",
        "-f raw --preallocation=full %/r +1536",
        "-f raw --shrink %/r 1M",
        "-f raw --shrink %/r 1537",
        "-f raw --shrink %/r -512k",
        "%/r 3M",
      })
  void diskHasTheSizeThatQemuImgGivesIt(String line) throws IOException {
    ToolOutput output = twins.assertSame(words("resize " + line));
    assertThat(output.exitCode()).isZero();
    assertSameDisks();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "%/a",
        "%/a 3M extra",
        "%/a -1M",
        "%/a 1M",
        "%/a 1000",
        "%/a 0",
        "--shrink %/a -10M",
        "--shrink %/a -2M",
        "%/a bad",
        "%/a ''",
        "%/a +",
        "%/a 3000001",
        "%/a 100E",
        "--preallocation=bad %/a 4M",
        "--preallocation=full --shrink %/a 1M",
        "--preallocation=full %/a 2M",
        "-f raw %/r 1M",
        "-f foo %/r 1M",
        "-f raw --preallocation=metadata %/r 4M",
        "-f raw --shrink --preallocation=full %/r 1M",
        "%/nofile 1M",
        "-U %/a 9M",
        "-p %/a 9M",
      })
  void refusalIsThatOfQemuImg(String line) throws IOException {
    ToolOutput output =
        twins.assertSame(line.isEmpty() ? words("resize") : words("resize " + line));
    assertThat(output.exitCode()).isEqualTo(1);
    assertSameDisks();
  }

  @Test
  void version2WithSnapshotsIsRefused() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=v2", "%/v2", "1M");
    twins.prepare("qemu-img", "snapshot", "-c", "s", "%/v2");
    twins.assertSameFault("resize", "%/v2", "2M");
  }
}
