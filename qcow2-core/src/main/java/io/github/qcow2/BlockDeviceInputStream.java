package io.github.qcow2;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * The bytes of a disk from its first to its last. Closing the stream leaves the device open. Not
 * thread-safe; not buffered, so single bytes are better read through a {@link
 * java.io.BufferedInputStream}.
 */
public final class BlockDeviceInputStream extends InputStream {
  private static final int TRANSFER = 1 << 20;

  private final BlockDevice device;
  private long position;
  private long mark;

  /** Makes a stream that begins with the first byte of the disk. */
  public BlockDeviceInputStream(BlockDevice device) {
    this.device = device;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] target, int offset, int length) throws IOException {
    Objects.checkFromIndexSize(offset, length, target.length);
    if (length == 0) {
      return 0;
    }
    int count = (int) Math.min(length, left());
    if (count == 0) {
      return -1;
    }
    device.read(ByteBuffer.wrap(target, offset, count), position);
    position += count;
    return count;
  }

  @Override
  public long skip(long count) {
    long skipped = Math.max(0, Math.min(count, left()));
    position += skipped;
    return skipped;
  }

  @Override
  public int available() {
    return (int) Math.min(Integer.MAX_VALUE, left());
  }

  /** Reads whatever is left in large transfers. */
  @Override
  public long transferTo(OutputStream out) throws IOException {
    byte[] bytes = new byte[(int) Math.min(TRANSFER, left())];
    long start = position;
    for (int count = read(bytes, 0, bytes.length); count > 0; ) {
      out.write(bytes, 0, count);
      count = read(bytes, 0, bytes.length);
    }
    return position - start;
  }

  @Override
  public boolean markSupported() {
    return true;
  }

  @Override
  public synchronized void mark(int readLimit) {
    mark = position;
  }

  @Override
  public synchronized void reset() {
    position = mark;
  }

  private long left() {
    return device.size() - position;
  }
}
