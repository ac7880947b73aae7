package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.lang.management.BufferPoolMXBean;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.condition.DisabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

class FileStorageTest {
  @TempDir Path directory;

  @Test
  void createMakesAnEmptyFile() throws IOException {
    Path path = directory.resolve("new");

    try (FileStorage storage = FileStorage.create(path)) {
      assertThat(storage.size()).isZero();
      assertThat(storage.isReadOnly()).isFalse();
    }
    assertThat(path).isEmptyFile();
  }

  @Test
  void createEmptiesAnExistingFile() throws IOException {
    Path path = file("old", 1, 2, 3);

    FileStorage.create(path).close();

    assertThat(path).isEmptyFile();
  }

  @Test
  void openNeedsAnExistingFile() {
    Path path = directory.resolve("missing");

    assertThatThrownBy(() -> FileStorage.open(path)).isInstanceOf(NoSuchFileException.class);
    assertThatThrownBy(() -> FileStorage.openWritable(path))
        .isInstanceOf(NoSuchFileException.class);
    assertThat(path).doesNotExist();
  }

  @Test
  void openWritableKeepsTheContent() throws IOException {
    Path path = file("file", 1, 2, 3);

    try (FileStorage storage = FileStorage.openWritable(path)) {
      storage.write(ByteBuffer.wrap(new byte[] {9}), 1);
      storage.force();
    }
    assertThat(path).hasBinaryContent(new byte[] {1, 9, 3});
  }

  @Test
  void openIsReadOnly() throws IOException {
    try (FileStorage storage = FileStorage.open(file("file", 1))) {
      assertThatThrownBy(() -> storage.write(ByteBuffer.allocate(1), 0))
          .isInstanceOf(ReadOnlyImageException.class);
    }
  }

  @Test
  void sizeGrowsByZerosAndShrinks() throws IOException {
    Path path = file("file", 1, 2, 3);

    try (FileStorage storage = FileStorage.openWritable(path)) {
      storage.setSize(5);
      assertThat(path).hasBinaryContent(new byte[] {1, 2, 3, 0, 0});
      storage.setSize(2);
      assertThat(path).hasBinaryContent(new byte[] {1, 2});
      storage.setSize(2);
      assertThat(path).hasBinaryContent(new byte[] {1, 2});
    }
  }

  @Test
  void fileIsGrownWithoutWritingWhatIsAdded() throws IOException {
    Path path = directory.resolve("sparse");

    try (FileStorage storage = FileStorage.create(path)) {
      storage.setSize(1L << 40);
      assertThat(Files.size(path)).isEqualTo(1L << 40);
    }
  }

  @Test
  @Timeout(60)
  void growingNeverOverwritesAByteWrittenMeanwhile() throws Exception {
    int rounds = 4_000;
    AtomicInteger round = new AtomicInteger();
    AtomicInteger grown = new AtomicInteger();
    try (FileStorage storage = FileStorage.create(directory.resolve("file"))) {
      FutureTask<Void> growing =
          new FutureTask<>(
              () -> {
                for (int i = 1; i <= rounds; i++) {
                  await(round, i);
                  storage.setSize(i);
                  grown.set(i);
                }
                return null;
              });
      new Thread(growing).start();
      int lost = 0;
      for (int i = 1; i <= rounds; i++) {
        ByteBuffer last = ByteBuffer.allocate(1).put(0, (byte) 1);
        round.set(i);
        storage.write(last, i - 1);
        await(grown, i);
        storage.read(last.clear(), i - 1);
        lost += 1 - last.get(0);
      }
      growing.get();

      assertThat(lost).as("bytes lost in %d rounds", rounds).isZero();
    }
  }

  /** Spins, so that both threads start within the time of a system call. */
  private static void await(AtomicInteger counter, int value) throws InterruptedException {
    for (int spins = 0; counter.get() < value; spins++) {
      if (spins < 10_000) {
        Thread.onSpinWait();
      } else if (Thread.interrupted()) {
        throw new InterruptedException("the other thread is gone");
      } else {
        LockSupport.parkNanos(1_000);
      }
    }
  }

  @Test
  void directoryIsRefused() {
    assertThatThrownBy(() -> FileStorage.open(directory))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("a directory");
    assertThatThrownBy(() -> FileStorage.create(directory))
        .isInstanceOf(UnsupportedFeatureException.class);
  }

