package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A provider that cannot do something, or does not work at all, changes nothing. */
class FileStorageProviderTest {
  private static final Long[] WRITERS = {100L, 101L, 103L, 201L, 203L};

  @TempDir Path directory;
  private final FakeHostFiles provider = new FakeHostFiles();
  private final OpenFiles register =
      new OpenFiles(RangeLocks.ofPlatform(), needed -> needed ? provider : null);

  private static byte[] random(int length) {
    byte[] bytes = new byte[length];
    new Random(length).nextBytes(bytes);
    return bytes;
  }

  private Path file(String name, byte[] bytes) throws IOException {
    return Files.write(directory.resolve(name), bytes);
  }

  private FileStorage open(Path path, LockMode mode) throws IOException {
    return FileStorage.open(path, true, mode, register);
  }

  @Test
  void portableIsWhatThereIsWithoutAProvider() {
    assertThat(HostFiles.provider()).isEqualTo("portable");
    assertThat(HostFiles.description()).isEqualTo("portable");
    assertThat(HostFiles.isLoaded()).isFalse();
  }

  @Test
  void whatTheProviderCannotDoIsDonePortably() throws IOException {
    byte[] expected = random(10_000);
    Path path = file("file", expected);
    try (FileStorage storage = open(path, LockMode.OFF)) {
      assertThat(storage.discard(0, 8192)).isFalse();
      storage.writeZeroes(1000, 3000, true);
      storage.writeZeroes(5000, 10, false);
      storage.allocate(9000, 3000);

      Arrays.fill(expected, 1000, 4000, (byte) 0);
      Arrays.fill(expected, 5000, 5010, (byte) 0);
      assertThat(Files.readAllBytes(path)).isEqualTo(Arrays.copyOf(expected, 12_000));
      assertThat(storage.nextData(2000)).isEqualTo(2000);
      assertThat(storage.nextHole(2000)).isEqualTo(12_000);
      assertThat(storage.allocatedSize()).isEqualTo(4711);
    }
    assertThat(provider.opened).as("one descriptor for all calls").hasSize(1);
    assertThat(provider.open).isZero();
  }

  @Test
  void copyThatEndsTooSoonIsCompletedThroughMemory() throws IOException {
    byte[] bytes = random(20_000);
    Path target = file("target", new byte[0]);
    try (FileStorage source = open(file("source", bytes), LockMode.OFF);
        FileStorage storage = open(target, LockMode.OFF)) {
      assertThat(storage.copyFrom(source, 10, 0, 19_000)).isFalse();
      assertThat(storage.size()).isZero();
      provider.copies = 2500;

      assertThat(storage.copyFrom(new ReadOnlyStorage(source), 10, 0, 19_000)).isTrue();
    }
    assertThat(Files.readAllBytes(target)).isEqualTo(Arrays.copyOfRange(bytes, 10, 19_010));
  }

  @Test
  void whereTheProviderHasNoLocksThereAreThoseOfJava() throws IOException {
    Path path = file("file", random(10));
    OpenFiles always = new OpenFiles(RangeLocks.ofPlatform(), needed -> provider);
    try (FileStorage storage = FileStorage.open(path, true, LockMode.REQUIRED, always)) {
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
      assertThat(storage.allocatedSize()).isEqualTo(4711);
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
    }
    assertThat(ProcessLocks.on(path)).isEmpty();
    assertThat(provider.open).isZero();
  }

  /** Closing a descriptor drops the locks of Java, so that one is kept as long as they are. */
  @Test
  void descriptorThatIsOpenedLateDoesNotDropTheLocks() throws IOException {
    Path path = file("file", random(10));
    FileStorage first = FileStorage.open(path, false, LockMode.AUTO, register);
    try (FileStorage second = FileStorage.open(path, false, LockMode.AUTO, register)) {
      assertThat(first.allocatedSize()).isEqualTo(4711);
      first.close();
      assertThat(ProcessLocks.on(path)).containsExactly(100L, 201L, 203L);
      assertThat(second.allocatedSize()).isEqualTo(4711);
    }
    assertThat(provider.opened).hasSize(1);
    assertThat(provider.open).isZero();
  }

  @Test
  void providerThatOpensNothingIsDoneWithout() throws IOException {
    Path path = file("file", random(1000));
    provider.opensNothing = true;
    try (FileStorage storage = open(path, LockMode.AUTO)) {
      assertThat(storage.discard(0, 512)).isFalse();
      assertThat(storage.allocatedSize()).isEqualTo(-1);
      assertThat(storage.nextHole(0)).isEqualTo(1000);
      assertThat(ProcessLocks.on(path)).containsExactly(WRITERS);
    }
  }

  @Test
  void fileThatHasTakenThePlaceOfAnotherIsLeftAlone() throws IOException {
    Path path = file("file", random(1000));
    try (FileStorage storage = open(path, LockMode.AUTO)) {
      Files.move(path, directory.resolve("moved"));
      byte[] other = random(2000);
      file("file", other);

      assertThat(storage.discard(0, 512)).isFalse();
      storage.writeZeroes(0, 512, true);

      assertThat(Files.readAllBytes(path)).isEqualTo(other);
      assertThat(Arrays.copyOf(Files.readAllBytes(directory.resolve("moved")), 512))
          .containsOnly(0);
    }
    assertThat(provider.open).isZero();
  }

  @Test
  void otherFileSystemsAreNoneOfItsBusiness() throws IOException {
    try (FileSystem jimfs = Jimfs.newFileSystem(Configuration.unix())) {
      Path path = Files.write(jimfs.getPath("/work/file"), random(1000));
      try (FileStorage storage = open(path, LockMode.OFF)) {
        assertThat(storage.allocatedSize()).isEqualTo(-1);
        storage.write(ByteBuffer.allocate(1), 0);
      }
      assertThat(provider.opened).isEmpty();
    }
  }
}
