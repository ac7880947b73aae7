package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.HostCopy;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;

/** A part of a device, as a device of its own. Closing it leaves the whole open. */
final class DeviceWindow extends BlockDevice {
  private final BlockDevice whole;
  private final long start;
  private final long length;

  /**
   * The bytes of {@code whole} from {@code start} on.
   *
   * @param length in bytes; must lie inside the whole
   */
  DeviceWindow(BlockDevice whole, long start, long length) {
    super(whole.name(), whole.isReadOnly());
    this.whole = whole;
    this.start = start;
    this.length = length;
  }

  @Override
  public long size() {
    return length;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    whole.read(destination, start + position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    whole.write(source, start + position);
  }

  @Override
  protected void writeCompressedHook(ByteBuffer source, long position) throws IOException {
    whole.writeCompressed(source, start + position);
  }

  @Override
  protected void writeZeroesHook(long position, long bytes, ZeroMode mode) throws IOException {
    whole.writeZeroes(start + position, bytes, mode);
  }

  @Override
  protected void discardHook(long position, long bytes) throws IOException {
    whole.discard(start + position, bytes);
  }

  @Override
  protected boolean copyFromHook(BlockDevice source, long from, long position, long bytes)
      throws IOException {
    return whole.copyFrom(source, from, start + position, bytes);
  }

  @Override
  protected boolean copyToHook(HostCopy copy, long position, long bytes) throws IOException {
    return whole.copyTo(copy, start + position, bytes);
  }

  @Override
  protected void flushHook() throws IOException {
    whole.flush();
  }

  @Override
  protected Extent extentHook(long position, long bytes) throws IOException {
    return ExtentShift.first(whole, start + position, bytes, -start);
  }

  @Override
  protected void closeHook() {}
}
