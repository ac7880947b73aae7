package io.github.qcow2.testkit.interop;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReferenceDeniedException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.FileStorage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Which of the files that an image names are opened, and which never. */
final class ReferenceRulesTest {
  private static final int SIZE = 1 << 20;

  /** Generous for a loaded machine; what it tells apart is an answer and none at all. */
  private static final Duration AN_ANSWER = Duration.ofSeconds(20);

  @TempDir Path directory;

  private Path overlay(String name, String backing, String format) throws IOException {
    Path path = directory.resolve(name);
    Qcow2Image.create(path, SIZE).backing(backing, format).createOnly();
    return path;
  }

  private Path raw(Path path, int value) throws IOException {
    return Files.write(path, GuestBytes.repeat(value, SIZE));
  }

  private static Qcow2Image openAnything(Path path) throws IOException {
    return Qcow2Image.open(path).references(ReferencePolicy.allowAll()).build();
  }

  private static void answers(Executable executable) {
    assertTimeoutPreemptively(AN_ANSWER, executable);
  }

  private static void assertRefersToItself(Path path) {
    answers(
        () ->
            assertThatThrownBy(() -> openAnything(path))
                .isInstanceOf(CorruptImageException.class)
                .hasMessageContaining("refers to itself"));
  }

  @Test
  void imageThatIsItsOwnBackingFileIsRefused() throws IOException {
    assertRefersToItself(overlay("a.qcow2", "a.qcow2", "qcow2"));
    assertRefersToItself(overlay("raw.qcow2", "raw.qcow2", "raw"));
    assertRefersToItself(
        overlay("dots.qcow2", "./../" + directory.getFileName() + "/dots.qcow2", "qcow2"));
  }

  @Test
  void imageThatIsItsOwnBackingFileOneLevelDownIsRefused() throws IOException {
    overlay("b.qcow2", "a.qcow2", "qcow2");
    assertRefersToItself(overlay("a.qcow2", "b.qcow2", "qcow2"));
  }

  @Test
  void linksToTheImageAreTheImage() throws IOException {
    Path hard = overlay("a.qcow2", "hard.qcow2", "qcow2");
    Files.createLink(directory.resolve("hard.qcow2"), hard);
    assertRefersToItself(hard);

    Path soft = overlay("b.qcow2", "soft.qcow2", "qcow2");
    Files.createSymbolicLink(directory.resolve("soft.qcow2"), soft);
    assertRefersToItself(soft);
  }

  @Test
  void imageThatIsItsOwnDataFileIsRefused() throws IOException {
    Path path = directory.resolve("a.qcow2");
    Qcow2Image.create(path, SIZE)
        .dataFile("data", false)
        .references(ReferencePolicy.within(directory))
        .createOnly();
    Files.delete(directory.resolve("data"));
    Files.createLink(directory.resolve("data"), path);

    answers(
        () ->
            assertThatThrownBy(() -> openAnything(path))
                .isInstanceOf(CorruptImageException.class)
                .hasMessageContaining("is the image itself"));
  }

  @Test
  void overlayDoesNotOverwriteItsOwnBackingFile() throws IOException {
    Path path = directory.resolve("a.qcow2");
    Qcow2Image.create(path, SIZE).createOnly();
    byte[] before = Files.readAllBytes(path);

    assertThatThrownBy(
            () ->
                Qcow2Image.create(path, SIZE)
                    .backing("a.qcow2", "qcow2")
                    .references(ReferencePolicy.allowAll())
                    .overwriteExisting()
                    .build())
        .isInstanceOf(CorruptImageException.class);

    assertThat(Files.readAllBytes(path)).isEqualTo(before);
  }

  @Test
  void chainOfSixteenImagesIsOpenedAndOneMoreIsRefused() throws IOException {
    raw(directory.resolve("0"), 7);
    for (int i = 1; i < 17; i++) {
      overlay(Integer.toString(i), Integer.toString(i - 1), i == 1 ? "raw" : "qcow2");
    }
    try (Qcow2Image image = openAnything(directory.resolve("15"))) {
      assertThat(GuestBytes.of(image, 0, 512)).containsOnly(7);
      assertThat(image.extents(0, SIZE).toList()).singleElement().matches(e -> e.depth() == 15);
    }
    assertThatThrownBy(() -> openAnything(directory.resolve("16")))
        .isInstanceOf(LimitExceededException.class);
  }

