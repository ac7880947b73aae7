package io.github.qcow2.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/** Runs qemu-img or qemu-io itself. */
final class RealTool {
  private static final int TIMEOUT_SECONDS = 120;

  private RealTool() {}

  /**
   * Runs the tool to its end.
   *
   * @param input what it reads from standard input
   */
  static ToolOutput run(String program, String input, String... arguments) throws IOException {
    Path directory = Files.createTempDirectory("real");
    Path out = directory.resolve("out");
    Path err = directory.resolve("err");
    Path in = directory.resolve("in");
    try {
      Files.writeString(in, input);
      List<String> command = new ArrayList<>(List.of(program));
      command.addAll(List.of(arguments));
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().put("LC_ALL", "C.UTF-8");
      Process process =
          builder
              .redirectInput(in.toFile())
              .redirectOutput(out.toFile())
              .redirectError(err.toFile())
              .start();
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
        process.destroyForcibly();
        throw new IOException("not done after " + TIMEOUT_SECONDS + " s: " + command);
      }
      return new ToolOutput(process.exitValue(), text(out), text(err));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted", e);
    } finally {
      for (Path file : List.of(in, out, err, directory)) {
        Files.deleteIfExists(file);
      }
    }
  }

  private static String text(Path file) throws IOException {
    return new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
  }
}
