package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class RawImageTest {
  @TempDir Path directory;

  @Test
  void sizeIsRoundedUpToSectorsAndTheTailReadsAsZeros() throws IOException {
    byte[] bytes = new byte[1000];
    bytes[999] = 7;

    try (RawImage image = RawImage.over(HeapStorage.copyOf("raw", bytes))) {
      assertThat(image.size()).isEqualTo(1024);
      ByteBuffer end = ByteBuffer.allocate(25);
      image.read(end, 999);
      assertThat(end.get(0)).isEqualTo((byte) 7);
      assertThat(end.put(0, (byte) 0).array()).containsOnly(0);
    }
  }

  @Test
  void createdImageHasWholeSectorsOfZeros() throws IOException {
    Path path = Files.write(directory.resolve("raw"), new byte[] {1, 2, 3});

    RawImage.create(path, 1000).close();

    assertThat(path).hasBinaryContent(new byte[1024]);
  }

  @Test
  void sizeThatCannotBeLeavesAnExistingFileAlone() throws IOException {
    Path path = Files.write(directory.resolve("raw"), new byte[] {1, 2, 3});

    assertThatIllegalArgumentException().isThrownBy(() -> RawImage.create(path, -1));
    assertThatIllegalArgumentException().isThrownBy(() -> RawImage.create(path, Long.MAX_VALUE));

    assertThat(path).hasBinaryContent(new byte[] {1, 2, 3});
  }

  @Test
  void whatLayBehindTheEndOfAShrunkDiskIsGone() throws IOException {
    HeapStorage storage = new HeapStorage("raw");
    try (RawImage image = RawImage.over(storage)) {
      image.grow(4096);
      image.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 2047);

      image.shrink(2048);

      assertThat(image.size()).isEqualTo(2048);
      assertThat(storage.size()).isEqualTo(2048);
      assertThatThrownBy(() -> image.read(ByteBuffer.allocate(1), 2048))
          .isInstanceOf(IndexOutOfBoundsException.class);
      image.grow(4096);
      ByteBuffer bytes = ByteBuffer.allocate(3);
      image.read(bytes, 2047);
      assertThat(bytes.array()).containsExactly(1, 0, 0);
    }
  }

  @Test
  void shrinkingTakesWholeSectorsBelowTheSize() throws IOException {
    try (RawImage image = RawImage.over(HeapStorage.copyOf("raw", new byte[2048]))) {
      for (long size : new long[] {-512, 100, 2560}) {
        assertThatIllegalArgumentException().isThrownBy(() -> image.shrink(size));
      }
      assertThat(image.size()).isEqualTo(2048);
    }
  }

  @Test
  void sizeOfAnEnormousFileDoesNotOverflow() throws IOException {
    HeapStorage storage = new HeapStorage("raw");
    storage.setSize(Long.MAX_VALUE);

    try (RawImage image = RawImage.over(storage)) {
      assertThat(image.size()).isEqualTo(Long.MAX_VALUE - 511);
    }
  }

  @Test
  void zeroesAcrossSeveralTransfersReachTheLastByte() throws IOException {
    int size = (3 << 20) + 512;
    byte[] ones = new byte[size];
    Arrays.fill(ones, (byte) 1);
    HeapStorage storage = HeapStorage.copyOf("raw", ones);

    try (RawImage image = RawImage.over(storage)) {
      image.writeZeroes(1, size - 2, ZeroMode.MAY_UNMAP);
    }

    byte[] expected = new byte[size];
    expected[0] = 1;
    expected[size - 1] = 1;
    assertThat(Arrays.equals(storage.toByteArray(), expected)).isTrue();
  }
}