  @Test
  void fifoIsRefusedWithoutWaitingForAWriter() throws Exception {
    Path fifo = directory.resolve("fifo");
    assumeTrue(new ProcessBuilder("mkfifo", fifo.toString()).start().waitFor() == 0);
    Path dataFile = directory.resolve("d.qcow2");
    Qcow2Image.create(dataFile, SIZE)
        .dataFile("data", false)
        .references(ReferencePolicy.within(directory))
        .createOnly();
    Files.delete(directory.resolve("data"));
    assumeTrue(
        new ProcessBuilder("mkfifo", directory.resolve("data").toString()).start().waitFor() == 0);
    Path raw = overlay("raw.qcow2", "fifo", "raw");
    Path qcow2 = overlay("qcow2.qcow2", "fifo", "qcow2");

    for (Path path : new Path[] {raw, qcow2, dataFile}) {
      answers(
          () ->
              assertThatThrownBy(() -> openAnything(path))
                  .isInstanceOf(UnsupportedFeatureException.class));
    }
    answers(
        () ->
            assertThatThrownBy(() -> Qcow2Image.open(fifo).build())
                .isInstanceOf(UnsupportedFeatureException.class));
    answers(
        () ->
            assertThatThrownBy(() -> Qcow2Image.inspect(fifo))
                .isInstanceOf(UnsupportedFeatureException.class));
    assertThat(Qcow2Image.inspect(dataFile).header().dataFile()).isEqualTo("data");
  }

