package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.storage.HostDescriptor;
import io.github.qcow2.storage.HostFiles;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

/** The system calls one by one, on the file system of the temporary directory. */
@EnabledOnOs(OS.LINUX)
class PosixHostFilesTest {
  private static final int MIB = 1 << 20;

  @TempDir Path directory;
  private final PosixHostFiles provider = new PosixHostFiles();
  private final List<HostDescriptor> opened = new ArrayList<>();

  @AfterEach
  void close() throws IOException {
    for (HostDescriptor descriptor : opened) {
      descriptor.close();
    }
  }

  private HostDescriptor open(Path path) throws IOException {
    HostDescriptor descriptor = provider.open(path, true);
    opened.add(descriptor);
    return descriptor;
  }

  private Path file(int size) throws IOException {
    byte[] bytes = new byte[size];
    new Random(size).nextBytes(bytes);
    return Files.write(directory.resolve("file" + opened.size()), bytes);
  }

  @Test
  void providerIsFoundAndSaysWhatItReliesOn() {
    assertThat(HostFiles.provider()).isEqualTo("posix");
    assertThat(HostFiles.description()).matches("posix \\(JNA 5\\.[0-9.]+\\)");
  }

  @Test
  void holeReadsAsZerosAndGivesItsRoomBack() throws IOException {
    Path path = file(4 * MIB);
    byte[] expected = Files.readAllBytes(path);
    HostDescriptor descriptor = open(path);
    long before = descriptor.allocatedBytes();

    assertThat(descriptor.punchHole(MIB, 2 * MIB)).isTrue();

    Arrays.fill(expected, MIB, 3 * MIB, (byte) 0);
    assertThat(Files.readAllBytes(path)).isEqualTo(expected);
    assertThat(before).isGreaterThanOrEqualTo(4 * MIB);
    assertThat(before - descriptor.allocatedBytes()).isBetween(2L * MIB - 65_536, 2L * MIB);
    assertThat(descriptor.nextHole(0)).isEqualTo(MIB);
    assertThat(descriptor.nextData(MIB)).isEqualTo(3 * MIB);
    assertThat(descriptor.nextData(4 * MIB)).isEqualTo(Long.MAX_VALUE);
  }

  @Test
  void reservedRoomCountsAsAllocatedAndReadsAsZeros() throws IOException {
    Path path = file(100);
    HostDescriptor descriptor = open(path);

    assertThat(descriptor.allocate(0, 8 * MIB)).isTrue();

    assertThat(Files.size(path)).isEqualTo(8 * MIB);
    assertThat(descriptor.allocatedBytes()).isGreaterThanOrEqualTo(8 * MIB);
    byte[] bytes = Files.readAllBytes(path);
    assertThat(Arrays.copyOfRange(bytes, 100, bytes.length)).containsOnly(0);
  }

  @Test
  void zeroedRangeKeepsItsRoomWhereTheFileSystemCanDoThat() throws IOException {
    Path path = file(4 * MIB);
    HostDescriptor descriptor = open(path);
    long before = descriptor.allocatedBytes();

    if (descriptor.zeroRange(MIB, 4 * MIB)) {
      assertThat(Files.size(path)).isEqualTo(5 * MIB);
      assertThat(descriptor.allocatedBytes()).isGreaterThanOrEqualTo(before);
      assertThat(Arrays.copyOfRange(Files.readAllBytes(path), MIB, 5 * MIB)).containsOnly(0);
    } else {
      assertThat(Files.size(path)).isEqualTo(4 * MIB);
    }
  }

  @Test
  void copyBringsTheBytesOfTheOtherFile() throws IOException {
    Path from = file(3 * MIB);
    HostDescriptor source = open(from);
    Path to = file(MIB);
    HostDescriptor target = open(to);

    long copied = target.copyFrom(source, MIB, 2 * MIB, MIB);

    assertThat(copied).isBetween(0L, (long) MIB);
    if (copied > 0) {
      assertThat(Files.size(to)).isEqualTo(2 * MIB + copied);
      assertThat(Arrays.copyOfRange(Files.readAllBytes(to), 2 * MIB, 2 * MIB + (int) copied))
          .isEqualTo(Arrays.copyOfRange(Files.readAllBytes(from), MIB, MIB + (int) copied));
    }
    assertThat(target.copyFrom(source, 3 * MIB, 0, MIB)).as("at the end").isZero();
  }

  @Test
  void locksAreSharedAndBelongToTheDescriptor() throws IOException {
    Path path = file(MIB);
    HostDescriptor one = open(path);
    HostDescriptor other = open(path);

    assertThat(one.isLockedElsewhere(100)).isFalse();
    assertThat(one.lockShared(100)).isTrue();
    assertThat(one.isLockedElsewhere(100)).as("one's own lock").isFalse();
    assertThat(other.isLockedElsewhere(100)).isTrue();
    assertThat(other.isLockedElsewhere(101)).isFalse();
    assertThat(other.lockShared(100)).isTrue();

    provider.open(path, false).close();
    Files.readAllBytes(path);
    assertThat(other.isLockedElsewhere(100)).as("no other descriptor drops it").isTrue();
    one.unlock(100);
    assertThat(other.isLockedElsewhere(100)).isFalse();
    assertThat(one.isLockedElsewhere(100)).isTrue();
    other.close();
    assertThat(one.isLockedElsewhere(100)).isFalse();
  }

  @Test
  void closedDescriptorIsNeverUsedAgain() throws IOException {
    HostDescriptor descriptor = open(file(MIB));
    descriptor.close();
    descriptor.close();

    assertThatIOException()
        .isThrownBy(() -> descriptor.punchHole(0, 4096))
        .withMessageContaining("closed");
    assertThatIOException().isThrownBy(descriptor::allocatedBytes);
  }

  @Test
  void whatFailsSaysWhy() throws IOException {
    assertThatThrownBy(() -> provider.open(directory.resolve("none"), false))
        .isInstanceOf(IOException.class);
    HostDescriptor readOnly = provider.open(file(MIB), false);
    opened.add(readOnly);
    assertThatThrownBy(() -> readOnly.punchHole(0, 4096))
        .isInstanceOf(FileSystemException.class)
        .hasMessageEndingWith(": Bad file descriptor");
  }

  @Test
  void reservationThatCannotBeIsAFailure() throws IOException {
    HostDescriptor descriptor = open(file(100));

    assertThatThrownBy(() -> descriptor.allocate(Long.MAX_VALUE - MIB, MIB))
        .isInstanceOf(FileSystemException.class)
        .hasMessageEndingWith("File too large");
  }

  @Test
  void onlyFilesAndBlockDevicesAreOpened() {
    assertThatThrownBy(() -> provider.open(Path.of("/dev/zero"), false))
        .hasMessageContaining("another file was opened");
    assertThatThrownBy(() -> provider.open(directory, false))
        .hasMessageContaining("another file was opened");
  }

  @Test
  void namesMayHaveAnyCharacters() throws IOException {
    Path path = Files.write(directory.resolve("na me ü 漢"), new byte[10]);

    assertThat(open(path).nextHole(0)).isEqualTo(10);
  }
}
