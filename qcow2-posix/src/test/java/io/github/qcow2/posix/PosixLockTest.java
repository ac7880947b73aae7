package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.contract.FileLockContract;
import io.github.qcow2.testkit.qemu.QemuServer;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** With the locks of a descriptor: what holds for any, and what these alone can do. */
@EnabledOnOs(OS.LINUX)
@RequiresQemu
@SuppressWarnings("try")
class PosixLockTest extends FileLockContract {
  private static final Pattern LOCK =
      Pattern.compile("(OFDLCK|POSIX) +ADVISORY +READ +-?\\d+ \\S+:(\\d+) (\\d+) (\\d+)$");
  private static final Long[] WRITERS = {100L, 101L, 103L, 201L, 203L};

  @TempDir Path files;

  @BeforeAll
  static void providerIsInUse() {
    assertThat(HostFiles.provider()).isEqualTo("posix");
  }

  /** Positions of the bytes of a file that are locked by descriptors; nothing else may be. */
  private static Set<Long> locks(Path file) throws IOException {
    String inode = String.valueOf(Files.getAttribute(file, "unix:ino"));
    Set<Long> positions = new TreeSet<>();
    for (String line : Files.readAllLines(Path.of("/proc/locks"))) {
      Matcher lock = LOCK.matcher(line);
      if (lock.find() && lock.group(2).equals(inode)) {
        assertThat(lock.group(1)).isEqualTo("OFDLCK");
        for (long at = Long.parseLong(lock.group(3)); at <= Long.parseLong(lock.group(4)); at++) {
          positions.add(at);
        }
      }
    }
    return positions;
  }

  @Test
  void locksBelongToADescriptorAndGoWithTheStorage() throws IOException {
    Path file = Files.write(files.resolve("file"), new byte[100]);
    try (Storage ignored = FileStorage.openWritable(file)) {
      assertThat(locks(file)).containsExactly(WRITERS);
      assertThatThrownBy(() -> FileStorage.open(file)).isInstanceOf(ImageLockedException.class);
    }
    assertThat(locks(file)).isEmpty();
  }

  /** Any code of the process may do that, without knowing of this library. */
  @Test
  void closingADescriptorOfTheFileElsewhereDropsNothing() throws IOException {
    Path file = Files.write(files.resolve("file"), new byte[100]);
    try (Storage ignored = FileStorage.openWritable(file)) {
      assertThat(Files.readAllBytes(file)).hasSize(100);
      FileChannel.open(file, StandardOpenOption.WRITE).close();

      assertThat(locks(file)).containsExactly(WRITERS);
    }
  }

  @Test
  void interruptDropsNothingForAMoment() throws IOException {
    Path file = Files.write(files.resolve("file"), new byte[100]);
    try (Storage storage = FileStorage.openWritable(file)) {
      Thread.currentThread().interrupt();
      storage.write(ByteBuffer.allocate(10), 0);

      assertThat(Thread.interrupted()).isTrue();
      assertThat(locks(file)).containsExactly(WRITERS);
    }
    assertThat(locks(file)).isEmpty();
  }

  /** Without a provider, a writer cannot be seen through a file that may only be read. */
  @Test
  void writerIsSeenThroughAFileThatMayOnlyBeRead() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = files.resolve("image.qcow2");
    qemu.create(image, 1 << 20);
    try (QemuServer ignored = qemu.serve(image, "qcow2")) {
      assertThatThrownBy(() -> FileStorage.open(image, LockMode.REQUIRED))
          .isInstanceOf(ImageLockedException.class)
          .hasMessageContaining("another process has the file open for writing");
    }
    assertThat(image.toFile().setReadOnly()).isTrue();
    try (Storage storage = FileStorage.open(image, LockMode.REQUIRED)) {
      assertThat(storage.size()).isPositive();
    }
  }

  @Test
  void storageWithoutLocksHoldsNone() throws IOException {
    Path file = Files.write(files.resolve("file"), new byte[100]);
    try (Storage storage = FileStorage.openWritable(file, LockMode.OFF)) {
      assertThat(storage.allocatedSize()).isPositive();
      assertThat(locks(file)).isEmpty();
    }
  }
}
