package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.operation.Convert;
import io.github.qcow2.operation.ConvertResult;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What a raw image makes of what its storage can do: here one on the heap, in chunks of 16 KiB. */
class RawImageHolesTest {
  private static final int CHUNK = 16 << 10;
  private static final int SIZE = 64 * CHUNK;

  private final HeapStorage storage = new HeapStorage("raw");

  private RawImage image() throws IOException {
    storage.setSize(SIZE);
    return RawImage.over(storage);
  }

  private static ByteBuffer sevens(int length) {
    byte[] bytes = new byte[length];
    java.util.Arrays.fill(bytes, (byte) 7);
    return ByteBuffer.wrap(bytes);
  }

  private static List<Extent> extents(BlockDevice device, long position, long length)
      throws IOException {
    List<Extent> extents = new ArrayList<>();
    ExtentCursor cursor = device.extents(position, length);
    for (Extent next = cursor.next(); next != null; next = cursor.next()) {
      extents.add(next);
    }
    return extents;
  }

  private static Extent extent(long start, long end, Extent.Kind kind) {
    return new Extent(start, end - start, kind, 0, start);
  }

  @Test
  void holesAreZerosWithAPlace() throws IOException {
    try (RawImage image = image()) {
      image.write(sevens(100), 3 * CHUNK);
      image.write(sevens(CHUNK), 4 * CHUNK + 50);

      assertThat(extents(image, 0, SIZE))
          .containsExactly(
              extent(0, 3 * CHUNK, Extent.Kind.ZERO),
              extent(3 * CHUNK, 6 * CHUNK, Extent.Kind.DATA),
              extent(6 * CHUNK, SIZE, Extent.Kind.ZERO));
      assertThat(extents(image, 5 * CHUNK, 2 * CHUNK))
          .containsExactly(
              extent(5 * CHUNK, 6 * CHUNK, Extent.Kind.DATA),
              extent(6 * CHUNK, 7 * CHUNK, Extent.Kind.ZERO));
    }
  }

  @Test
  void restOfTheLastSectorPastTheEndIsZeros() throws IOException {
    storage.write(sevens(1000), 0);
    try (RawImage image = RawImage.over(storage)) {
      assertThat(extents(image, 0, 1024))
          .containsExactly(extent(0, 1000, Extent.Kind.DATA), extent(1000, 1024, Extent.Kind.ZERO));
      assertThat(extents(image, 1000, 24)).containsExactly(extent(1000, 1024, Extent.Kind.ZERO));
    }
  }

  @Test
  void discardAndZeroesGiveRoomBack() throws IOException {
    try (RawImage image = image()) {
      image.write(sevens(SIZE), 0);

      image.discard(CHUNK, 2 * CHUNK);
      image.writeZeroes(8 * CHUNK, 2 * CHUNK, ZeroMode.MAY_UNMAP);

      assertThat(storage.allocatedSize()).isEqualTo(SIZE - 4 * CHUNK);
      assertThat(storage.size()).isEqualTo(SIZE);
      ByteBuffer bytes = ByteBuffer.allocate(2 * CHUNK);
      image.read(bytes, 8 * CHUNK);
      assertThat(bytes.array()).containsOnly(0);
    }
  }

  @Test
  void sparseImageIsCopiedWithoutReadingItsHoles() throws IOException {
    HeapStorage target = new HeapStorage("target");
    target.setSize(SIZE);
    try (RawImage image = image();
        RawImage copy = RawImage.over(target)) {
      image.write(sevens(CHUNK), 7 * CHUNK);

      ConvertResult result = Convert.from(image).to(copy).targetIsZero(true).run();

      assertThat(result.bytesRead()).isEqualTo(CHUNK);
      assertThat(result.bytesZero()).isEqualTo(SIZE - CHUNK);
      assertThat(target.toByteArray()).isEqualTo(storage.toByteArray());
    }
  }

  /** Storages on the heap cannot copy from each other. */
  @Test
  void copyThatTheHostCannotMakeIsReadAndWritten() throws IOException {
    HeapStorage target = new HeapStorage("target");
    target.setSize(SIZE);
    try (RawImage image = image();
        RawImage copy = RawImage.over(target)) {
      image.write(sevens(9 * CHUNK), 7 * CHUNK);
      image.write(sevens(CHUNK), 40 * CHUNK);
      image.write(ByteBuffer.allocate(CHUNK), 50 * CHUNK);

      ConvertResult result =
          Convert.from(image).to(copy).targetIsZero(true).offload(true).bufferSize(CHUNK).run();

      assertThat(target.toByteArray()).isEqualTo(storage.toByteArray());
      assertThat(result.bytesRead()).isEqualTo(11 * CHUNK);
      assertThat(result.bytesWritten() + result.bytesZero()).isEqualTo(SIZE);
    }
  }
}
