package io.github.qcow2.testkit.readme;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What README.md says is so. */
final class ReadmeTest {
  private static final Path ROOT = Path.of(System.getProperty("user.dir")).resolve("..");

  @TempDir Path directory;

  @Test
  void exampleIsTheCodeBelowAndRuns() throws IOException {
    // Between these lines stands what README.md shows.
    // example begins
    Path base = directory.resolve("base.qcow2");
    try (Qcow2Image image = Qcow2Image.create(base, 10L << 30).build()) {
      image.write(ByteBuffer.wrap("hello".getBytes(UTF_8)), 1 << 20);
      image.flush(); // durable from here on
    }
    ImageCreator overlay =
        Qcow2Image.create(directory.resolve("overlay.qcow2"), 10L << 30)
            .backing("base.qcow2", "qcow2")
            .references(ReferencePolicy.within(directory)); // opened by permission only
    try (Qcow2Image image = overlay.build()) {
      image.writeZeroes(1 << 20, 2, ZeroMode.MAY_UNMAP); // zeros, whatever the base holds
      ByteBuffer bytes = ByteBuffer.allocate(5);
      image.read(bytes, 1 << 20); // \0\0llo
      ExtentCursor extents = image.extents(0, image.size());
      for (Extent extent = extents.next(); extent != null; extent = extents.next()) {
        System.out.println(extent);
      }
    }
    CheckReport report = ImageCheck.of(base).run();
    System.out.println(report.corruptions() + " corruptions, " + report.leaks() + " leaks");
    // example ends
    assertThat(report.corruptions() + report.leaks()).isZero();
    try (Qcow2Image image =
        Qcow2Image.open(directory.resolve("overlay.qcow2"))
            .references(ReferencePolicy.within(directory))
            .build()) {
      ByteBuffer bytes = ByteBuffer.allocate(5);
      image.read(bytes, 1 << 20);
      assertThat(new String(bytes.array(), UTF_8)).isEqualTo("\0\0llo");
    }
    assertThat(words(example(readme(), "```java", "```")))
        .isEqualTo(words(example(source(), "// example begins", "// example ends")));
  }

  @Test
  void everythingListedAsRefusedIsRefused() throws IOException {
    Map<String, ImageOpener> refused = refused();
    List<String> listed =
        example(readme(), "## What is refused", "## ")
            .lines()
            .filter(line -> line.startsWith("* "))
            .map(line -> line.substring(2))
            .toList();
    assertThat(listed).containsExactlyElementsOf(refused.keySet());
    refused.forEach(
        (item, opener) ->
            assertThatThrownBy(opener::build)
                .as(item)
                .isInstanceOf(UnsupportedFeatureException.class));
  }

  /** One image for each item of the list. */
  private Map<String, ImageOpener> refused() throws IOException {
    Map<String, ImageOpener> refused = new LinkedHashMap<>();
    refused.put(
        "encrypted images, but for the old AES method when they are read with a passphrase",
        open(patched(32, 0, 0, 0, 2)).passphrases(image -> new byte[1]));
    Path zstd = patched(79, 8);
    patch(zstd, 104, 1);
    refused.put(
        "images compressed with zstd, unless a codec for it is on the class path", open(zstd));
    refused.put("incompatible features unknown to this version", open(patched(72, 0x80)));
    refused.put(
        "backing files of a format other than raw and qcow2",
        open(overlay("vmdk")).references(ReferencePolicy.allowAll()));
    refused.put(
        "backing files whose format is not recorded, unless probing is asked for",
        open(overlay(null)).references(ReferencePolicy.allowAll()));
    refused.put("writing to an image with persistent bitmaps", open(withBitmaps()).writable());
    return refused;
  }

  private static ImageOpener open(Path path) {
    return Qcow2Image.open(path);
  }

  private Path plain() throws IOException {
    Path path = directory.resolve("image" + System.nanoTime());
    Qcow2Image.create(path, 1 << 20).build().close();
    return path;
  }

  private Path patched(int offset, int... bytes) throws IOException {
    return patch(plain(), offset, bytes);
  }

  private static Path patch(Path path, int offset, int... bytes) throws IOException {
    ByteBuffer patch = ByteBuffer.allocate(bytes.length);
    for (int each : bytes) {
      patch.put((byte) each);
    }
    try (FileChannel channel = FileChannel.open(path, StandardOpenOption.WRITE)) {
      channel.write(patch.flip(), offset);
    }
    return path;
  }

  private Path overlay(String format) throws IOException {
    Files.write(directory.resolve("raw"), new byte[1 << 20]);
    Path path = directory.resolve("overlay" + System.nanoTime());
    Qcow2Image.create(path, 1 << 20).backing("raw", format).createOnly();
    return path;
  }

  /** The bitmaps extension in place of the feature name table, which begins at byte 112. */
  private Path withBitmaps() throws IOException {
    Path path = patched(112, 0x23, 0x85, 0x28, 0x75, 0, 0, 0, 24);
    patch(path, 120, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 32);
    patch(path, 136, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0);
    return patch(path, 95, 1);
  }

  private static String readme() throws IOException {
    return Files.readString(ROOT.resolve("README.md"));
  }

  private static String source() throws IOException {
    return Files.readString(
        ROOT.resolve("qcow2-testkit/src/test/java/io/github/qcow2/testkit/readme/ReadmeTest.java"));
  }

  private static String example(String text, String begin, String end) {
    int from = text.indexOf(begin) + begin.length();
    return text.substring(from, text.indexOf(end, from));
  }

  private static String words(String text) {
    return text.replaceAll("\\s+", " ").strip();
  }
}
