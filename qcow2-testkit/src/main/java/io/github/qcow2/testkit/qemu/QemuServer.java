package io.github.qcow2.testkit.qemu;

import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;

/**
 * A {@code qemu-nbd} that has an image open and would serve it to anybody who connects to its
 * socket, until it is closed. Got from {@link QemuTools#serve}.
 */
public final class QemuServer implements AutoCloseable {
  private static final long TIMEOUT_SECONDS = 60;
  private static final long POLL_MILLIS = 10;

  private final Path directory;
  private final Process process;

  private QemuServer(Path directory, Process process) {
    this.directory = directory;
    this.process = process;
  }

  static QemuServer start(Path program, List<String> arguments) throws IOException {
    Path directory = Files.createTempDirectory("nbd");
    List<String> command = new ArrayList<>();
    command.add(program.toString());
    command.addAll(List.of("--persistent", "--socket", directory.resolve("socket").toString()));
    command.addAll(arguments);
    ProcessBuilder builder = new ProcessBuilder(command);
    builder.environment().put("LC_ALL", "C");
    builder.redirectErrorStream(true).redirectOutput(directory.resolve("output").toFile());
    QemuServer server = new QemuServer(directory, builder.start());
    boolean serving = false;
    try {
      server.waitUntilServing(command);
      serving = true;
      return server;
    } finally {
      if (!serving) {
        server.close();
      }
    }
  }

  /** A server that greets has opened the image; it can be connected to even before. */
  private void waitUntilServing(List<String> command) throws IOException {
    UnixDomainSocketAddress address = UnixDomainSocketAddress.of(directory.resolve("socket"));
    long deadline = System.nanoTime() + TimeUnit.SECONDS.toNanos(TIMEOUT_SECONDS);
    while (true) {
      try (SocketChannel channel = SocketChannel.open(address)) {
        if (channel.read(ByteBuffer.allocate(1)) == 1) {
          return;
        }
        throw new IOException("no greeting");
      } catch (IOException e) {
        if (!process.isAlive() || System.nanoTime() > deadline) {
          String output =
              Files.readString(directory.resolve("output"), StandardCharsets.UTF_8).strip();
          throw new IOException(String.join(" ", command) + ": " + output, e);
        }
      }
      try {
        Thread.sleep(POLL_MILLIS);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new IOException("interrupted while starting " + String.join(" ", command), e);
      }
    }
  }

  /** Stops the server, and returns when it has closed the image. */
  @Override
  public void close() throws IOException {
    process.destroy();
    boolean interrupted = false;
    while (process.isAlive()) {
      try {
        if (!process.waitFor(TIMEOUT_SECONDS, TimeUnit.SECONDS)) {
          process.destroyForcibly();
        }
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Files.deleteIfExists(directory.resolve("socket"));
    Files.deleteIfExists(directory.resolve("output"));
    Files.deleteIfExists(directory);
  }
}
