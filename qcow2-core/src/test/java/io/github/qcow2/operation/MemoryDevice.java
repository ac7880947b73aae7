package io.github.qcow2.operation;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Extent.Kind;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.atomic.AtomicLong;

/** A device in memory whose sectors each have a kind, and which counts what is done to it. */
final class MemoryDevice extends BlockDevice {
  static final int SECTOR = 512;

  final byte[] bytes;
  final Kind[] kinds;
  final AtomicLong bytesRead = new AtomicLong();
  final AtomicLong bytesWritten = new AtomicLong();
  final AtomicLong bytesZeroed = new AtomicLong();
  final AtomicLong flushes = new AtomicLong();
  int longestTransfer;
  boolean zeroesHaveAPlace;

  MemoryDevice(long size) {
    this(size, false);
  }

  MemoryDevice(long size, boolean readOnly) {
    super("memory", readOnly);
    bytes = new byte[Math.toIntExact(size)];
    kinds = new Kind[Math.toIntExact((size + SECTOR - 1) / SECTOR)];
    Arrays.fill(kinds, Kind.UNALLOCATED);
  }

  MemoryDevice data(long position, long length, int value) {
    Arrays.fill(bytes, (int) position, (int) (position + length), (byte) value);
    return kind(position, length, Kind.DATA);
  }

  MemoryDevice kind(long position, long length, Kind kind) {
    Arrays.fill(
        kinds, (int) (position / SECTOR), (int) ((position + length + SECTOR - 1) / SECTOR), kind);
    return this;
  }

  @Override
  public long size() {
    return bytes.length;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    int length = destination.remaining();
    longestTransfer = Math.max(longestTransfer, length);
    bytesRead.addAndGet(length);
    destination.put(bytes, (int) position, length);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    int length = source.remaining();
    source.get(bytes, (int) position, length);
    kind(position, length, Kind.DATA);
    bytesWritten.addAndGet(length);
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) {
    Arrays.fill(bytes, (int) position, (int) (position + length), (byte) 0);
    kind(position, length, Kind.ZERO);
    bytesZeroed.addAndGet(length);
  }

  @Override
  protected void discardHook(long position, long length) {}

  @Override
  protected void flushHook() {
    flushes.incrementAndGet();
  }

  @Override
  protected Extent extentHook(long position, long length) {
    Kind kind = kinds[(int) (position / SECTOR)];
    long end = Math.min(position + length, (position / SECTOR + 1) * SECTOR);
    long host =
        kind == Kind.DATA || (kind == Kind.ZERO && zeroesHaveAPlace)
            ? position
            : Extent.NO_HOST_OFFSET;
    return new Extent(position, end - position, kind, 0, host);
  }

  @Override
  protected void closeHook() {}
}
