package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.function.UnaryOperator;

/**
 * Runs the same arguments through the command line and through the real tool, and compares what
 * they print and return.
 *
 * <p>In arguments, {@code @} stands for a directory that both see, for what is only read; {@code %}
 * for one that each has for itself, for what is written. In outputs the directories are replaced
 * likewise.
 */
final class Twins {
  private final Path shared;
  private final Path ours;
  private final Path real;

  Twins(Path directory) throws IOException {
    this.shared = Files.createDirectory(directory.resolve("shared"));
    this.ours = Files.createDirectory(directory.resolve("ours"));
    this.real = Files.createDirectory(directory.resolve("real"));
  }

  /** A file in the shared directory. */
  Path shared(String name) {
    return shared.resolve(name);
  }

  /** A file in the directory that the command line has for itself. */
  Path ours(String name) {
    return ours.resolve(name);
  }

  /** A file in the directory that the real tool has for itself. */
  Path real(String name) {
    return real.resolve(name);
  }

  /** Runs the real tool, for both where the arguments name files of each, and wants success. */
  Twins prepare(String tool, String... arguments) throws IOException {
    for (Path own : new Path[] {ours, real}) {
      ToolOutput output = RealTool.run(tool, "", expand(own, arguments));
      assertThat(output.exitCode()).as("%s", output).isZero();
      if (Arrays.stream(arguments).noneMatch(argument -> argument.contains("%"))) {
        break;
      }
    }
    return this;
  }

  /** Runs the command line. */
  ToolOutput ours(String tool, String input, String... arguments) {
    ByteArrayOutputStream out = new ByteArrayOutputStream();
    ByteArrayOutputStream err = new ByteArrayOutputStream();
    int exitCode =
        Main.run(
            tool,
            expand(ours, arguments),
            new ByteArrayInputStream(input.getBytes(StandardCharsets.UTF_8)),
            new PrintStream(out, false, StandardCharsets.UTF_8),
            new PrintStream(err, false, StandardCharsets.UTF_8));
    return new ToolOutput(
            exitCode, out.toString(StandardCharsets.UTF_8), err.toString(StandardCharsets.UTF_8))
        .map(text -> text.replace(ours.toString(), "%").replace(shared.toString(), "@"));
  }

  /** Runs the real tool. */
  ToolOutput real(String tool, String input, String... arguments) throws IOException {
    return RealTool.run(tool, input, expand(real, arguments))
        .map(text -> text.replace(real.toString(), "%").replace(shared.toString(), "@"));
  }

  /** Wants the same output and exit code of qemu-img and here. */
  ToolOutput assertSame(String... arguments) throws IOException {
    return assertSame(UnaryOperator.identity(), "qemu-img", "", arguments);
  }

  /** Wants the same of qemu-io and here, but for the time that it takes. */
  ToolOutput assertSameIo(String... arguments) throws IOException {
    return assertSameIo(arguments, "");
  }

  /** Likewise, with something on standard input. */
  ToolOutput assertSameIo(String[] arguments, String input) throws IOException {
    return assertSame(Twins::withoutTime, "qemu-io", input, arguments);
  }

  private ToolOutput assertSame(
      UnaryOperator<String> normaliser, String tool, String input, String... arguments)
      throws IOException {
    ToolOutput expected = real(tool, input, arguments).map(normaliser);
    ToolOutput actual = ours(tool, input, arguments).map(normaliser);
    assertThat(actual).as("%s %s", tool, String.join(" ", arguments)).isEqualTo(expected);
    return actual;
  }

  /**
   * Wants the same exit code and standard output of qemu-img and here, and something on standard
   * error of both: for faults that this library has its own words for.
   */
  ToolOutput assertSameFault(String... arguments) throws IOException {
    ToolOutput expected = real("qemu-img", "", arguments);
    ToolOutput actual = ours("qemu-img", "", arguments);
    String what = "qemu-img " + String.join(" ", arguments) + "\n" + actual + "\n" + expected;
    assertThat(actual.exitCode()).as(what).isEqualTo(expected.exitCode());
    assertThat(actual.stdout()).as(what).isEqualTo(expected.stdout());
    assertThat(expected.stderr()).as(what).startsWith("qemu-img: ");
    assertThat(actual.stderr()).as(what).startsWith("qemu-img: ");
    return actual;
  }

  private String[] expand(Path own, String[] arguments) {
    return Arrays.stream(arguments)
        .map(argument -> argument.replace("@", shared.toString()).replace("%", own.toString()))
        .toArray(String[]::new);
  }

  private static String withoutTime(String text) {
    return text.replaceAll("; \\S+( sec)? \\(.* ops/sec\\)", "; TIME")
        .replaceAll(",1,\\d+:\\d\\d:\\d\\d\\.\\d\\d,[\\d.]+,[\\d.]+", ",1,TIME");
  }
}
