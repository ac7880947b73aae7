package io.github.qcow2.cli;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.concurrent.TimeUnit;

/**
 * How much of the host's disk a file occupies, which for a sparse file is less than its length.
 * Java has no way to ask. A {@link HostFiles provider} has, if one is there and loaded already;
 * loading it takes longer than to run the host's {@code stat} program, so that comes first
 * otherwise. Where neither works the answer is unknown; the file's length would be a guess.
 */
final class DiskUsage {
  /** What a {@code stat} of GNU or BusyBox, and then one of a BSD, is asked for. */
  private static final List<List<String>> PROGRAMS =
      List.of(List.of("stat", "-L", "-c", "%b %B"), List.of("stat", "-L", "-f", "%b 512"));

  private static final int TIMEOUT_SECONDS = 10;

  private DiskUsage() {}

  /** The bytes that the file occupies, where the host can say. */
  static OptionalLong of(Path file) {
    if (HostFiles.isLoaded()) {
      return ofStorage(file);
    }
    String path = file.toAbsolutePath().toString();
    for (List<String> program : PROGRAMS) {
      OptionalLong bytes = ask(program, path);
      if (bytes.isPresent()) {
        return bytes;
      }
    }
    return ofStorage(file);
  }

  private static OptionalLong ofStorage(Path file) {
    try (Storage storage = FileStorage.open(file, LockMode.OFF)) {
      long bytes = storage.allocatedSize();
      return bytes < 0 ? OptionalLong.empty() : OptionalLong.of(bytes);
    } catch (IOException e) {
      return OptionalLong.empty();
    }
  }

  private static OptionalLong ask(List<String> program, String path) {
    Process process = null;
    try {
      ProcessBuilder builder = new ProcessBuilder(new ArrayList<>(program));
      builder.command().add(path);
      builder.redirectError(ProcessBuilder.Redirect.DISCARD);
      builder.environment().put("LC_ALL", "C");
      process = builder.start();
      process.getOutputStream().close();
      String answer =
          new String(process.getInputStream().readNBytes(100), StandardCharsets.US_ASCII).strip();
      if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS) || process.exitValue() != 0) {
        return OptionalLong.empty();
      }
      String[] numbers = answer.split(" ", -1);
      if (numbers.length != 2) {
        return OptionalLong.empty();
      }
      return OptionalLong.of(
          Math.multiplyExact(Long.parseLong(numbers[0]), Long.parseLong(numbers[1])));
    } catch (IOException | NumberFormatException | ArithmeticException e) {
      return OptionalLong.empty();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      return OptionalLong.empty();
    } finally {
      if (process != null) {
        process.destroy();
      }
    }
  }
}
