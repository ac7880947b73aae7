package io.github.qcow2;

import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A disk as an emulated controller sees it: numbered sectors of 512 bytes.
 *
 * <p>As thread-safe and as durable as the device below. Sectors outside the disk are an {@link
 * IndexOutOfBoundsException}; what an emulator answers its guest then is its own affair. Bytes
 * behind the last whole sector, which only foreign devices have, cannot be reached.
 */
public final class SectorDevice {
  /** Bytes in a sector. */
  public static final int SECTOR_SIZE = 512;

  private final BlockDevice device;

  /** Shows a device in sectors; it stays the caller's to close. */
  public SectorDevice(BlockDevice device) {
    this.device = device;
  }

  /** Number of whole sectors. */
  public long sectors() {
    return device.size() / SECTOR_SIZE;
  }

  /**
   * Reads sectors in a row.
   *
   * @param first number of the first sector
   * @param target receives them
   * @param offset where in the target the first begins, in bytes
   * @param count how many sectors
   */
  public void read(long first, byte[] target, int offset, int count) throws IOException {
    device.read(bytes(target, offset, count), position(first, count));
  }

  /**
   * Writes sectors in a row.
   *
   * @param first number of the first sector
   * @param source holds them
   * @param offset where in the source the first begins, in bytes
   * @param count how many sectors
   */
  public void write(long first, byte[] source, int offset, int count) throws IOException {
    device.write(bytes(source, offset, count), position(first, count));
  }

  /**
   * Gives back the space of sectors in a row, as the TRIM command asks.
   *
   * @param first number of the first sector
   * @param count how many sectors
   */
  public void trim(long first, long count) throws IOException {
    device.discard(position(first, count), count * SECTOR_SIZE);
  }

  /** Makes everything written durable, as the FLUSH CACHE command asks. */
  public void flush() throws IOException {
    device.flush();
  }

  private static ByteBuffer bytes(byte[] array, int offset, int count) {
    return ByteBuffer.wrap(array, offset, Math.multiplyExact(count, SECTOR_SIZE));
  }

  private long position(long first, long count) {
    if (first < 0 || count < 0 || first > sectors() - count) {
      throw new IndexOutOfBoundsException(
          device.name() + ": " + count + " sectors from " + first + " on, of " + sectors());
    }
    return first * SECTOR_SIZE;
  }
}
