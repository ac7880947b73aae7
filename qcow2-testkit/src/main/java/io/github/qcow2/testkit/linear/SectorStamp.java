package io.github.qcow2.testkit.linear;

import java.nio.ByteBuffer;

/**
 * The content of sectors that say of themselves what they are: sixteen bytes, again and again, with
 * the number of the sector and the number of the write, both big-endian. A sector of zeros carries
 * the number 0.
 */
public final class SectorStamp {
  /** Bytes in a sector. */
  public static final int SECTOR = 512;

  /** The number of the write that sectors of zeros seem to carry. */
  public static final long ZERO = 0;

  private static final int STAMP = 2 * Long.BYTES;

  private SectorStamp() {}

  /**
   * Fills a buffer with stamped sectors.
   *
   * @param target is filled from its position to its limit, a whole number of sectors
   * @param sector number of the first
   * @param write number of the write, not 0
   */
  public static void fill(ByteBuffer target, long sector, long write) {
    long number = sector;
    while (target.hasRemaining()) {
      for (int i = 0; i < SECTOR; i += STAMP) {
        target.putLong(number).putLong(write);
      }
      number++;
    }
  }

  /**
   * The number of the write that a sector, or a part of it, comes from.
   *
   * @param bytes holds the sector
   * @param offset of the sector in it
   * @param part from 0 to 31
   * @param sector its number
   * @throws NotLinearizable if it is another sector's, or nobody's
   */
  static long write(ByteBuffer bytes, int offset, int part, long sector) {
    long number = bytes.getLong(offset + part * STAMP);
    long write = bytes.getLong(offset + part * STAMP + Long.BYTES);
    if (number != sector && (number != 0 || write != ZERO)) {
      throw new NotLinearizable(
          "sector " + sector + " shows what is not its own: " + number + ", " + write);
    }
    return write;
  }

  /** In how many parts a sector carries its stamp. */
  static int parts() {
    return SECTOR / STAMP;
  }
}
