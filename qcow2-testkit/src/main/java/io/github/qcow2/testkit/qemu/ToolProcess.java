package io.github.qcow2.testkit.qemu;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * Runs one program to its end. Output goes through temporary files, so that no amount of it can
 * block the program or fill the heap.
 */
final class ToolProcess {
  private ToolProcess() {}

  static ToolResult run(List<String> command, Duration timeout) throws IOException {
    Path directory = Files.createTempDirectory("qemu");
    Path stdout = directory.resolve("stdout");
    Path stderr = directory.resolve("stderr");
    try {
      ProcessBuilder builder = new ProcessBuilder(command);
      builder.environment().put("LC_ALL", "C");
      builder.redirectOutput(stdout.toFile());
      builder.redirectError(stderr.toFile());
      Process process = builder.start();
      process.getOutputStream().close();
      int exitCode = waitFor(process, command, timeout);
      return new ToolResult(command, exitCode, text(stdout), text(stderr));
    } finally {
      Files.deleteIfExists(stdout);
      Files.deleteIfExists(stderr);
      Files.delete(directory);
    }
  }

  private static int waitFor(Process process, List<String> command, Duration timeout)
      throws IOException {
    try {
      if (process.waitFor(timeout.toMillis(), TimeUnit.MILLISECONDS)) {
        return process.exitValue();
      }
      throw new IOException("not done after " + timeout + ": " + String.join(" ", command));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new IOException("interrupted while waiting for " + String.join(" ", command), e);
    } finally {
      process.destroyForcibly();
    }
  }

  private static String text(Path file) throws IOException {
    try (InputStream in = Files.newInputStream(file)) {
      return new String(in.readNBytes(ToolResult.MAX_OUTPUT), StandardCharsets.UTF_8);
    }
  }
}
