package io.github.qcow2.testkit.linear;

import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.oracle.ByteSource;
import java.nio.ByteBuffer;

/** A raw file, of whatever length, in which every sector seems to come from one write. */
final class StampedStorage extends Storage {
  private final long size;
  private final long write;

  StampedStorage(long size, long write) {
    super("stamped", true);
    this.size = size;
    this.write = write;
  }

  /** The same bytes for an oracle. */
  ByteSource source() {
    return new ByteSource() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public void read(long position, byte[] target, int offset, int length) {
        int inside = (int) Math.max(0, Math.min(length, size - position));
        readHook(ByteBuffer.wrap(target, offset, inside), position);
        java.util.Arrays.fill(target, offset + inside, offset + length, (byte) 0);
      }
    };
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) {
    if (position >= size) {
      return -1;
    }
    int count = (int) Math.min(destination.remaining(), size - position);
    long first = position / SectorStamp.SECTOR;
    long last = (position + count + SectorStamp.SECTOR - 1) / SectorStamp.SECTOR;
    ByteBuffer sectors = ByteBuffer.allocate((int) (last - first) * SectorStamp.SECTOR);
    SectorStamp.fill(sectors, first, write);
    destination.put(sectors.array(), (int) (position % SectorStamp.SECTOR), count);
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) {
    throw new IllegalStateException("read-only");
  }

  @Override
  protected long sizeHook() {
    return size;
  }

  @Override
  protected void setSizeHook(long size) {
    throw new IllegalStateException("read-only");
  }

  @Override
  protected void forceHook() {}

  @Override
  protected void closeHook() {}
}
