package io.github.qcow2;

import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.NonWritableChannelException;
import java.nio.channels.SeekableByteChannel;

/**
 * A disk as a channel with a position: for libraries that read partitions or file systems through
 * {@link SeekableByteChannel}.
 *
 * <p>The size is fixed: a write that would go past the end writes nothing and throws, and so does
 * cutting. Closing the channel leaves the device open. Guarded by its monitor, so one transfer at a
 * time; several channels on one device do not hinder each other.
 */
public final class BlockDeviceChannel implements SeekableByteChannel {
  private final BlockDevice device;
  private long position;
  private boolean closed;

  /** Makes a channel at position 0. */
  public BlockDeviceChannel(BlockDevice device) {
    this.device = device;
  }

  @Override
  public synchronized int read(ByteBuffer destination) throws IOException {
    checkOpen();
    long left = device.size() - position;
    if (left <= 0) {
      return -1;
    }
    int length = (int) Math.min(left, destination.remaining());
    int limit = destination.limit();
    destination.limit(destination.position() + length);
    try {
      device.read(destination, position);
    } finally {
      destination.limit(limit);
    }
    position += length;
    return length;
  }

  @Override
  public synchronized int write(ByteBuffer source) throws IOException {
    checkOpen();
    if (device.isReadOnly()) {
      throw new NonWritableChannelException();
    }
    int length = source.remaining();
    if (position > device.size() - length) {
      throw fixedSize("a write of " + length + " bytes at " + position + " goes past the end");
    }
    device.write(source, position);
    position += length;
    return length;
  }

  @Override
  public synchronized long position() throws IOException {
    checkOpen();
    return position;
  }

  @Override
  public synchronized SeekableByteChannel position(long newPosition) throws IOException {
    checkOpen();
    if (newPosition < 0) {
      throw new IllegalArgumentException("position " + newPosition);
    }
    position = newPosition;
    return this;
  }

  @Override
  public synchronized long size() throws IOException {
    checkOpen();
    return device.size();
  }

  /**
   * Does nothing but to bring the position back inside, if {@code size} is not below the size of
   * the disk.
   *
   * @throws UnsupportedFeatureException if it is
   */
  @Override
  public synchronized SeekableByteChannel truncate(long size) throws IOException {
    checkOpen();
    if (size < 0) {
      throw new IllegalArgumentException("size " + size);
    }
    if (device.isReadOnly()) {
      throw new NonWritableChannelException();
    }
    if (size < device.size()) {
      throw fixedSize("it cannot be cut to " + size + " bytes");
    }
    position = Math.min(position, size);
    return this;
  }

  private UnsupportedFeatureException fixedSize(String what) {
    return new UnsupportedFeatureException(
        device.name(), UnsupportedFeatureException.NO_OFFSET, "the disk has a fixed size: " + what);
  }

  private void checkOpen() throws ClosedChannelException {
    if (closed) {
      throw new ClosedChannelException();
    }
  }

  @Override
  public synchronized boolean isOpen() {
    return !closed;
  }

  @Override
  public synchronized void close() {
    closed = true;
  }
}
