package io.github.qcow2.testkit.amend;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What we have amended qemu reads, and what qemu has amended we read. */
@RequiresQemu
final class AmendInteropTest {
  private static final long SIZE = 8 << 20;

  private final QemuTools qemu = QemuTools.required();

  @TempDir Path directory;
  private Path image;

  @BeforeEach
  void nameImage() {
    image = directory.resolve("image.qcow2");
  }

  private void make(String... options) throws IOException {
    qemu.create(image, SIZE, options);
    qemu.io(image, "write -P 1 0 300k", "write -P 2 4M 70k", "write -z 1M 64k").orThrow();
    qemu.img("snapshot", "-c", "one", image.toString()).orThrow();
    qemu.io(image, "write -P 3 100k 50k", "discard 4M 64k").orThrow();
  }

  /** What qemu-img says about the format of the image. */
  @SuppressWarnings("unchecked")
  private Map<String, Object> formatData() throws IOException {
    Map<String, Object> format =
        (Map<String, Object>) Objects.requireNonNull(qemu.info(image).get("format-specific"));
    return (Map<String, Object>) Objects.requireNonNull(format.get("data"));
  }

  @Test
  void widthsThatWeChangeAreWhatQemuSays() throws IOException {
    make("cluster_size=4k");
    byte[] before = qemu.content(image);
    byte[] snapshot = qemu.snapshotContent(image, "one");
    for (int bits : new int[] {64, 2, 8, 32, 4, 16}) {
      Qcow2Image.amend(image).refcountBits(bits).lazyRefcounts(bits > 8).run();
      Map<String, Object> data = formatData();
      assertThat(data).containsEntry("refcount-bits", bits);
      assertThat(data).containsEntry("lazy-refcounts", bits > 8);
      assertThat(qemu.check(image).isClean()).isTrue();
      assertThat(qemu.content(image)).isEqualTo(before);
      assertThat(qemu.snapshotContent(image, "one")).isEqualTo(snapshot);
      qemu.io(image, "write -P 4 6M 64k", "discard 6M 64k").orThrow();
    }
  }

  @Test
  void disksThatWeShrinkAreSoundAndGrowAgainWithQemu() throws IOException {
    make("cluster_size=4k");
    byte[] before = qemu.content(image);
    byte[] snapshot = qemu.snapshotContent(image, "one");
    int[] sizes = {4 * 1024 * 1024 + 30_208, 2 << 20, 250_368};
    for (int size : sizes) {
      try (Qcow2Image opened = Qcow2Image.open(image).writable().build()) {
        opened.shrink(size);
      }
      assertThat(qemu.check(image).isClean()).isTrue();
      assertThat(qemu.info(image)).containsEntry("virtual-size", size);
      assertThat(qemu.content(image)).isEqualTo(Arrays.copyOf(before, size));
      // What it converts of a snapshot is as long as the disk is now.
      assertThat(qemu.snapshotContent(image, "one")).isEqualTo(Arrays.copyOf(snapshot, size));
    }
    qemu.img("resize", "-q", "-f", "qcow2", image.toString(), Long.toString(SIZE)).orThrow();
    byte[] expected = Arrays.copyOf(Arrays.copyOf(before, sizes[2]), (int) SIZE);
    assertThat(qemu.content(image)).isEqualTo(expected);
    assertThat(qemu.snapshotContent(image, "one")).isEqualTo(snapshot);
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  @Test
  void disksThatQemuShrinksAreWhatWeRead() throws IOException {
    make("cluster_size=4k");
    byte[] before = qemu.content(image);
    int size = 4 * 1024 * 1024 + 30_208;
    qemu.img("resize", "-q", "--shrink", "-f", "qcow2", image.toString(), size + "").orThrow();
    try (Qcow2Image opened = Qcow2Image.open(image).writable().build()) {
      assertThat(opened.size()).isEqualTo(size);
      opened.grow(SIZE);
      ByteBuffer content = ByteBuffer.allocate((int) SIZE);
      opened.read(content, 0);
      assertThat(content.array()).isEqualTo(Arrays.copyOf(Arrays.copyOf(before, size), (int) SIZE));
    }
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  @Test
  void versionsThatWeChangeAreWhatQemuSays() throws IOException {
    Path base = directory.resolve("base.raw");
    Files.write(base, Content.bytes(1, 0, 5 << 20));
    for (String backing : new String[] {"", ",backing_file=base.raw,backing_fmt=raw"}) {
      make("cluster_size=4k" + backing);
      byte[] before = qemu.content(image);
      byte[] snapshot = qemu.snapshotContent(image, "one");
      for (int version : new int[] {2, 3, 2}) {
        Qcow2Image.amend(image).version(version).run();
        assertThat(formatData()).containsEntry("compat", version == 2 ? "0.10" : "1.1");
        assertThat(qemu.check(image).isClean()).isTrue();
        assertThat(qemu.content(image)).isEqualTo(before);
        assertThat(qemu.snapshotContent(image, "one")).isEqualTo(snapshot);
      }
      qemu.io(image, "write -P 4 6M 64k", "write -z 6M 64k").orThrow();
      assertThat(qemu.check(image).isClean()).isTrue();
      Files.delete(image);
    }
  }

  @Test
  void versionsThatQemuChangesAreWhatWeRead() throws IOException {
    make("cluster_size=4k");
    byte[] before = qemu.content(image);
    for (String compat : new String[] {"0.10", "1.1"}) {
      qemu.img("amend", "-o", "compat=" + compat, image.toString()).orThrow();
      try (Qcow2Image opened = Qcow2Image.open(image).writable().build()) {
        ByteBuffer content = ByteBuffer.allocate((int) SIZE);
        opened.read(content, 0);
        assertThat(content.array()).isEqualTo(before);
        assertThat(opened.header().version()).isEqualTo(compat.equals("1.1") ? 3 : 2);
      }
    }
  }

  @Test
  void nameOfTheDataFileThatWeChangeIsTheOneThatQemuOpens() throws IOException {
    Path data = directory.resolve("data.raw");
    qemu.create(image, SIZE, "data_file=" + data, "data_file_raw=on");
    qemu.io(image, "write -P 1 0 300k").orThrow();
    byte[] before = qemu.content(image);
    Path moved = directory.resolve("a".repeat(200));
    Files.move(data, moved);
    Qcow2Image.amend(image).dataFile(moved.toString()).rawDataFile(false).run();
    assertThat(formatData()).containsEntry("data-file", moved.toString());
    assertThat(formatData()).containsEntry("data-file-raw", false);
    assertThat(qemu.content(image)).isEqualTo(before);
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  @Test
  void widthsThatQemuChangesAreWhatWeRead() throws IOException {
    make("cluster_size=4k", "refcount_bits=64");
    byte[] before = qemu.content(image);
    for (String bits : new String[] {"4", "8", "64"}) {
      qemu.img("amend", "-o", "refcount_bits=" + bits, image.toString()).orThrow();
      try (Qcow2Image opened = Qcow2Image.open(image).writable().build()) {
        ByteBuffer content = ByteBuffer.allocate((int) SIZE);
        opened.read(content, 0);
        assertThat(content.array()).isEqualTo(before);
        assertThat(opened.geometry().refcountBits()).isEqualTo(Integer.parseInt(bits));
      }
      assertThat(qemu.check(image).isClean()).isTrue();
    }
  }
}
