package io.github.qcow2.testkit.powercut;

import io.github.qcow2.storage.Storage;
import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * A file that shares its bytes with somebody until it is changed. The monitor guards them; the
 * owner of the bytes does not change them meanwhile.
 */
final class ScratchStorage extends Storage {
  private static final int GROWTH = 64 << 10;

  private byte[] bytes;
  private int size;
  private boolean own;

  ScratchStorage(String name, byte[] bytes, int size) {
    super(name, false);
    this.bytes = bytes;
    this.size = size;
  }

  /** Whether anything was written, or the size set. */
  synchronized boolean isChanged() {
    return own;
  }

  /** The bytes as they are now. */
  synchronized byte[] toByteArray() {
    return Arrays.copyOf(bytes, size);
  }

  @Override
  public Object identity() {
    return this;
  }

  @Override
  protected synchronized int readHook(ByteBuffer destination, long position) {
    if (position >= size) {
      return -1;
    }
    int count = (int) Math.min(destination.remaining(), size - position);
    destination.put(bytes, (int) position, count);
    return count;
  }

  @Override
  protected synchronized int writeHook(ByteBuffer source, long position) {
    int start = Math.toIntExact(position);
    int count = source.remaining();
    int end = Math.addExact(start, count);
    makeOwn(Math.max(size, end));
    source.get(bytes, start, count);
    size = Math.max(size, end);
    return count;
  }

  @Override
  protected synchronized long sizeHook() {
    return size;
  }

  @Override
  protected synchronized void setSizeHook(long newSize) {
    int length = Math.toIntExact(newSize);
    makeOwn(Math.max(size, length));
    if (length < size) {
      Arrays.fill(bytes, length, size, (byte) 0);
    }
    size = length;
  }

  @Override
  protected void forceHook() {}

  @Override
  protected void closeHook() {}

  /** The caller holds the monitor. */
  private void makeOwn(int capacity) {
    if (!own || capacity > bytes.length) {
      byte[] copy = new byte[Math.addExact(capacity, GROWTH)];
      System.arraycopy(bytes, 0, copy, 0, size);
      bytes = copy;
      own = true;
    }
  }
}
