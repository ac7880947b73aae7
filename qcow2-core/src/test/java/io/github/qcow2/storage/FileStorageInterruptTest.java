package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.FileReplacedException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;

/** I10: interruption neither closes a file nor loses a write. */
@Timeout(120)
class FileStorageInterruptTest {
  @TempDir Path directory;

  @AfterEach
  void clearInterruptStatus() {
    Thread.interrupted();
  }

  @Test
  void interruptedThreadCanUseEveryOperation() throws IOException {
    interruptedThreadCanUseEveryOperation(directory.resolve("file"));
  }

  /** Alone, because jimfs deadlocks where one thread is interrupted while another closes. */
  @Test
  void interruptedThreadCanUseEveryOperationOnAnotherFileSystem() throws IOException {
    try (FileSystem jimfs = Jimfs.newFileSystem(Configuration.unix())) {
      interruptedThreadCanUseEveryOperation(jimfs.getPath("/file"));
    }
  }

  private static void interruptedThreadCanUseEveryOperation(Path path) throws IOException {
    Thread.currentThread().interrupt();
    try (FileStorage storage = FileStorage.create(path)) {
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      storage.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 0);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      storage.force();
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      storage.setSize(4);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      assertThat(storage.size()).isEqualTo(4);
      assertThat(Thread.currentThread().isInterrupted()).isTrue();
      assertThat(byteAt(storage, 2)).isEqualTo(3);
    }
    FileStorage.open(path).close();
    assertThat(Thread.interrupted()).isTrue();
  }

  @Test
  void channelClosedByAnInterruptIsReopenedAndTheOperationRepeatedInFull() throws Exception {
    Path path = directory.resolve("file");
    Files.write(path, new byte[8]);
    ReopeningChannel channel = channel(path, true);
    AtomicInteger attempts = new AtomicInteger();
    ByteBuffer bytes = ByteBuffer.wrap(new byte[] {9, 1, 2, 3}).position(1);

    long written =
        channel.perform(
            (file, buffer, position) -> {
              if (attempts.incrementAndGet() <= 2) {
                // Part of the bytes is on disk when the interrupt comes.
                buffer.limit(2);
                file.write(buffer, position);
                buffer.limit(4);
                Thread.currentThread().interrupt();
              }
              return file.write(buffer, position);
            },
            bytes,
            4);

    assertThat(written).isEqualTo(3);
    assertThat(attempts).hasValue(3);
    assertThat(bytes.position()).isEqualTo(4);
    assertThat(Thread.interrupted()).isTrue();
    channel.close();
    assertThat(path).hasBinaryContent(new byte[] {0, 0, 0, 0, 1, 2, 3, 0});
  }

  @Test
  void innocentThreadsDoNotNoticeAnInterrupt() throws Exception {
    Path path = directory.resolve("file");
    Files.write(path, new byte[] {5});
    ReopeningChannel channel = channel(path, false);

    FutureTask<Long> victim =
        new FutureTask<>(() -> channel.perform(Interrupting.once(FileChannel::read), one(), 0));
    new Thread(victim).start();
    victim.get();

    ByteBuffer buffer = one();
    assertThat(channel.perform(FileChannel::read, buffer, 0)).isEqualTo(1);
    assertThat(buffer.get(0)).isEqualTo((byte) 5);
    assertThat(Thread.currentThread().isInterrupted()).isFalse();
    channel.close();
  }

  @Test
  void interruptDoesNotReviveAClosedStorage() throws Exception {
    Path path = directory.resolve("file");
    Files.write(path, new byte[1]);
    ReopeningChannel channel = channel(path, false);
    channel.close();
    Thread.currentThread().interrupt();

    assertThatThrownBy(() -> channel.perform((file, bytes, nothing) -> file.size(), one(), 0))
        .isInstanceOf(DeviceClosedException.class);
    assertThat(Thread.currentThread().isInterrupted()).isTrue();
  }

  @Test
  void fileThatTookThePlaceOfTheOpenedOneIsNotTouched() throws Exception {
    Path path = directory.resolve("file");
    Path away = directory.resolve("away");
    Files.write(path, new byte[] {1});
    ReopeningChannel channel = channel(path, true);
    Files.move(path, away);
    Files.write(path, new byte[] {2});

    assertThatThrownBy(() -> channel.perform(Interrupting.once(FileChannel::write), one(), 0))
        .isInstanceOf(FileReplacedException.class)
        .hasMessageContaining("another file has taken the place");
    assertThat(path).hasBinaryContent(new byte[] {2});

    Files.move(away, path, StandardCopyOption.REPLACE_EXISTING);
    ByteBuffer buffer = one();
    channel.perform(FileChannel::read, buffer, 0);
    assertThat(buffer.get(0)).as("the file is back").isEqualTo((byte) 1);
    channel.close();
  }

  @Test
  void deletedFileIsReportedAsReplaced() throws Exception {
    Path path = directory.resolve("file");
    Files.write(path, new byte[] {1});
    ReopeningChannel channel = channel(path, true);
    Files.delete(path);

    assertThatThrownBy(() -> channel.perform(Interrupting.once(FileChannel::read), one(), 0))
        .isInstanceOf(FileReplacedException.class)
        .hasMessageContaining("no longer where it was");
    assertThat(path).doesNotExist();
    channel.close();
  }

  /**
   * Each thread writes and reads its own stripe of the file and checks that it finds the last thing
   * it wrote, until all interrupts have been sent.
   */
  @Test
  void randomInterruptsLoseNoWrite() throws Exception {
    int threads = 6;
    int interrupts = 600;
    int stripe = 300_000;
    AtomicBoolean done = new AtomicBoolean();
    AtomicInteger noticed = new AtomicInteger();
    try (FileStorage storage = FileStorage.create(directory.resolve("file"))) {
      List<Thread> running = new ArrayList<>();
      List<FutureTask<Void>> tasks = new ArrayList<>();
      for (int id = 0; id < threads; id++) {
        long base = (long) id * stripe;
        Random random = new Random(id);
        ByteBuffer buffer =
            id % 2 == 0 ? ByteBuffer.allocate(stripe) : ByteBuffer.allocateDirect(stripe);
        FutureTask<Void> task =
            new FutureTask<>(
                () -> {
                  for (int round = 1; !done.get() || round < 5; round++) {
                    int length = 1 + random.nextInt(stripe);
                    fill(buffer, length, (byte) round);
                    storage.write(buffer, base);
                    if (round % 16 == 0) {
                      storage.force();
                    }
                    fill(buffer, length, (byte) -1);
                    storage.read(buffer, base);
                    check(buffer.flip(), (byte) round);
                    if (Thread.interrupted()) {
                      noticed.incrementAndGet();
                    }
                  }
                  return null;
                });
        tasks.add(task);
        running.add(new Thread(task));
      }
      running.forEach(Thread::start);
      Random random = new Random(42);
      for (int i = 0; i < interrupts; i++) {
        running.get(random.nextInt(threads)).interrupt();
        // Gives the victims a chance to be in the middle of something else next time.
        Thread.sleep(random.nextInt(3));
      }
      done.set(true);
      for (FutureTask<Void> task : tasks) {
        task.get();
      }
    }
    assertThat(noticed.get()).as("interrupts that reached their thread").isPositive();
  }

  private static void fill(ByteBuffer buffer, int length, byte value) {
    buffer.clear();
    for (int i = 0; i < length; i++) {
      buffer.put(i, value);
    }
    buffer.limit(length);
  }

  private static void check(ByteBuffer buffer, byte value) {
    for (int i = 0; i < buffer.limit(); i++) {
      if (buffer.get(i) != value) {
        throw new AssertionError("byte " + i + " is " + buffer.get(i) + ", not " + value);
      }
    }
  }

  private static ReopeningChannel channel(Path path, boolean writable) throws IOException {
    return new ReopeningChannel(
        new FileUse(OpenFiles.OF_THIS_PROCESS, HostFile.at(path), writable, LockMode.AUTO));
  }

  private static ByteBuffer one() {
    return ByteBuffer.allocate(1);
  }

  private static int byteAt(FileStorage storage, long position) throws IOException {
    ByteBuffer buffer = one();
    storage.read(buffer, position);
    return buffer.get(0);
  }
}
