package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** What the system property does, and who keeps out whom: seen from another virtual machine. */
@EnabledOnOs(OS.LINUX)
@SuppressWarnings("try")
class OtherProcessTest {
  @TempDir Path directory;

  /** Opens a file for writing and says what it found, word by word. */
  static final class Probe {
    private Probe() {}

    /** Expects the path of the file. */
    public static void main(String[] args) throws IOException {
      try (Storage storage = FileStorage.openWritable(Path.of(args[0]))) {
        System.out.print("loaded=" + HostFiles.isLoaded());
        System.out.print(" allocated=" + (storage.allocatedSize() >= 0));
        System.out.print(" loaded=" + HostFiles.isLoaded());
        System.out.print(" locks=" + locks(Path.of(args[0])));
      } catch (ImageLockedException e) {
        System.out.print("locked");
      }
    }

    private static String locks(Path file) throws IOException {
      String inode = ":" + Files.getAttribute(file, "unix:ino") + " ";
      return Files.readAllLines(Path.of("/proc/locks")).stream()
          .filter(line -> line.contains(inode))
          .map(line -> line.split(" +", -1)[1])
          .distinct()
          .toList()
          .toString();
    }
  }

  private String probe(String property, Path file) throws IOException, InterruptedException {
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-D" + HostFiles.PROPERTY + "=" + property,
                    "-cp",
                    System.getProperty("java.class.path"),
                    Probe.class.getName(),
                    file.toString()))
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    String said = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    return said;
  }

  @Test
  void propertySaysWhetherAndWhenTheProviderIsLoaded() throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[100]);

    assertThat(probe("", file)).isEqualTo("loaded=true allocated=true loaded=true locks=[OFDLCK]");
    assertThat(probe("late", file))
        .as("the descriptor that is opened then drops no lock")
        .isEqualTo("loaded=false allocated=true loaded=true locks=[POSIX]");
    assertThat(probe("portable", file))
        .isEqualTo("loaded=false allocated=false loaded=false locks=[POSIX]");
  }

  @Test
  void bothKindsOfLocksKeepOutEachOther() throws Exception {
    Path file = Files.write(directory.resolve("file"), new byte[100]);
    try (Storage ignored = FileStorage.openWritable(file)) {
      assertThat(HostFiles.isLoaded()).isTrue();
      assertThat(probe("portable", file)).isEqualTo("locked");
      assertThat(probe("", file)).isEqualTo("locked");
    }
    assertThat(probe("portable", file)).startsWith("loaded=false");
  }
}
