package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class BenchCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/a.qcow2", "4M");
    twins.prepare("qemu-io", "-c", "write -P 9 0 4M", "%/a.qcow2");
  }

  private static String[] arguments(String line) {
    List<String> arguments = new ArrayList<>(List.of("bench", "-f", "qcow2"));
    if (!line.isEmpty()) {
      arguments.addAll(List.of(line.split(" ", -1)));
    }
    arguments.add("%/a.qcow2");
    return arguments.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-c 100",
        "-c 0",
        "-c 0x10 -d 1",
        "-c 3000 -s 1000 -S 1.5k -o 3 -d 3",
        "-c 10 -w --pattern 65 -q",
        "-c 10 -i threads -U",
        "-c 10 -w -d 4 --flush-interval 5",
        "-c 10 -w -d 5 --flush-interval=5 --no-drain -t writethrough",
      })
  void linesAreThoseOfQemuImg(String line) throws IOException {
    ToolOutput real = twins.real("qemu-img", "", arguments(line)).map(BenchCommandTest::untimed);
    ToolOutput ours = twins.ours("qemu-img", "", arguments(line)).map(BenchCommandTest::untimed);
    assertThat(ours).isEqualTo(real);
    assertThat(ours.exitCode()).isZero();
    assertThat(ours.stdout()).endsWith("Run completed in TIME seconds.\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-c x",
        "-c 09",
        "-c 1k",
        "-d -1",
        "-d 4g",
        "-S 3g",
        "-S -1",
        "-s 4g",
        "-s 3x",
        "-o -1",
        "-i foo",
        "-t foo",
        "-n",
        "-i native -t writeback",
        "-U -w",
        "-w --pattern 256",
        "--pattern x",
        "-c 10 --flush-interval 10",
        "-w -c 100 --flush-interval=2 -d 4",
        "-w --flush-interval x",
        "-z",
      })
  void complaintsAreThoseOfQemuImg(String line) throws IOException {
    assertThat(twins.assertSame(arguments(line)).exitCode()).isEqualTo(1);
  }

  @ParameterizedTest
  @ValueSource(strings = {"-c 2 -o 100G", "-c 40 -s 128k -o 1000k", "-c 2 -s 5M"})
  void requestsPastTheEndFail(String line) throws IOException {
    ToolOutput ours = twins.assertSame(arguments(line));
    assertThat(ours.exitCode()).isEqualTo(1);
    assertThat(ours.stderr()).isEqualTo("qemu-img: Failed request: Input/output error\n");
  }

  @Test
  void everyRequestIsSentOnceWhereItBelongs() throws IOException {
    String line = "-w -c 1500 -d 7 -s 512 -S 4096 -o 1024 --pattern 0x41 --flush-interval 50";
    ToolOutput ours = twins.ours("qemu-img", "", arguments(line));
    assertThat(ours.exitCode()).as("%s", ours).isZero();
    twins.real("qemu-img", "", arguments(line));
    for (Path own : List.of(twins.ours("a"), twins.real("a"))) {
      ToolOutput converted =
          RealTool.run(
              "qemu-img", "", new String[] {"convert", "-O", "raw", own + ".qcow2", own + ".raw"});
      assertThat(converted.exitCode()).isZero();
    }
    assertThat(Files.mismatch(twins.ours("a.raw"), twins.real("a.raw"))).isEqualTo(-1);
  }

  private static String untimed(String text) {
    return text.replaceAll("in [0-9.]+ seconds", "in TIME seconds");
  }
}
