package io.github.qcow2.testkit.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.qemu.QemuServer;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import io.github.qcow2.testkit.qemu.ToolResult;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Who of QEMU's tools and this library may have an image open beside whom, however files are
 * locked. Extend it where a {@link io.github.qcow2.storage.HostFileProvider} is in use, or none.
 */
@RequiresQemu
@Timeout(120)
@SuppressWarnings("try")
public abstract class FileLockContract {
  private static final int SIZE = 1 << 20;
  private static final String OPEN_FOR_WRITING = "another process has the file open for writing";

  @TempDir Path directory;
  private final QemuTools qemu = QemuTools.required();
  private Path image;

  /** For subclasses. */
  protected FileLockContract() {}

  /** Makes what each test locks. */
  @BeforeEach
  public final void makeImage() throws IOException {
    image = directory.resolve("image.qcow2");
    qemu.create(image, SIZE);
  }

  @ParameterizedTest
  @EnumSource(names = {"AUTO", "REQUIRED"})
  public void imageThatQemuWritesToIsRefusedForWriting(LockMode mode) throws IOException {
    byte[] before = Files.readAllBytes(image);
    try (QemuServer ignored = qemu.serve(image, "qcow2")) {
      assertThatThrownBy(() -> Qcow2Image.open(image).writable().locking(mode).build())
          .isInstanceOf(ImageLockedException.class)
          .hasMessage(
              image
                  + ": another process has the file open for writing; only LockMode.OFF opens it"
                  + " nonetheless");
      assertThat(image).hasBinaryContent(before);
    }
    Qcow2Image.open(image).writable().locking(mode).build().close();
  }

  @Test
  public void imageThatQemuWritesToIsReadOnlyWithoutLocks() throws IOException {
    try (QemuServer ignored = qemu.serve(image, "qcow2")) {
      assertRefused(() -> Qcow2Image.open(image).build(), image, OPEN_FOR_WRITING);
      assertRefused(() -> Qcow2Image.inspect(image), image, OPEN_FOR_WRITING);
      assertRefused(() -> ImageCheck.of(image).run(), image, OPEN_FOR_WRITING);
      assertRefused(() -> RawImage.open(image), image, OPEN_FOR_WRITING);

      try (Qcow2Image unlocked = Qcow2Image.open(image).locking(LockMode.OFF).build()) {
        unlocked.read(ByteBuffer.allocate(SIZE), 0);
      }
      try (Storage unlocked = FileStorage.open(image, LockMode.OFF)) {
        assertThat(Qcow2Image.inspect(unlocked).header().size()).isEqualTo(SIZE);
        assertThat(ImageCheck.of(unlocked).run().isClean()).isTrue();
      }
    }
  }

  @Test
  public void imageThatQemuReadsMayBeReadButNotWritten() throws IOException {
    try (QemuServer ignored = qemu.serve(image, "qcow2", "--read-only")) {
      assertRefused(
          () -> Qcow2Image.open(image).writable().build(),
          image,
          "another process does not allow others to write to the file");
      try (Qcow2Image reading = Qcow2Image.open(image).locking(LockMode.REQUIRED).build()) {
        reading.read(ByteBuffer.allocate(SIZE), 0);
      }
    }
  }

  @Test
  public void backingFileThatQemuWritesToIsRefused() throws IOException {
    Path overlay = directory.resolve("overlay.qcow2");
    ReferencePolicy policy = ReferencePolicy.within(directory);
    Qcow2Image.create(overlay, SIZE)
        .backing("image.qcow2", "qcow2")
        .references(policy)
        .build()
        .close();
    try (QemuServer ignored = qemu.serve(image, "qcow2")) {
      ImageOpener opener = Qcow2Image.open(overlay).references(policy);
      assertRefused(opener::build, image, OPEN_FOR_WRITING);
      assertRefused(opener.writable()::build, image, OPEN_FOR_WRITING);
      Qcow2Image.open(overlay).references(policy).locking(LockMode.OFF).build().close();
    }
    Qcow2Image.open(overlay).writable().references(policy).build().close();
  }

