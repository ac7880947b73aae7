package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.testkit.qemu.QemuExtent;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Where the library deliberately shows something else than qemu-img does. */
@RequiresQemu
final class KnownDifferencesInteropTest {
  private static final int SIZE = 1 << 20;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  /** Java cannot ask a file for its holes; they are read as data, and read as zeros. */
  @Test
  void holesInARawBackingFileAreData() throws IOException {
    Path raw = directory.resolve("base.raw");
    qemu.img("create", "-q", "-f", "raw", raw.toString(), Integer.toString(SIZE)).orThrow();
    Path path = directory.resolve("a.qcow2");
    qemu.create(path, SIZE, "backing_file=base.raw,backing_fmt=raw");

    assertThat(qemu.map(path)).anyMatch(QemuExtent::zero);
    try (Qcow2Image image =
        Qcow2Image.open(path).references(ReferencePolicy.within(directory)).build()) {
      assertThat(image.extents(0, SIZE).toList())
          .containsExactly(new Extent(0, SIZE, Extent.Kind.DATA, 1, 0));
      assertThat(GuestBytes.of(image)).containsOnly(0);
    }
  }

  /** qemu-img gives it the present size of the disk. */
  @Test
  void snapshotHasTheSizeThatTheDiskHadThen() throws IOException {
    Path path = directory.resolve("a.qcow2");
    qemu.create(path, SIZE);
    qemu.io(path, "write -P 5 0 1M").orThrow();
    qemu.img("snapshot", "-c", "small", path.toString()).orThrow();
    qemu.img("resize", "-q", "-f", "qcow2", path.toString(), "2M").orThrow();
    qemu.img("snapshot", "-c", "large", path.toString()).orThrow();
    qemu.img("resize", "-q", "--shrink", "-f", "qcow2", path.toString(), "512k").orThrow();

    try (Qcow2Image image = Qcow2Image.open(path).build();
        BlockDevice small = image.openSnapshot("small");
        BlockDevice large = image.openSnapshot("large")) {
      assertThat(image.size()).isEqualTo(SIZE / 2);
      assertThat(small.size()).isEqualTo(SIZE);
      assertThat(large.size()).isEqualTo(2 * SIZE);
      assertSame(GuestBytes.of(small), GuestBytes.repeat(5, SIZE), "small");
      assertSame(
          GuestBytes.of(large), Arrays.copyOf(GuestBytes.repeat(5, SIZE), 2 * SIZE), "large");
      byte[] cut = qemu.snapshotContent(path, "large");
      assertThat(cut).hasSize(SIZE / 2);
      assertSame(cut, GuestBytes.of(large, 0, cut.length), "what qemu-img shows of it");
    }
  }

  /** QEMU has no limit and runs out of open files. */
  @Test
  void imageThatIsItsOwnBackingFileIsNotOpenedUntilFilesRunOut() throws IOException {
    Path path = directory.resolve("a.qcow2");
    qemu.create(path, SIZE);
    qemu.img("rebase", "-u", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", path.toString())
        .orThrow();
    byte[] before = Files.readAllBytes(path);

    assertThat(qemu.io(path, "read 0 512").succeeded()).isFalse();
    assertThat(Qcow2Image.inspect(path).header().backingFile()).isEqualTo("a.qcow2");
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
  }
}