  @Test
  @Timeout(60)
  @DisabledOnOs(OS.WINDOWS)
  void fifoIsRefusedBeforeOpeningItBlocks() throws Exception {
    Path fifo = directory.resolve("fifo");
    assertThat(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor()).isZero();
    Path link = Files.createSymbolicLink(directory.resolve("link"), fifo);

    assertThatThrownBy(() -> FileStorage.open(fifo))
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> FileStorage.open(link))
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> FileStorage.openWritable(fifo))
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> FileStorage.create(fifo))
        .isInstanceOf(UnsupportedFeatureException.class);
  }

  @Test
  @DisabledOnOs(OS.WINDOWS)
  void characterDeviceIsRefused() {
    assertThatThrownBy(() -> FileStorage.open(Path.of("/dev/zero")))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessage(
            "/dev/zero: only regular files and block devices can be opened, and this is neither");
  }

  @Test
  void identityIsTheFilesWhateverItIsCalled() throws IOException {
    Path path = file("file");
    Path symbolic = Files.createSymbolicLink(directory.resolve("symbolic"), path);
    Path hard = Files.createLink(directory.resolve("hard"), path);
    Path elsewhere = file("elsewhere");

    try (FileStorage storage = FileStorage.open(path);
        FileStorage again = FileStorage.openWritable(path, LockMode.OFF);
        FileStorage throughSymbolic = FileStorage.open(symbolic);
        FileStorage throughHard = FileStorage.open(hard);
        FileStorage different = FileStorage.open(elsewhere)) {
      assertThat(storage.identity())
          .isNotNull()
          .isEqualTo(again.identity())
          .isEqualTo(throughSymbolic.identity())
          .isEqualTo(throughHard.identity())
          .hasSameHashCodeAs(throughHard.identity())
          .isNotEqualTo(different.identity());
    }
  }

  @Test
  void filesOfTwoFileSystemsAreNeverTheSame() throws IOException {
    try (FileSystem one = Jimfs.newFileSystem(Configuration.unix());
        FileSystem two = Jimfs.newFileSystem(Configuration.unix());
        FileStorage first = FileStorage.create(one.getPath("/file"));
        FileStorage second = FileStorage.create(two.getPath("/file"))) {
      assertThat(first.identity()).isNotNull().isNotEqualTo(second.identity());
    }
  }

  @Test
  void closedStorageSaysSo() throws IOException {
    FileStorage storage = FileStorage.openWritable(file("file", 1));

    storage.close();
    storage.close();

    assertThatThrownBy(() -> storage.read(ByteBuffer.allocate(1), 0))
        .isInstanceOf(DeviceClosedException.class);
    assertThatThrownBy(storage::force).isInstanceOf(DeviceClosedException.class);
  }

  @Test
  void endOfADeviceIsFoundByReading() throws IOException {
    for (int size : new int[] {0, 1, 2, 511, 512, 70_000}) {
      Path path = directory.resolve("device" + size);
      Files.write(path, new byte[size]);
      try (FileChannel channel = FileChannel.open(path)) {
        assertThat(FileStorage.searchEnd(channel, ByteBuffer.allocate(1))).isEqualTo(size);
      }
    }
  }

  @Test
  void largeHeapTransferLeavesNoLargeDirectBufferBehind() throws Exception {
    int large = 16 << 20;
    try (FileStorage storage = FileStorage.create(directory.resolve("file"))) {
      long[] kept = new long[1];
      Thread thread =
          new Thread(
              () -> {
                long before = directMemory();
                ByteBuffer buffer = ByteBuffer.allocate(large);
                try {
                  storage.write(buffer, 0);
                  storage.read(buffer.flip(), 0);
                } catch (IOException e) {
                  throw new AssertionError(e);
                }
                kept[0] = directMemory() - before;
              });
      thread.start();
      thread.join();

      assertThat(storage.size()).isEqualTo(large);
      assertThat(kept[0]).isLessThanOrEqualTo(FileStorage.HEAP_TRANSFER);
    }
  }

  @Test
  void transferAllocatesNothing() throws IOException {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    ByteBuffer direct = ByteBuffer.allocateDirect(4096);
    ByteBuffer heap = ByteBuffer.allocate(4096);
    int rounds = 10_000;
    try (FileStorage storage = FileStorage.create(directory.resolve("file"))) {
      transfer(storage, direct, heap, rounds);
      long before = threads.getCurrentThreadAllocatedBytes();
      transfer(storage, direct, heap, rounds);
      long allocated = threads.getCurrentThreadAllocatedBytes() - before;

      assertThat(allocated / rounds).as("bytes per round of four transfers").isZero();
    }
  }

  private static void transfer(FileStorage storage, ByteBuffer direct, ByteBuffer heap, int rounds)
      throws IOException {
    for (int i = 0; i < rounds; i++) {
      storage.write(direct.clear(), 0);
      storage.read(direct.clear(), 0);
      storage.write(heap.clear(), 0);
      storage.read(heap.clear(), 0);
    }
  }

  private static long directMemory() {
    return ManagementFactory.getPlatformMXBeans(BufferPoolMXBean.class).stream()
        .filter(pool -> pool.getName().equals("direct"))
        .mapToLong(BufferPoolMXBean::getMemoryUsed)
        .sum();
  }

  private Path file(String name, int... bytes) throws IOException {
    byte[] content = new byte[bytes.length];
    for (int i = 0; i < bytes.length; i++) {
      content[i] = (byte) bytes[i];
    }
    return Files.write(directory.resolve(name), content);
  }
}
