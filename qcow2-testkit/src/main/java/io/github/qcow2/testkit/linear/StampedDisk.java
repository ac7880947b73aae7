package io.github.qcow2.testkit.linear;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Uses a device by sectors, stamps what is written, and tells {@link SectorRegisters} of
 * everything. As thread-safe as the device.
 *
 * <p>An operation that throws has had no definite effect, and stays under way for good: the history
 * should end there.
 */
public final class StampedDisk {
  private static final int SECTOR = SectorStamp.SECTOR;

  private final BlockDevice device;
  private final SectorRegisters registers;
  private final int discardUnit;

  /**
   * Stands before a device.
   *
   * @param device stays the caller's to close
   * @param registers as many as the device has sectors, or fewer
   * @param discardUnit clusters of how many bytes {@link BlockDevice#discard} turns into zeros
   *     where it covers the whole of them, or 0 if it leaves everything as it is
   */
  public StampedDisk(BlockDevice device, SectorRegisters registers, int discardUnit) {
    this.device = device;
    this.registers = registers;
    this.discardUnit = discardUnit;
  }

  /**
   * Reads sectors.
   *
   * @throws NotLinearizable if it found what it must not
   */
  public void read(int first, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * SECTOR);
    SectorRegisters.Read read = registers.beginRead(first, count);
    device.read(bytes, (long) first * SECTOR);
    registers.end(read, bytes);
  }

  /** Writes sectors. */
  public void write(int first, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * SECTOR);
    SectorRegisters.Write write = registers.beginWrite(first, count);
    SectorStamp.fill(bytes, first, write.number());
    device.write(bytes.flip(), (long) first * SECTOR);
    registers.end(write);
  }

  /** Writes whole clusters of a qcow2 image, compressed. */
  public void writeCompressed(int first, int count) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(count * SECTOR);
    SectorRegisters.Write write = registers.beginWrite(first, count);
    SectorStamp.fill(bytes, first, write.number());
    ((Qcow2Image) device).writeCompressed(bytes.flip(), (long) first * SECTOR);
    registers.end(write);
  }

  /** Makes sectors zeros. */
  public void writeZeroes(int first, int count, ZeroMode mode) throws IOException {
    SectorRegisters.Write write = registers.beginZero(first, count);
    device.writeZeroes((long) first * SECTOR, (long) count * SECTOR, mode);
    registers.end(write);
  }

  /** Discards sectors. */
  public void discard(int first, int count) throws IOException {
    int from = first;
    int to = first;
    if (discardUnit > 0) {
      int unit = discardUnit / SECTOR;
      int end = first + count;
      from = (first + unit - 1) / unit * unit;
      to = end == device.size() / SECTOR ? end : end / unit * unit;
    }
    SectorRegisters.Write write = registers.beginZero(from, Math.max(0, to - from));
    device.discard((long) first * SECTOR, (long) count * SECTOR);
    registers.end(write);
  }
}