  @Test
  void deviceWithoutEndIsRefused() throws IOException {
    assumeTrue(Files.exists(Path.of("/dev/zero")));
    Path path = overlay("a.qcow2", "/dev/zero", "raw");
    answers(
        () ->
            assertThatThrownBy(() -> openAnything(path))
                .isInstanceOf(UnsupportedFeatureException.class));
    Path directoryBelow = overlay("b.qcow2", ".", "raw");
    assertThatThrownBy(() -> openAnything(directoryBelow))
        .isInstanceOf(UnsupportedFeatureException.class);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "json:{\"driver\":\"file\",\"filename\":\"/etc/passwd\"}",
        "nbd:localhost:10809",
        "nbd://localhost/disk",
        "https://example.org/disk",
        "fd:0",
        "file:base.raw"
      })
  void namesWithAProtocolAreNoPaths(String name) throws IOException {
    raw(directory.resolve("base.raw"), 1);
    Path path = overlay("a.qcow2", name, "raw");

    for (ReferencePolicy policy :
        new ReferencePolicy[] {ReferencePolicy.allowAll(), ReferencePolicy.within(directory)}) {
      assertThatThrownBy(() -> Qcow2Image.open(path).references(policy).build())
          .isInstanceOf(ReferenceDeniedException.class);
    }
  }

  @Test
  void withoutAPolicyNothingElseIsOpened() throws IOException {
    raw(directory.resolve("base.raw"), 1);
    Path path = overlay("a.qcow2", "base.raw", "raw");
    Path data = directory.resolve("d.qcow2");
    Qcow2Image.create(data, SIZE)
        .dataFile("data", false)
        .references(ReferencePolicy.within(directory))
        .createOnly();

    assertThatThrownBy(() -> Qcow2Image.open(path).build())
        .isInstanceOf(ReferenceDeniedException.class);
    assertThatThrownBy(() -> Qcow2Image.open(path).writable().build())
        .isInstanceOf(ReferenceDeniedException.class);
    assertThatThrownBy(() -> Qcow2Image.open(data).build())
        .isInstanceOf(ReferenceDeniedException.class);
    assertThatThrownBy(
            () ->
                Qcow2Image.create(directory.resolve("n.qcow2"), SIZE).dataFile("x", false).build())
        .isInstanceOf(ReferenceDeniedException.class);
    assertThat(Qcow2Image.inspect(path).header().backingFile()).isEqualTo("base.raw");
  }

  @Test
  void policyForADirectoryResistsSymbolicLinksAndDots() throws IOException {
    Path inside = Files.createDirectory(directory.resolve("inside"));
    Path secret = raw(directory.resolve("secret.raw"), 1);
    Files.createSymbolicLink(inside.resolve("link.raw"), secret);
    Files.createSymbolicLink(inside.resolve("up"), directory);
    ReferencePolicy policy = ReferencePolicy.within(inside);
    for (String name :
        new String[] {"link.raw", "up/secret.raw", "../secret.raw", secret.toString()}) {
      Path path = overlay("inside/a.qcow2", name, "raw");
      assertThatThrownBy(() -> Qcow2Image.open(path).references(policy).build())
          .as(name)
          .isInstanceOf(ReferenceDeniedException.class);
      Files.delete(path);
    }
  }

  @Test
  void newDataFileIsNotMadeThroughALinkThatLeadsOutside() throws IOException {
    Path inside = Files.createDirectory(directory.resolve("inside"));
    Files.createSymbolicLink(inside.resolve("data"), directory.resolve("made"));
    Files.createSymbolicLink(inside.resolve("up"), directory);
    for (String name : new String[] {"data", "up/made", "../made"}) {
      assertThatThrownBy(
              () ->
                  Qcow2Image.create(inside.resolve("a.qcow2"), SIZE)
                      .dataFile(name, false)
                      .references(ReferencePolicy.within(inside))
                      .build())
          .as(name)
          .isInstanceOf(IOException.class);
      assertThat(directory.resolve("made")).doesNotExist();
      assertThat(inside.resolve("a.qcow2")).doesNotExist();
    }
  }

  @Test
  void relativeNamesAreSeenFromTheDirectoryOfTheImageThatHoldsThem() throws IOException {
    Path sub = Files.createDirectory(directory.resolve("sub"));
    raw(sub.resolve("base.raw"), 5);
    raw(directory.resolve("base.raw"), 6);
    overlay("sub/middle.qcow2", "base.raw", "raw");
    Path top = overlay("top.qcow2", "sub/middle.qcow2", "qcow2");

    try (Qcow2Image image =
        Qcow2Image.open(top).references(ReferencePolicy.within(directory)).build()) {
      assertThat(GuestBytes.of(image, 0, 512)).containsOnly(5);
    }
  }

  /** QEMU would look for it in the working directory. */
  @Test
  void relativeNamesOfDataFilesAreSeenFromTheDirectoryOfTheImageToo() throws IOException {
    Path path = directory.resolve("a.qcow2");
    try (Qcow2Image image =
        Qcow2Image.create(path, SIZE)
            .dataFile("data", false)
            .references(ReferencePolicy.within(directory))
            .build()) {
      GuestBytes.fill(image, 3, 0, 512);
    }
    assertThat(Files.readAllBytes(directory.resolve("data"))).startsWith(3, 3, 3);
  }

  @Test
  void backingFileWithoutARecordedFormatIsNotGuessedUnlessAskedFor() throws IOException {
    Path base = directory.resolve("base");
    try (Qcow2Image image = Qcow2Image.create(base, SIZE).build()) {
      GuestBytes.fill(image, 8, 0, 512);
    }
    Path path = directory.resolve("a.qcow2");
    Qcow2Image.create(path, SIZE).backing("base", null).createOnly();

    assertThatThrownBy(() -> openAnything(path)).isInstanceOf(UnsupportedFeatureException.class);
    try (Qcow2Image image =
        Qcow2Image.open(path).references(ReferencePolicy.allowAll()).probeBackingFormat().build()) {
      assertThat(GuestBytes.of(image, 0, 512)).containsOnly(8);
    }
  }

  @Test
  void recordedRawFormatIsBelievedWhateverTheFileLooksLike() throws IOException {
    Path base = directory.resolve("base");
    Qcow2Image.create(base, SIZE).createOnly();
    Path path = overlay("a.qcow2", "base", "raw");

    try (Qcow2Image image =
        Qcow2Image.open(path).references(ReferencePolicy.allowAll()).probeBackingFormat().build()) {
      assertThat(new String(GuestBytes.of(image, 0, 3), UTF_8)).isEqualTo("QFI");
    }
  }

  @Test
  void unknownFormatOfABackingFileIsRefused() throws IOException {
    raw(directory.resolve("base"), 1);
    Path path = overlay("a.qcow2", "base", "vmdk");
    assertThatThrownBy(() -> openAnything(path))
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("vmdk");
  }

  @Test
  void deviceGivenByTheCallerStandsInForAnyNameAndIsNotClosed() throws IOException {
    Path path = overlay("a.qcow2", "json:{}", "raw");
    raw(directory.resolve("base"), 4);
    try (BlockDevice base = RawImage.over(FileStorage.open(directory.resolve("base")))) {
      try (Qcow2Image image =
          Qcow2Image.open(path).references(ReferencePolicy.explicit(base)).build()) {
        assertThat(GuestBytes.of(image, 0, 512)).containsOnly(4);
      }
      assertThat(GuestBytes.of(base, 0, 512)).containsOnly(4);
    }
  }

  @Test
  void refusedReferenceLeavesTheImageClosedAndUnchanged() throws IOException {
    Path path = overlay("a.qcow2", "missing.raw", "raw");
    byte[] before = Files.readAllBytes(path);
    for (int i = 0; i < 100; i++) {
      assertThatThrownBy(
              () -> Qcow2Image.open(path).writable().references(ReferencePolicy.allowAll()).build())
          .isInstanceOf(IOException.class);
      assertThatThrownBy(() -> Qcow2Image.open(path).writable().build())
          .isInstanceOf(Qcow2Exception.class);
    }
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
  }

  @Test
  void controlCharactersInNamesAreEscapedInMessages() throws IOException {
    Path path = overlay("a.qcow2", "\u001b[31mred", "raw");
    assertThatThrownBy(() -> Qcow2Image.open(path).build())
        .isInstanceOf(ReferenceDeniedException.class)
        .satisfies(e -> assertThat(e.getMessage()).doesNotContain("\u001b"));
  }
}
