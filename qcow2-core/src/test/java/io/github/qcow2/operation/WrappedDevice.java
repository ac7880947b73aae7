package io.github.qcow2.operation;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;

/** Passes everything on; a test overrides what it wants to go wrong. */
class WrappedDevice extends BlockDevice {
  private final BlockDevice device;

  WrappedDevice(BlockDevice device) {
    super("wrapped", false);
    this.device = device;
  }

  @Override
  public long size() {
    return device.size();
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    device.read(destination, position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    device.write(source, position);
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    device.writeZeroes(position, length, mode);
  }

  @Override
  protected void discardHook(long position, long length) throws IOException {
    device.discard(position, length);
  }

  @Override
  protected void flushHook() throws IOException {
    device.flush();
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    return ((MemoryDevice) device).extentHook(position, length);
  }

  @Override
  protected void closeHook() throws IOException {
    device.close();
  }
}
