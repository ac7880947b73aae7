package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.HeapStorage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Channel, stream and sectors show the device's bytes and nothing else. */
final class AdaptersTest {
  private final byte[] content = new byte[5000 * 512];
  private final BlockDevice device = device(content);

  private static BlockDevice device(byte[] content) {
    new Random(1).nextBytes(content);
    try {
      return RawImage.over(HeapStorage.copyOf("disk", content));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private byte[] slice(int from, int length) {
    return java.util.Arrays.copyOfRange(content, from, from + length);
  }

  @Test
  void channelReadsFromItsPositionAndStopsAtTheEnd() throws IOException {
    try (SeekableByteChannel channel = new BlockDeviceChannel(device)) {
      ByteBuffer bytes = ByteBuffer.allocate(1000);
      assertThat(channel.position(content.length - 700).read(bytes)).isEqualTo(700);
      assertThat(bytes.flip().remaining()).isEqualTo(700);
      assertThat(bytes.get(699)).isEqualTo(content[content.length - 1]);
      assertThat(channel.read(bytes.clear())).isEqualTo(-1);
      assertThat(channel.position(1L << 40).read(bytes)).isEqualTo(-1);
      assertThat(channel.size()).isEqualTo(content.length);
    }
  }

  @Test
  void channelWritesWholeOrNotAtAll() throws IOException {
    try (SeekableByteChannel channel = new BlockDeviceChannel(device)) {
      channel.position(content.length - 3);
      assertThatThrownBy(() -> channel.write(ByteBuffer.allocate(4)))
          .isInstanceOf(UnsupportedFeatureException.class);
      assertThat(channel.position()).isEqualTo(content.length - 3);
      assertThat(channel.write(ByteBuffer.wrap(new byte[] {7, 8, 9}))).isEqualTo(3);
      ByteBuffer last = ByteBuffer.allocate(3);
      device.read(last, content.length - 3);
      assertThat(last.array()).containsExactly(7, 8, 9);
    }
  }

  @Test
  void channelIsNeverCut() throws IOException {
    try (SeekableByteChannel channel = new BlockDeviceChannel(device)) {
      assertThatThrownBy(() -> channel.truncate(10))
          .isInstanceOf(UnsupportedFeatureException.class);
      assertThat(channel.position(1L << 40).truncate(content.length).position())
          .isEqualTo(content.length);
    }
  }

  @Test
  void closedChannelRefusesAndLeavesTheDeviceOpen() throws IOException {
    SeekableByteChannel channel = new BlockDeviceChannel(device);
    channel.close();
    assertThat(channel.isOpen()).isFalse();
    assertThatThrownBy(() -> channel.read(ByteBuffer.allocate(1)))
        .isInstanceOf(ClosedChannelException.class);
    device.read(ByteBuffer.allocate(1), 0);
  }

  @Test
  void channelOnReadOnlyDeviceRefusesWrites() throws IOException {
    try (Qcow2Image image = Qcow2Image.create(new HeapStorage("image"), 1024).build();
        RamOverlay overlay = RamOverlay.over(image, 1 << 20)) {
      assertThat(overlay.isReadOnly()).isFalse();
    }
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, 1024).createOnly();
    try (Qcow2Image image =
            Qcow2Image.open(HeapStorage.copyOf("image", storage.toByteArray())).build();
        SeekableByteChannel channel = new BlockDeviceChannel(image)) {
      assertThatThrownBy(() -> channel.write(ByteBuffer.allocate(1)))
          .isInstanceOf(NonWritableChannelException.class);
    }
  }

  @Test
  void streamGivesEveryByteOnce() throws IOException {
    try (BlockDeviceInputStream stream = new BlockDeviceInputStream(device)) {
      assertThat(stream.available()).isEqualTo(content.length);
      assertThat(stream.read()).isEqualTo(content[0] & 0xff);
      assertThat(stream.skip(511)).isEqualTo(511);
      stream.mark(0);
      assertThat(stream.readNBytes(100)).isEqualTo(slice(512, 100));
      stream.reset();
      ByteArrayOutputStream rest = new ByteArrayOutputStream();
      assertThat(stream.transferTo(rest)).isEqualTo(content.length - 512);
      assertThat(rest.toByteArray()).isEqualTo(slice(512, content.length - 512));
      assertThat(stream.read()).isEqualTo(-1);
      assertThat(stream.read(new byte[5], 0, 5)).isEqualTo(-1);
      assertThat(stream.skip(5)).isZero();
    }
  }

  @Test
  void sectorsAreNumbered() throws IOException {
    SectorDevice sectors = new SectorDevice(device);
    assertThat(sectors.sectors()).isEqualTo(5000);
    byte[] two = new byte[1024];
    sectors.read(4998, two, 0, 2);
    assertThat(two).isEqualTo(slice(4998 * 512, 1024));
    sectors.write(17, two, 512, 1);
    sectors.read(17, two, 0, 1);
    assertThat(java.util.Arrays.copyOf(two, 512)).isEqualTo(slice(4999 * 512, 512));
    sectors.flush();
    assertThatThrownBy(() -> sectors.read(4999, two, 0, 2))
        .isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> sectors.trim(-1, 1)).isInstanceOf(IndexOutOfBoundsException.class);
    assertThatThrownBy(() -> sectors.trim(Long.MAX_VALUE, 1))
        .isInstanceOf(IndexOutOfBoundsException.class);
  }

  @Test
  void ramOverlayLeavesItsBaseAsItWas() throws IOException {
    try (RamOverlay overlay = RamOverlay.over(device, 1 << 20)) {
      overlay.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 70_000);
      overlay.writeZeroes(0, 65_536, ZeroMode.MAY_UNMAP);
      ByteBuffer three = ByteBuffer.allocate(3);
      overlay.read(three, 70_000);
      assertThat(three.array()).containsExactly(1, 2, 3);
    }
    ByteBuffer all = ByteBuffer.allocate(content.length);
    device.read(all, 0);
    assertThat(all.array()).isEqualTo(content);
  }

  @Test
  void ramOverlayRefusesChangesBeyondItsMemory() throws IOException {
    try (RamOverlay overlay = RamOverlay.over(device, 2 * (65_536 + 128))) {
      overlay.write(ByteBuffer.allocate(1), 0);
      overlay.write(ByteBuffer.allocate(1), 65_536);
      assertThatThrownBy(() -> overlay.write(ByteBuffer.allocate(1), 2 * 65_536))
          .isInstanceOf(LimitExceededException.class);
      overlay.write(ByteBuffer.allocate(65_536), 0);
      overlay.writeZeroes(0, 65_536, ZeroMode.KEEP_ALLOCATED);
      assertThat(overlay.memoryUsed()).isEqualTo(65_536 + 2 * 128);
    }
  }
}
