package io.github.qcow2.storage;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.ReadOnlyImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

class HeapStorageTest {
  private final HeapStorage storage = new HeapStorage("heap");

  @Test
  void byteFarAwayCostsNoMemoryForTheGap() throws IOException {
    long far = 1L << 60;

    storage.write(ByteBuffer.wrap(new byte[] {7}), far);

    assertThat(storage.size()).isEqualTo(far + 1);
    assertThat(read(far - 3, 6)).containsExactly(0, 0, 0, 7, 0, 0);
    assertThat(read(0, 4)).containsOnly(0);
    storage.setSize(5);
    assertThat(storage.toByteArray()).containsExactly(0, 0, 0, 0, 0);
  }

  @Test
  void cutBytesDoNotComeBackWhenTheFileGrows() throws IOException {
    byte[] ones = new byte[100_000];
    Arrays.fill(ones, (byte) 1);
    storage.write(ByteBuffer.wrap(ones), 0);

    storage.setSize(20_001);
    storage.setSize(100_000);

    assertThat(read(0, 20_001)).containsOnly(1);
    assertThat(read(20_001, 79_999)).containsOnly(0);
  }

  @Test
  void cutAtTheBorderOfAChunkDropsTheWholeChunk() throws IOException {
    storage.write(ByteBuffer.allocate(40_000).put(16_384, (byte) 9), 0);

    storage.setSize(16_384);
    storage.setSize(40_000);

    assertThat(read(16_384, 1)).containsExactly(0);
  }

  @Test
  void writeOfNothingDoesNotExtend() throws IOException {
    storage.write(ByteBuffer.allocate(0), 100);

    assertThat(storage.size()).isZero();
  }

  @Test
  void copySharesNothingWithTheArray() throws IOException {
    byte[] bytes = {1, 2, 3};
    HeapStorage copy = HeapStorage.copyOf("copy", bytes);

    bytes[0] = 9;
    copy.toByteArray()[1] = 9;

    assertThat(copy.toByteArray()).containsExactly(1, 2, 3);
  }

  @Test
  void bytesCanBeLookedAtAfterClose() throws IOException {
    storage.write(ByteBuffer.wrap(new byte[] {1, 2}), 1);
    storage.close();

    assertThat(storage.toByteArray()).containsExactly(0, 1, 2);
    assertThatThrownBy(() -> read(0, 1)).isInstanceOf(DeviceClosedException.class);
  }

  @Test
  void fileTooLargeForAnArraySaysSo() throws IOException {
    storage.setSize(1L << 31);

    assertThatThrownBy(storage::toByteArray)
        .isInstanceOf(IllegalStateException.class)
        .hasMessageContaining("2147483648 bytes");
  }

  @Test
  void readOnlyViewFollowsItsOwnerAndRefusesChanges() throws IOException {
    storage.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 0);
    ReadOnlyStorage view = new ReadOnlyStorage(storage);
    storage.write(ByteBuffer.wrap(new byte[] {4}), 3);

    ByteBuffer bytes = ByteBuffer.allocate(6);
    view.read(bytes, 1);

    assertThat(bytes.array()).containsExactly(2, 3, 4, 0, 0, 0);
    assertThat(view.size()).isEqualTo(4);
    assertThat(view.identity()).isEqualTo(storage.identity());
    assertThat(view.isReadOnly()).isTrue();
    assertThatThrownBy(() -> view.write(ByteBuffer.allocate(1), 0))
        .isInstanceOf(ReadOnlyImageException.class);
    assertThatThrownBy(() -> view.setSize(0)).isInstanceOf(ReadOnlyImageException.class);
    view.force();
  }

  @Test
  void closingAReadOnlyViewLeavesItsOwnerOpen() throws IOException {
    ReadOnlyStorage view = new ReadOnlyStorage(storage);

    view.close();

    assertThat(storage.size()).isZero();
    assertThatThrownBy(view::size).isInstanceOf(DeviceClosedException.class);
  }

  @Test
  void readOnlyViewOfAClosedOwnerIsClosed() throws IOException {
    ReadOnlyStorage view = new ReadOnlyStorage(storage);

    storage.close();

    assertThatThrownBy(view::size).isInstanceOf(DeviceClosedException.class);
  }

  private byte[] read(long position, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    storage.read(bytes, position);
    return bytes.array();
  }
}