  @Test
  public void creationDoesNotTouchAFileThatIsInUse() throws IOException {
    byte[] before = Files.readAllBytes(image);
    Path other = directory.resolve("other.qcow2");
    for (String[] options : new String[][] {{}, {"--read-only"}}) {
      try (QemuServer ignored = qemu.serve(image, "qcow2", options)) {
        assertRefused(() -> Qcow2Image.create(image, SIZE).overwriteExisting().build(), image, "");
        assertRefused(() -> RawImage.create(image, SIZE), image, "");
        assertRefused(
            () ->
                Qcow2Image.create(other, SIZE)
                    .dataFile("image.qcow2", true)
                    .references(ReferencePolicy.within(directory))
                    .overwriteExisting()
                    .build(),
            image,
            "");
        assertThat(image).hasBinaryContent(before);
        assertThat(other).doesNotExist();
      }
    }
  }

  @Test
  public void imageThatWeWriteToIsRefusedByQemu() throws IOException {
    try (Qcow2Image ours = Qcow2Image.open(image).writable().build()) {
      assertKeepsOut("write", qemu.io(image, "write 0 512"));
      assertKeepsOut("shared \"write\"", qemu.img("info", image.toString()));
      assertKeepsOut("write", qemu.img("create", "-f", "qcow2", image.toString(), "1M"));
      assertThatThrownBy(() -> qemu.serve(image, "qcow2")).hasMessageContaining("\"write\" lock");
      qemu.img("info", "-U", image.toString()).orThrow();
      ours.write(ByteBuffer.allocate(512), 0);
    }
    qemu.io(image, "write 0 512").orThrow();
  }

  @Test
  public void imageThatWeReadMayBeReadByQemuButNotWritten() throws IOException {
    try (Qcow2Image ours = Qcow2Image.open(image).build()) {
      assertKeepsOut("write", qemu.io(image, "write 0 512"));
      assertThat(qemu.check(image).isClean()).isTrue();
      ours.read(ByteBuffer.allocate(512), 0);
    }
    qemu.io(image, "write 0 512").orThrow();
  }

  @Test
  public void closingASecondImageOfTheFileLeavesTheFirstLocked() throws IOException {
    try (Qcow2Image first = Qcow2Image.open(image).build()) {
      Qcow2Image.open(image).build().close();
      Qcow2Image.open(image).locking(LockMode.OFF).build().close();
      Qcow2Image.inspect(image);
      assertThat(ImageCheck.of(image).run().isClean()).isTrue();
      assertThatThrownBy(() -> Qcow2Image.open(image).writable().build())
          .isInstanceOf(ImageLockedException.class);

      assertKeepsOut("write", qemu.io(image, "write 0 512"));
      first.read(ByteBuffer.allocate(512), 0);
    }
    qemu.io(image, "write 0 512").orThrow();
  }

  @Test
  public void secondImageOfTheFileStaysLockedWhenTheFirstIsClosed() throws IOException {
    Qcow2Image first = Qcow2Image.open(image).build();
    try (Qcow2Image second = Qcow2Image.open(image).build()) {
      first.close();

      assertKeepsOut("write", qemu.io(image, "write 0 512"));
      second.read(ByteBuffer.allocate(512), 0);
    }
    qemu.io(image, "write 0 512").orThrow();
  }

  @Test
  public void interruptedImageIsStillLocked() throws Exception {
    try (Qcow2Image ours = Qcow2Image.open(image).writable().build()) {
      InterruptStorm storm = new InterruptStorm(ours, 4);
      storm.run(2_000);
      storm.verifyAll();

      assertKeepsOut("write", qemu.io(image, "write 0 512"));
    }
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  private static void assertRefused(ThrowingCallable opening, Path file, String why) {
    assertThatThrownBy(opening)
        .isInstanceOf(ImageLockedException.class)
        .hasMessageContaining(why)
        .satisfies(e -> assertThat(((ImageLockedException) e).image()).isEqualTo(file.toString()));
  }

  /** QEMU says which of its permissions it was denied. */
  private static void assertKeepsOut(String lock, ToolResult result) {
    String permission = lock.contains("\"") ? lock : '"' + lock + '"';
    assertThat(result.exitCode()).as("%s", result).isEqualTo(1);
    assertThat(result.stderr())
        .contains("Failed to get " + permission + " lock")
        .contains("Is another process using the image");
  }
}
