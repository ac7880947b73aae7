package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.File;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Loading a provider, seen from another virtual machine. */
class HostFilesTest {
  @TempDir Path directory;

  /** Takes longer to be loaded than a virtual machine to end, and says when it has been. */
  public static final class Slow implements HostFileProvider {
    static final CountDownLatch BEGUN = new CountDownLatch(1);

    /** Called by the service loader. */
    public Slow() throws InterruptedException {
      BEGUN.countDown();
      Thread.sleep(1000);
      System.out.print("loaded");
      System.out.flush();
    }

    @Override
    public String name() {
      return "slow";
    }

    @Override
    public String description() {
      return name();
    }

    @Override
    public HostDescriptor open(Path path, boolean writable) throws IOException {
      throw new IOException("nothing is opened");
    }
  }

  /** Ends while the provider is being loaded. */
  static final class EarlyEnd {
    private EarlyEnd() {}

    public static void main(String[] args) throws InterruptedException {
      HostFiles.loadAhead();
      Slow.BEGUN.await();
      System.exit(0);
    }
  }

  @Test
  void programDoesNotEndBeforeAProviderIsLoadedThatItLoadsAhead() throws Exception {
    Path services = Files.createDirectories(directory.resolve("META-INF/services"));
    Files.writeString(services.resolve(HostFileProvider.class.getName()), Slow.class.getName());
    Process process =
        new ProcessBuilder(
                Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "-cp",
                directory + File.pathSeparator + System.getProperty("java.class.path"),
                EarlyEnd.class.getName())
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();

    assertThat(new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8))
        .isEqualTo("loaded");
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
  }
}
