package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What opening an image does, and what it must not. */
final class OpeningRulesTest {
  private static final int CRYPT_METHOD = 32;
  private static final int INCOMPATIBLE = 72;
  private static final int AUTOCLEAR = 88;

  @TempDir Path directory;

  private Path patched(Map<Integer, Long> words) throws IOException {
    byte[] file = ImageBuilder.of(16, 1 << 20).build().bytes();
    words.forEach((offset, value) -> ByteBuffer.wrap(file).putLong(offset, value));
    return Files.write(directory.resolve("a.qcow2"), file);
  }

  private static long word(Path path, int offset) throws IOException {
    return ByteBuffer.wrap(Files.readAllBytes(path)).getLong(offset);
  }

  /** No feature bit says that an image is encrypted: whoever overlooks the method serves noise. */
  @ParameterizedTest
  @ValueSource(ints = {1, 2})
  void encryptedImageIsRefusedButCanBeInspected(int method) throws IOException {
    byte[] file = ImageBuilder.of(16, 1 << 20).build().bytes();
    ByteBuffer.wrap(file).putInt(CRYPT_METHOD, method);
    Path path = Files.write(directory.resolve("a.qcow2"), file);

    assertThatThrownBy(() -> Qcow2Image.open(path).build())
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThatThrownBy(() -> Qcow2Image.open(path).writable().build())
        .isInstanceOf(UnsupportedFeatureException.class);
    assertThat(Qcow2Image.inspect(path).header().cryptMethod()).isEqualTo(method);
    assertThat(Qcow2Image.inspect(path).isReadable()).isFalse();
  }

  @Test
  void autoclearBitsStayWhereTheImageIsRefused() throws IOException {
    Path path = patched(Map.of(INCOMPATIBLE, 1L << 40, AUTOCLEAR, 1L << 30));

    assertThatThrownBy(() -> Qcow2Image.open(path).writable().build())
        .isInstanceOf(UnsupportedFeatureException.class);

    assertThat(word(path, AUTOCLEAR)).isEqualTo(1L << 30);
  }

  @Test
  void unknownAutoclearBitsAreClearedByWritersOnly() throws IOException {
    Path path = patched(Map.of(AUTOCLEAR, 1L << 30));

    Qcow2Image.open(path).build().close();
    assertThat(word(path, AUTOCLEAR)).isEqualTo(1L << 30);

    Qcow2Image.open(path).writable().build().close();
    assertThat(word(path, AUTOCLEAR)).isZero();
  }

  @Test
  void unknownCompatibleBitsAreKept() throws IOException {
    Path path = patched(Map.of(80, 1L << 50));
    try (Qcow2Image image = Qcow2Image.open(path).writable().build()) {
      GuestBytes.fill(image, 1, 0, 512);
      image.grow(64 << 20);
    }
    assertThat(word(path, 80)).isEqualTo(1L << 50);
  }

  @Test
  @RequiresQemu
  void missingCodecIsReportedAtOpenAndNotAtTheFirstRead() throws IOException {
    Path path = directory.resolve("zstd.qcow2");
    QemuTools.required().create(path, 1 << 20, "compression_type=zstd");

    assertThatThrownBy(() -> Qcow2Image.open(path).build())
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("zstd");
    assertThat(Qcow2Image.inspect(path).header().compressionType()).isEqualTo(1);
  }

  @Test
  void openingReadsTopTablesAndNeitherRefcountBlocksNorL2Tables() throws IOException {
    HeapStorage storage = new HeapStorage("filled");
    try (Qcow2Image image = Qcow2Image.create(storage, 8 << 20).clusterSize(512).build()) {
      GuestBytes.fill(image, 1, 0, 8 << 20);
    }
    byte[] file = storage.toByteArray();
    FaultyStorage watched = new FaultyStorage(HeapStorage.copyOf("watched", file));
    try (Qcow2Image image = Qcow2Image.open(watched).writable().build()) {
      long topTables =
          image.header().l1Entries() * 8L + image.header().refcountTableClusters() * 512L;
      assertThat(watched.bytesRead()).isLessThan(topTables + 4096);
      assertThat(file.length / 512 * 2).as("bytes of refcounts").isGreaterThan(20_000);
    }
  }

  @Test
  @RequiresQemu
  void openingLoadsNoBitmaps() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path path = directory.resolve("a.qcow2");
    qemu.create(path, 1L << 30);
    qemu.img("bitmap", "--add", "-g", "512", path.toString(), "fine").orThrow();
    qemu.io(path, "write 0 256M").orThrow();
    FaultyStorage watched = new FaultyStorage(HeapStorage.copyOf("watched", headOf(path, 8 << 20)));

    try (Qcow2Image image = Qcow2Image.open(watched).build()) {
      assertThat(watched.bytesRead()).isLessThan(256 << 10);
      assertThat(image.header().bitmaps()).isNotNull();
    }
    assertThat(Qcow2Image.inspect(path).bitmaps()).hasSize(1);
  }

  private static byte[] headOf(Path path, int length) throws IOException {
    try (var in = Files.newInputStream(path)) {
      return in.readNBytes(length);
    }
  }

  @Test
  void inspectingAndCheckingOpenNoDataFile() throws IOException {
    byte[] file = ImageBuilder.of(16, 1 << 20).dataFile("/does/not/exist").build().bytes();
    Path path = Files.write(directory.resolve("a.qcow2"), file);

    assertThat(Qcow2Image.inspect(path).header().dataFile()).isEqualTo("/does/not/exist");
    assertThat(ImageCheck.of(path).run().findings()).isEmpty();
  }
}
