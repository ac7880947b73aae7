package io.github.qcow2.testkit.contract;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** The contract can be met: by the simplest device there is. */
final class ArrayDeviceTest extends BlockDeviceContract {
  @Override
  protected BlockDevice create(long size) {
    return new ArrayDevice(new byte[Math.toIntExact(size)], false);
  }

  @Override
  protected Optional<BlockDevice> createReadOnly(byte[] content) {
    return Optional.of(new ArrayDevice(content.clone(), true));
  }

  @Override
  protected Optional<BlockDevice> reopen(BlockDevice closed) {
    return Optional.of(new ArrayDevice(((ArrayDevice) closed).bytes, false));
  }

  /**
   * One array under one lock. Gives back whole sectors on discard, and tells no zeros from data.
   */
  private static final class ArrayDevice extends BlockDevice {
    private final byte[] bytes;

    ArrayDevice(byte[] bytes, boolean readOnly) {
      super("array", readOnly);
      this.bytes = bytes;
    }

    @Override
    public long size() {
      return bytes.length;
    }

    @Override
    protected synchronized void readHook(ByteBuffer destination, long position) {
      destination.put(bytes, (int) position, destination.remaining());
    }

    @Override
    protected synchronized void writeHook(ByteBuffer source, long position) {
      source.get(bytes, (int) position, source.remaining());
    }

    @Override
    protected synchronized void writeZeroesHook(long position, long length, ZeroMode mode) {
      Arrays.fill(bytes, (int) position, (int) (position + length), (byte) 0);
    }

    @Override
    protected synchronized void discardHook(long position, long length) {
      int from = (int) ((position + 511) / 512 * 512);
      int to = (int) ((position + length) / 512 * 512);
      if (from < to) {
        Arrays.fill(bytes, from, to, (byte) 0);
      }
    }

    @Override
    protected void flushHook() {}

    @Override
    protected Extent extentHook(long position, long length) {
      return new Extent(position, Math.min(length, 65_536), Extent.Kind.DATA, 0, position);
    }

    @Override
    protected void closeHook() {}
  }
}
