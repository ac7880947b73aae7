package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/** Several devices one after the other, as one read-only device. Closing it leaves them open. */
final class ConcatenatedDevice extends BlockDevice {
  private final List<BlockDevice> parts;
  private final long size;

  ConcatenatedDevice(List<BlockDevice> parts) {
    super(parts.get(0).name(), true);
    this.parts = List.copyOf(parts);
    this.size = parts.stream().mapToLong(BlockDevice::size).sum();
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    int limit = destination.limit();
    long at = position;
    long start = 0;
    for (BlockDevice part : parts) {
      long end = start + part.size();
      if (at < end && destination.position() < limit) {
        long here = Math.min(end - at, limit - destination.position());
        destination.limit(destination.position() + (int) here);
        part.read(destination, at - start);
        destination.limit(limit);
        at += here;
      }
      start = end;
    }
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    long start = 0;
    for (BlockDevice part : parts) {
      long end = start + part.size();
      if (position < end) {
        return ExtentShift.first(part, position - start, Math.min(length, end - position), start);
      }
      start = end;
    }
    throw new IllegalStateException("no part holds byte " + position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) {
    throw new UnsupportedOperationException();
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) {
    throw new UnsupportedOperationException();
  }

  @Override
  protected void discardHook(long position, long length) {
    throw new UnsupportedOperationException();
  }

  @Override
  protected void flushHook() {}

  @Override
  protected void closeHook() {}
}
