package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.FileReplacedException;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Who may have a file open beside whom, and what keeps the locks in place. */
@Timeout(60)
@SuppressWarnings("try")
class FileStorageLockTest {
  private static final Long[] WRITERS = {100L, 101L, 103L, 201L, 203L};
  private static final Long[] READERS = {100L, 201L, 203L};

  @TempDir Path directory;

  @AfterEach
  void clearInterruptStatus() {
    Thread.interrupted();
  }

  @Test
  void secondWriterIsRefused() throws IOException {
    Path path = file("file");
    try (Storage first = FileStorage.openWritable(path)) {
      assertThatThrownBy(() -> FileStorage.openWritable(path))
          .isInstanceOf(ImageLockedException.class)
          .hasMessage(
              path
                  + ": this process has the file open for writing; only LockMode.OFF opens it"
                  + " nonetheless");
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
      first.write(ByteBuffer.allocate(1), 0);
    }
    FileStorage.openWritable(path).close();
  }

  /** Whatever is opened last may fail: descriptors run out, or a file takes the place of this. */
  @Test
  void openingThatFailsBehindTheLocksLeavesNone() throws IOException {
    Path path = file("file");
    Path moved = directory.resolve("moved");
    RangeLocks.Taker mover =
        (channel, position, shared) -> {
          if (Files.exists(path)) {
            Files.move(path, moved);
          }
          return channel.tryLock(position, 1, shared);
        };
    OpenFiles register = new OpenFiles(mover);

    assertThatThrownBy(() -> FileStorage.open(path, true, LockMode.AUTO, register))
        .isInstanceOf(FileReplacedException.class);

    assertThat(ProcessLocks.on(moved)).isEmpty();
    FileStorage.openWritable(moved).close();
  }

  @Test
  void readersShareAFileButNotWithAWriter() throws IOException {
    Path path = file("file");
    try (Storage first = FileStorage.open(path);
        Storage second = FileStorage.open(path)) {
      assertThatThrownBy(() -> FileStorage.openWritable(path))
          .isInstanceOf(ImageLockedException.class)
          .hasMessageContaining("this process has the file open for reading");
      first.close();
      assertThatThrownBy(() -> FileStorage.create(path)).isInstanceOf(ImageLockedException.class);
      assertThat(second.size()).as("what was refused has changed nothing").isEqualTo(3);
    }
    try (Storage writer = FileStorage.openWritable(path)) {
      assertThatThrownBy(() -> FileStorage.open(path))
          .isInstanceOf(ImageLockedException.class)
          .hasMessageContaining("this process has the file open for writing");
      assertThat(writer.size()).isEqualTo(3);
    }
  }

  @Test
  void sameFileIsRecognisedUnderAnyName() throws IOException {
    Path path = file("file");
    Path symbolic = Files.createSymbolicLink(directory.resolve("symbolic"), path);
    Path hard = Files.createLink(directory.resolve("hard"), path);
    try (Storage ignored = FileStorage.openWritable(path)) {
      assertThatThrownBy(() -> FileStorage.open(symbolic)).isInstanceOf(ImageLockedException.class);
      assertThatThrownBy(() -> FileStorage.open(hard)).isInstanceOf(ImageLockedException.class);
    }
  }

  @Test
  void withoutLocksNobodyIsRefusedOrRefuses() throws IOException {
    Path path = file("file");
    try (Storage unlocked = FileStorage.openWritable(path, LockMode.OFF)) {
      assertThat(ProcessLocks.on(path)).isEmpty();
      try (Storage locked = FileStorage.openWritable(path);
          Storage another = FileStorage.open(path, LockMode.OFF)) {
        assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
        assertThat(locked.size()).isEqualTo(another.size());
      }
      assertThat(ProcessLocks.on(path)).isEmpty();
      assertThat(unlocked.size()).isEqualTo(3);
    }
  }

