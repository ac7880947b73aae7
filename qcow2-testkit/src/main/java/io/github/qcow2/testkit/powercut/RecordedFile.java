package io.github.qcow2.testkit.powercut;

import java.nio.ByteBuffer;
import java.util.Arrays;

/** The bytes of a file as they are while the power is on. The monitor of its log guards them. */
final class RecordedFile {
  private static final int GROWTH = 64 << 10;

  final String name;
  final int number;
  private final byte[] original;
  private byte[] bytes;
  private int size;

  RecordedFile(String name, int number, byte[] content) {
    this.name = name;
    this.number = number;
    this.original = content.clone();
    this.bytes = content.clone();
    this.size = content.length;
  }

  /** What was in the file at first; not to be changed. */
  byte[] original() {
    return original;
  }

  int size() {
    return size;
  }

  byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  int read(ByteBuffer destination, long position) {
    if (position >= size) {
      return -1;
    }
    int count = (int) Math.min(destination.remaining(), size - position);
    destination.put(bytes, (int) position, count);
    return count;
  }

  void write(ByteBuffer source, long position) {
    int start = Math.toIntExact(position);
    int end = Math.addExact(start, source.remaining());
    if (end > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.addExact(Math.max(end, bytes.length * 5 / 4), GROWTH));
    }
    source.get(bytes, start, end - start);
    size = Math.max(size, end);
  }

  void resize(long newSize) {
    int length = Math.toIntExact(newSize);
    if (length < size) {
      Arrays.fill(bytes, length, size, (byte) 0);
    } else if (length > bytes.length) {
      bytes = Arrays.copyOf(bytes, length);
    }
    size = length;
  }

  /** The bytes of a range, with zeros past the end. */
  byte[] copy(int from, int to) {
    return Arrays.copyOfRange(bytes, from, to);
  }
}
