package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every cluster that {@code qemu-img convert -c} compresses is decompressed here. */
@RequiresQemu
final class CompressedInteropTest {
  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  @ParameterizedTest
  @CsvSource({
    "512, off, 16",
    "4096, off, 16",
    "65536, off, 16",
    "65536, off, 1",
    "2097152, off, 16",
    "16384, on, 16",
    "65536, on, 64",
    "2097152, on, 16"
  })
  void everyClusterReadsBackInAnyOrder(int clusterSize, String extendedL2, int refcountBits)
      throws IOException {
    Path raw = directory.resolve("a.raw");
    Path path = directory.resolve("a.qcow2");
    byte[] content = mixed(Math.max(300_544, 4 * clusterSize - 1024));
    Files.write(raw, content);
    qemu.convert(
        raw,
        "raw",
        path,
        "qcow2",
        "-c",
        "cluster_size=" + clusterSize,
        "extended_l2=" + extendedL2,
        "refcount_bits=" + refcountBits);

    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      assertSame(GuestBytes.of(image), content, "the disk");
      // Backwards and in pieces: no cluster may depend on its neighbour having been read before.
      for (int end = content.length; end > 0; end -= 4000) {
        int start = Math.max(0, end - 4000);
        assertSame(
            GuestBytes.of(image, start, end - start),
            Arrays.copyOfRange(content, start, end),
            "bytes from " + start);
      }
      long compressed =
          image.extents(0, image.size()).toList().stream()
              .filter(extent -> extent.kind() == Extent.Kind.COMPRESSED)
              .mapToLong(Extent::length)
              .sum();
      long clusters = qemu.check(path).compressedClusters();
      assertThat((compressed + clusterSize - 1) / clusterSize).isEqualTo(clusters).isPositive();
    }
  }

  @ParameterizedTest
  @CsvSource({
    "512, false, 16",
    "4096, false, 64",
    "65536, false, 16",
    "65536, false, 1",
    "2097152, false, 16",
    "16384, true, 16",
    "2097152, true, 8"
  })
  void clustersThatAreCompressedHereReadBackThere(
      int clusterSize, boolean extendedL2, int refcountBits) throws IOException {
    Path path = directory.resolve("a.qcow2");
    byte[] content = mixed(Math.max(300_544, 4 * clusterSize - 1024));
    try (Qcow2Image image =
        Qcow2Image.create(path, content.length)
            .clusterSize(clusterSize)
            .extendedL2(extendedL2)
            .refcountBits(refcountBits)
            .build()) {
      image.writeCompressed(ByteBuffer.wrap(content), 0);
    }
    QemuCheck check = qemu.check(path);
    assertThat(check.isClean()).isTrue();
    assertThat(check.compressedClusters()).isPositive();
    Path raw = directory.resolve("a.raw");
    qemu.convert(path, "qcow2", raw, "raw");
    assertSame(Files.readAllBytes(raw), content, "the disk");

    // QEMU rewrites a part of one and compresses into a hole; we go on with what it has made.
    qemu.io(path, "write -P 7 1024 512");
    System.arraycopy(filled(512, 7), 0, content, 1024, 512);
    try (Qcow2Image image = Qcow2Image.open(path).writable().build()) {
      byte[] first = filled(clusterSize, 9);
      image.writeCompressed(ByteBuffer.wrap(first), 0);
      System.arraycopy(first, 0, content, 0, clusterSize);
      assertSame(GuestBytes.of(image), content, "the disk");
    }
    assertThat(qemu.check(path).isClean()).isTrue();
    qemu.convert(path, "qcow2", raw, "raw");
    assertSame(Files.readAllBytes(raw), content, "the disk");
  }

  private static byte[] filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  /** Text that compresses a little, with stretches that do not at all and others of one byte. */
  private static byte[] mixed(int length) {
    StringBuilder text = new StringBuilder(length + 20);
    for (int line = 0; text.length() < length; line++) {
      text.append("line ").append(line * 7919L % 104_729).append('\n');
    }
    byte[] bytes = Arrays.copyOf(text.toString().getBytes(StandardCharsets.US_ASCII), length);
    System.arraycopy(Content.bytes(3, 0, length / 5), 0, bytes, length / 5, length / 5);
    Arrays.fill(bytes, length / 2, length / 2 + length / 5, (byte) 0x5a);
    return bytes;
  }
}