  @ParameterizedTest
  @EnumSource(names = {"AUTO", "REQUIRED"})
  void locksAreThoseOfQemuAndGoWhenTheFileIsClosed(LockMode mode) throws IOException {
    Path path = directory.resolve("file");
    try (Storage ignored = FileStorage.create(path, mode)) {
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
    }
    assertThat(ProcessLocks.on(path)).isEmpty();
    try (Storage ignored = FileStorage.open(path, mode)) {
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
    }
    assertThat(ProcessLocks.on(path)).isEmpty();
  }

  @Test
  void closingAnotherChannelOfTheFileDoesNotDropTheLocks() throws IOException {
    Path path = file("file");
    try (Storage first = FileStorage.open(path)) {
      FileStorage.open(path).close();
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      FileStorage.open(path, LockMode.OFF).close();
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      FileStorage.openWritable(path, LockMode.OFF).close();
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      assertThatThrownBy(() -> FileStorage.openWritable(path))
          .isInstanceOf(ImageLockedException.class);
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      first.size();
    }
    assertThat(ProcessLocks.on(path)).isEmpty();
  }

  @Test
  void openingAFileAgainAndAgainNeedsNoMoreDescriptors() throws IOException {
    Path path = file("file");
    try (Storage ignored = FileStorage.open(path)) {
      FileStorage.open(path).close();
      long before = descriptors(path);
      for (int i = 0; i < 20; i++) {
        FileStorage.open(path).close();
        FileStorage.open(path, LockMode.OFF).close();
      }
      assertThat(descriptors(path)).isEqualTo(before);
    }
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void refusedOpeningLeavesNothingOpen() throws IOException {
    Path path = file("file");
    FakeLocks system = new FakeLocks();
    OpenFiles register = new OpenFiles(system.as("us"));
    system.lock("them", 101, true);

    for (LockMode mode : new LockMode[] {LockMode.AUTO, LockMode.REQUIRED}) {
      assertThatThrownBy(() -> FileStorage.open(path, true, mode, register))
          .isInstanceOf(ImageLockedException.class)
          .hasMessage(
              path
                  + ": another process has the file open for writing; only LockMode.OFF opens it"
                  + " nonetheless");
    }
    assertThat(descriptors(path)).isZero();
    assertThat(system.heldBy("us")).isEmpty();
    assertThat(register.size()).isZero();
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void locksAreTakenAgainAfterAnInterrupt(boolean writable) throws IOException {
    Path path = file("file");
    ReopeningChannel channel = channel(path, writable, LockMode.AUTO, OpenFiles.OF_THIS_PROCESS);
    for (int i = 0; i < 3; i++) {
      channel.perform(Interrupting.once(FileChannel::read), one(), 0);

      assertThat(Thread.interrupted()).isTrue();
      assertThat(ProcessLocks.on(path)).containsExactly(writable ? WRITERS : READERS);
    }
    channel.close();
    assertThat(ProcessLocks.on(path)).isEmpty();
    assertThat(descriptors(path)).isZero();
  }

  /**
   * A thread may find a channel closed before the interrupt of another has closed the descriptor,
   * which then drops the locks.
   */
  @Test
  void locksAreTakenAgainOnlyWhenTheDescriptorIsClosed() throws Exception {
    Path path = Files.write(directory.resolve("file"), new byte[1 << 20]);
    AtomicBoolean done = new AtomicBoolean();
    AtomicInteger interruptsSeen = new AtomicInteger();
    AtomicIntegerArray reads = new AtomicIntegerArray(4);
    List<Thread> threads = new ArrayList<>();
    List<FutureTask<Void>> tasks = new ArrayList<>();
    try (Storage storage = FileStorage.open(path)) {
      for (int id = 0; id < reads.length(); id++) {
        int self = id;
        FutureTask<Void> task =
            new FutureTask<>(
                () -> {
                  ByteBuffer buffer = ByteBuffer.allocateDirect(1 << 17);
                  while (!done.get()) {
                    storage.read(buffer.clear(), 0);
                    reads.incrementAndGet(self);
                    if (Thread.interrupted()) {
                      interruptsSeen.incrementAndGet();
                    }
                  }
                  return null;
                });
        tasks.add(task);
        threads.add(new Thread(task));
      }
      threads.forEach(Thread::start);
      try {
        for (int round = 0; round < 30; round++) {
          int seenBefore = interruptsSeen.get();
          threads.get(round % threads.size()).interrupt();
          while (interruptsSeen.get() == seenBefore) {
            Thread.sleep(1);
          }
          for (int id = 0; id < reads.length(); id++) {
            int before = reads.get(id);
            while (reads.get(id) < before + 2) {
              Thread.sleep(1);
            }
          }
          assertThat(ProcessLocks.on(path)).as("round %d", round).containsExactly(READERS);
        }
      } finally {
        done.set(true);
      }
      for (FutureTask<Void> task : tasks) {
        task.get();
      }
    }
  }

  @Test
  void interruptOfOneStorageDoesNotDropTheLocksOfAnother() throws IOException {
    Path path = file("file");
    try (Storage locked = FileStorage.openWritable(path)) {
      ReopeningChannel unlocked = channel(path, false, LockMode.OFF, OpenFiles.OF_THIS_PROCESS);
      unlocked.perform(Interrupting.once(FileChannel::read), one(), 0);
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);

      unlocked.close();
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
      locked.write(one(), 0);
    }
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void interruptAfterTheStorageWasClosedDoesNotDropTheLocksOfAnother() throws IOException {
    Path path = file("file");
    try (Storage locked = FileStorage.open(path)) {
      ReopeningChannel late = channel(path, false, LockMode.AUTO, OpenFiles.OF_THIS_PROCESS);

      assertThatThrownBy(
              () -> late.perform(Interrupting.once(FileChannel::read, close(late)), one(), 0))
          .isInstanceOf(DeviceClosedException.class);

      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      FileStorage.open(path).close();
      locked.read(one(), 0);
    }
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void fileIsLeftAloneOnceAnotherProcessHasComeInBetween() throws IOException {
    Path path = file("file");
    FakeLocks system = new FakeLocks();
    OpenFiles register = new OpenFiles(system.as("us"));
    ReopeningChannel channel = channel(path, true, LockMode.AUTO, register);
    Runnable intrusion =
        () -> {
          system.drop("us");
          system.lock("them", 101, true);
        };

    assertThatThrownBy(
            () -> channel.perform(Interrupting.once(FileChannel::write, intrusion), one(), 0))
        .isInstanceOf(ImageLockedException.class)
        .hasMessage(
            path
                + ": the locks were dropped for a moment and cannot be taken again: another"
                + " process has the file open for writing");
    assertThat(Thread.interrupted()).isTrue();
    system.drop("them");
    assertThatThrownBy(() -> channel.perform(FileChannel::write, one(), 0))
        .as("it may have changed the file meanwhile")
        .isInstanceOf(ImageLockedException.class);

    assertThat(path).hasContent("abc");
    try (Storage afterwards = FileStorage.open(path, true, LockMode.REQUIRED, register)) {
      afterwards.write(one(), 0);
      channel.close();
      assertThat(system.heldBy("us")).containsExactly(WRITERS);
    }
    assertThat(register.size()).isZero();
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void allStoragesThatReliedOnTheLocksFailTogether() throws IOException {
    Path path = file("file");
    FakeLocks system = new FakeLocks();
    OpenFiles register = new OpenFiles(system.as("us"));
    try (Storage innocent = FileStorage.open(path, false, LockMode.AUTO, register);
        Storage careless = FileStorage.open(path, false, LockMode.OFF, register)) {
      ReopeningChannel channel = channel(path, false, LockMode.AUTO, register);
      Runnable intrusion =
          () -> {
            system.drop("us");
            system.lock("them", 101, true);
          };
      assertThatThrownBy(
              () -> channel.perform(Interrupting.once(FileChannel::read, intrusion), one(), 0))
          .isInstanceOf(ImageLockedException.class);

      assertThatThrownBy(() -> innocent.read(one(), 0)).isInstanceOf(ImageLockedException.class);
      careless.read(one(), 0);
      channel.close();
    }
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void locksThatCannotBeTakenAgainForOtherReasonsAreLostAsWell() throws IOException {
    Path path = file("file");
    FakeLocks system = new FakeLocks();
    AtomicBoolean broken = new AtomicBoolean();
    OpenFiles register =
        new OpenFiles(
            (channel, position, shared) -> {
              if (broken.get()) {
                throw new IOException("No locks available");
              }
              return system.as("us").take(channel, position, shared);
            });
    ReopeningChannel channel = channel(path, true, LockMode.AUTO, register);

    assertThatThrownBy(
            () ->
                channel.perform(
                    Interrupting.once(FileChannel::write, () -> broken.set(true)), one(), 0))
        .isInstanceOf(ImageLockedException.class)
        .hasMessageContaining("the file can no longer be locked (No locks available)");
    assertThat(path).hasContent("abc");
    channel.close();
  }

  @Test
  void fileThatWasReplacedKeepsItsLocks() throws IOException {
    Path path = file("file");
    ReopeningChannel channel = channel(path, true, LockMode.AUTO, OpenFiles.OF_THIS_PROCESS);
    Path away = Files.move(path, directory.resolve("away"));
    Files.writeString(path, "xyz");

    assertThatThrownBy(() -> channel.perform(Interrupting.once(FileChannel::write), one(), 0))
        .isInstanceOf(FileReplacedException.class);

    assertThat(ProcessLocks.on(away)).containsExactly(WRITERS);
    assertThat(ProcessLocks.on(path)).isEmpty();
    Files.move(away, path, StandardCopyOption.REPLACE_EXISTING);
    channel.perform(FileChannel::write, one(), 0);
    channel.close();
    assertThat(path).hasContent("\0bc");
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void fileSystemWithoutLocksIsRefusedOnlyWhereLocksAreRequired(boolean writable)
      throws IOException {
    Path path = file("file");
    OpenFiles noLocks =
        new OpenFiles(
            (channel, position, shared) -> {
              throw new IOException("No locks available");
            });
    assertThatThrownBy(() -> FileStorage.open(path, writable, LockMode.REQUIRED, noLocks))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessage(
            path
                + ": the file system does not lock bytes (No locks available), and"
                + " LockMode.REQUIRED was asked for; LockMode.AUTO goes on without");
    assertThat(descriptors(path)).isZero();

    try (Storage storage = FileStorage.open(path, writable, LockMode.AUTO, noLocks)) {
      storage.read(one(), 0);
      assertThatThrownBy(() -> FileStorage.open(path, true, LockMode.AUTO, noLocks))
          .as("within this process the rule holds nevertheless")
          .isInstanceOf(ImageLockedException.class);
    }
    assertThat(descriptors(path)).isZero();
  }

  @Test
  void fileSystemThatKnowsNothingOfLocksIsOneWithoutLocks() throws IOException {
    Path path = file("file");
    OpenFiles noLocks =
        new OpenFiles(
            (channel, position, shared) -> {
              throw new UnsupportedOperationException("locks");
            });
    assertThatThrownBy(() -> FileStorage.open(path, true, LockMode.REQUIRED, noLocks))
        .isInstanceOf(UnsupportedFeatureException.class);
    FileStorage.open(path, true, LockMode.AUTO, noLocks).close();
  }

  @Test
  void ruleHoldsOnOtherFileSystems() throws IOException {
    try (FileSystem jimfs = Jimfs.newFileSystem(Configuration.unix())) {
      Path path = Files.writeString(jimfs.getPath("/file"), "abc");
      try (Storage ignored = FileStorage.openWritable(path)) {
        assertThatThrownBy(() -> FileStorage.open(path)).isInstanceOf(ImageLockedException.class);
        FileStorage.open(path, LockMode.OFF).close();
      }
      FileStorage.open(path).close();
    }
  }

  /** Nobody may write to a program while it runs, not even the superuser. */
  @Test
  void fileThatCannotBeWrittenToIsLockedAgainstLaterWritersOnly() throws Exception {
    Path sleep = Path.of("/bin/sleep");
    assumeTrue(Files.isExecutable(sleep), "a program to run");
    Path path = Files.copy(sleep, directory.resolve("sleep"), StandardCopyOption.COPY_ATTRIBUTES);
    Process running = new ProcessBuilder(path.toString(), "60").start();
    try (Storage ignored = FileStorage.open(path)) {
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
      assertThatThrownBy(() -> FileStorage.open(path, LockMode.REQUIRED))
          .isInstanceOf(UnsupportedFeatureException.class)
          .hasMessageContaining("a writer would not be seen");
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
    } finally {
      running.destroyForcibly().waitFor();
    }
  }

  @Test
  void lockOfOtherCodeInThisProcessIsAnObstacleLikeAnyOther() throws IOException {
    Path path = file("file");
    try (FileChannel other = FileChannel.open(path, StandardOpenOption.WRITE);
        FileLock ignored = other.lock()) {
      assertThatThrownBy(() -> FileStorage.open(path))
          .isInstanceOf(ImageLockedException.class)
          .hasMessageContaining("code of this process has locked a byte");
    }
  }

  @Test
  void manyThreadsOpeningOneFileLeaveItLockedOrFree() throws Exception {
    Path path = file("file");
    try (Storage ignored = FileStorage.open(path)) {
      openFromManyThreads(path);
      assertThat(ProcessLocks.on(path)).containsExactly(READERS);
    }
    assertThat(descriptors(path)).isZero();
    openFromManyThreads(path);
    assertThat(ProcessLocks.on(path)).isEmpty();
    assertThat(descriptors(path)).isZero();
  }

  private static void openFromManyThreads(Path path) throws Exception {
    List<FutureTask<Void>> tasks = new ArrayList<>();
    for (int id = 0; id < 4; id++) {
      LockMode mode = id == 0 ? LockMode.OFF : LockMode.REQUIRED;
      FutureTask<Void> task =
          new FutureTask<>(
              () -> {
                for (int i = 0; i < 100; i++) {
                  try (Storage storage = FileStorage.open(path, mode)) {
                    storage.read(one(), 0);
                  }
                }
                return null;
              });
      tasks.add(task);
      new Thread(task).start();
    }
    for (FutureTask<Void> task : tasks) {
      task.get();
    }
  }

  private static ReopeningChannel channel(
      Path path, boolean writable, LockMode mode, OpenFiles register) throws IOException {
    return new ReopeningChannel(new FileUse(register, HostFile.at(path), writable, mode));
  }

  private static Runnable close(ReopeningChannel channel) {
    return () -> {
      try {
        channel.close();
      } catch (IOException e) {
        throw new UncheckedIOException(e);
      }
    };
  }

  private static ByteBuffer one() {
    return ByteBuffer.allocate(1);
  }

  private Path file(String name) throws IOException {
    return Files.writeString(directory.resolve(name), "abc");
  }

  /** How many descriptors of a file this process has open. */
  private static long descriptors(Path path) throws IOException {
    Path open = Path.of("/proc/self/fd");
    assumeTrue(Files.isDirectory(open), "descriptors are listed on Linux only");
    long count = 0;
    try (Stream<Path> links = Files.list(open)) {
      for (Path link : (Iterable<Path>) links::iterator) {
        try {
          if (Files.readSymbolicLink(link).equals(path.toRealPath())) {
            count++;
          }
        } catch (NoSuchFileException e) {
          // Closed since it was listed.
        }
      }
    }
    return count;
  }
}
