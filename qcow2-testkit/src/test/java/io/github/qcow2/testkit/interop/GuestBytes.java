package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.testkit.model.ReferenceDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** The bytes of a device as arrays, for small disks. */
final class GuestBytes {
  /** Lengths of reads, so that borders of clusters are met from all sides. */
  private static final int[] LENGTHS = {1, 511, 512, 513, 4097, 70_001, 1 << 20, 3 << 20};

  private GuestBytes() {}

  /** Everything, read in pieces of changing length. */
  static byte[] of(BlockDevice device) throws IOException {
    byte[] all = new byte[(int) device.size()];
    int at = 0;
    for (int turn = 0; at < all.length; turn++) {
      int length = Math.min(LENGTHS[turn % LENGTHS.length], all.length - at);
      device.read(ByteBuffer.wrap(all, at, length), at);
      at += length;
    }
    return all;
  }

  /** Some bytes. */
  static byte[] of(BlockDevice device, long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    device.read(buffer, position);
    return buffer.array();
  }

  /** Bytes that are all the same. */
  static byte[] repeat(int value, int length) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  /** Writes bytes that are all the same. */
  static void fill(BlockDevice device, int value, long position, int length) throws IOException {
    device.write(ByteBuffer.wrap(repeat(value, length)), position);
  }

  /** A model that holds some bytes. */
  static ReferenceDisk model(byte[] content) {
    ReferenceDisk model = new ReferenceDisk(content.length);
    model.write(0, content);
    return model;
  }

  /** Compares without printing megabytes. */
  static void assertSame(byte[] actual, byte[] expected, Object what) {
    assertThat(actual.length).as("size of %s", what).isEqualTo(expected.length);
    assertThat(Arrays.mismatch(actual, expected))
        .as("first byte of %s that differs", what)
        .isEqualTo(-1);
  }
}
