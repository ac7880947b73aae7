package io.github.qcow2.testkit.operation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.operation.Convert;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Rules of copies that are stored compressed. */
final class CompressedCopyTest {
  /** Extents of the source end inside clusters of the target, in every way there is. */
  @ParameterizedTest
  @CsvSource({"512,4096", "512,65536", "4096,16384", "65536,2097152", "65536,512"})
  void clustersOfTheTargetAreStoredWholeOrNotAtAll(int from, int to) throws IOException {
    Random random = new Random(from + to);
    HeapStorage sourceFile = new HeapStorage("source");
    int size = 300 * from + 512;
    byte[] expected = new byte[size];
    try (Qcow2Image source = Qcow2Image.create(sourceFile, size).clusterSize(from).build()) {
      for (int i = 0; i < 60; i++) {
        int at = random.nextInt(300) * from;
        int length = Math.min(size - at, (1 + random.nextInt(8)) * from);
        byte[] bytes = Content.compressible(i, at, length);
        source.write(ByteBuffer.wrap(bytes), at);
        System.arraycopy(bytes, 0, expected, at, length);
      }
      HeapStorage targetFile = new HeapStorage("target");
      try (Qcow2Image target = Qcow2Image.create(targetFile, size).clusterSize(to).build()) {
        Convert.from(source).to(target).targetIsZero(true).compressed(to).bufferSize(65_536).run();
        byte[] copy = new byte[size];
        target.read(ByteBuffer.wrap(copy), 0);
        assertThat(Arrays.mismatch(copy, expected)).isEqualTo(-1);
        List<Extent> extents = target.extents(0, size).toList();
        for (Extent extent : extents) {
          boolean zero = true;
          for (long i = extent.start(); i < extent.end(); i++) {
            zero &= expected[(int) i] == 0;
          }
          assertThat(extent.readsAsZeroes()).as(extent.toString()).isEqualTo(zero);
        }
      }
      assertThat(SpecOracle.of(targetFile.toByteArray()).check().findings()).isEmpty();
    }
  }

  @Test
  void compressedClustersLieInTheFileInGuestOrder() throws IOException {
    byte[] bytes = new byte[64 << 16];
    for (int at = 0; at < bytes.length; at += 4096) {
      System.arraycopy(Content.compressible(3, at, 4096), 0, bytes, at, 4096);
    }
    HeapStorage raw = HeapStorage.copyOf("raw", bytes);
    HeapStorage file = new HeapStorage("target");
    try (RawImage source = RawImage.over(raw);
        Qcow2Image target = Qcow2Image.create(file, bytes.length).build()) {
      Convert.from(source).to(target).targetIsZero(true).compressed(65_536).run();
    }
    ByteBuffer image = ByteBuffer.wrap(file.toByteArray());
    int l2 = (int) (image.getLong((int) image.getLong(40)) & 0x00ff_ffff_ffff_fe00L);
    long last = 0;
    for (int i = 0; i < 64; i++) {
      long offset = image.getLong(l2 + 8 * i) & ((1L << 54) - 1);
      assertThat(offset).isGreaterThan(last);
      last = offset;
    }
  }

  @Test
  void targetMayBeLargerThanTheSourceByPartOfACluster() throws IOException {
    byte[] bytes = Content.compressible(5, 0, 3 * 65_536 + 1024);
    HeapStorage file = new HeapStorage("target");
    try (RawImage source = RawImage.over(HeapStorage.copyOf("raw", bytes));
        Qcow2Image target = Qcow2Image.create(file, 1 << 20).build()) {
      Convert.from(source).to(target).targetIsZero(true).compressed(65_536).run();
      byte[] copy = new byte[1 << 20];
      target.read(ByteBuffer.wrap(copy), 0);
      assertThat(Arrays.mismatch(copy, Arrays.copyOf(bytes, copy.length))).isEqualTo(-1);
    }
  }

  @Test
  void zerosAreStoredTooIfSparseBytesIsZero() throws IOException {
    HeapStorage file = new HeapStorage("target");
    try (RawImage source = RawImage.over(HeapStorage.copyOf("raw", new byte[1 << 20]));
        Qcow2Image target = Qcow2Image.create(file, 1 << 20).build()) {
      Convert.from(source).to(target).targetIsZero(true).sparseBytes(0).compressed(65_536).run();
      assertThat(target.extents(0, 1 << 20).toList())
          .allMatch(extent -> extent.kind() == Extent.Kind.COMPRESSED);
    }
  }
}
