package io.github.qcow2.format;

import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * One persistent bitmap: an entry of the bitmap directory (qcow2 spec, "Bitmap directory").
 *
 * @param tableOffset host offset of the bitmap table
 * @param tableEntries entries of the bitmap table; unsigned 32 bits
 * @param flags bits of this class, unknown ones included
 * @param type 1 for a dirty bitmap, the only type the format has
 * @param granularityBits log2 of the guest bytes that one bit stands for
 * @param name untrusted
 * @param extraDataBytes bytes of extra data, whose meaning the format leaves open
 */
public record BitmapRecord(
    long tableOffset,
    long tableEntries,
    int flags,
    int type,
    int granularityBits,
    String name,
    int extraDataBytes) {

  /** The bitmap was not saved after its last use: its bits mean nothing. */
  public static final int IN_USE = 1;

  /** The bitmap is to be kept up to date by every writer. */
  public static final int AUTO = 1 << 1;

  /** A program that does not know the extra data may use the bitmap. */
  public static final int EXTRA_DATA_COMPATIBLE = 1 << 2;

  private static final int KNOWN_FLAGS = IN_USE | AUTO | EXTRA_DATA_COMPATIBLE;

  /** Bytes before the extra data. */
  static final int FIXED_BYTES = 24;

  static final int NAME_LENGTH_OFFSET = 18;
  static final int EXTRA_LENGTH_OFFSET = 20;

  private static final int TABLE_ENTRIES_OFFSET = 8;
  private static final int FLAGS_OFFSET = 12;
  private static final int TYPE_OFFSET = 16;
  private static final int GRANULARITY_OFFSET = 17;

  private static final int DIRTY_TRACKING_TYPE = 1;
  private static final int MIN_GRANULARITY_BITS = 9;
  private static final int MAX_GRANULARITY_BITS = 31;

  /** The bits of one bitmap fill at most this much of the file. */
  private static final long MAX_BITMAP_BYTES = 512L << 20;

  /** Reads the entry that starts at {@code at} and lies in {@code in} as a whole. */
  static BitmapRecord read(ByteBuffer in, int at) {
    int extra = in.getInt(at + EXTRA_LENGTH_OFFSET);
    byte[] name = new byte[Short.toUnsignedInt(in.getShort(at + NAME_LENGTH_OFFSET))];
    in.get(at + FIXED_BYTES + extra, name);
    return new BitmapRecord(
        in.getLong(at),
        Integer.toUnsignedLong(in.getInt(at + TABLE_ENTRIES_OFFSET)),
        in.getInt(at + FLAGS_OFFSET),
        in.get(at + TYPE_OFFSET) & 0xff,
        in.get(at + GRANULARITY_OFFSET) & 0xff,
        HeaderExtension.text(name),
        extra);
  }

  /** Whether the bitmap was not saved after its last use. */
  public boolean isInUse() {
    return (flags & IN_USE) != 0;
  }

  /** Whether every writer is to keep the bitmap up to date. */
  public boolean isAuto() {
    return (flags & AUTO) != 0;
  }

  /** Guest bytes that one bit stands for. */
  public long granularity() {
    return 1L << granularityBits;
  }

  /**
   * The rule that keeps the bitmap's table from being followed, or null if there is none. A bitmap
   * whose extra data or flags are unknown may be followed, only not used.
   *
   * @param header of the image
   * @param limits what the image may ask for
   */
  public @Nullable String brokenRule(Header header, Limits limits) {
    Geometry geometry = header.geometry();
    if (tableEntries == 0) {
      return "bitmap without a table";
    }
    if (tableEntries > limits.bitmapTableEntries()
        || tableEntries * geometry.clusterSize() > MAX_BITMAP_BYTES) {
      return "bitmap table of " + tableEntries + " entries, too many";
    }
    if (!HeaderReader.isPlaceOfTable(
        tableOffset, tableEntries * Long.BYTES, geometry.clusterSize())) {
      return "bitmap table at an offset that is 0, not cluster aligned or too large";
    }
    if (granularityBits < MIN_GRANULARITY_BITS || granularityBits > MAX_GRANULARITY_BITS) {
      return "bitmap granularity of " + granularityBits + " bits, not 9..31";
    }
    if (!isInUse() && tableEntries != tableEntriesFor(header)) {
      return "bitmap table of "
          + tableEntries
          + " entries instead of "
          + tableEntriesFor(header)
          + " for the virtual size";
    }
    return null;
  }

  /**
   * Whether the bits can be relied on by who follows the format of today: saved, of a known type
   * and without unknown flags or extra data.
   */
  public boolean isUsable() {
    return !isInUse()
        && type == DIRTY_TRACKING_TYPE
        && (flags & ~KNOWN_FLAGS) == 0
        && (extraDataBytes == 0 || (flags & EXTRA_DATA_COMPATIBLE) != 0);
  }

  private long tableEntriesFor(Header header) {
    long bits = divideRoundingUp(header.size(), granularity());
    return header.geometry().clustersFor(divideRoundingUp(bits, Byte.SIZE));
  }

  private static long divideRoundingUp(long dividend, long divisor) {
    return dividend / divisor + (dividend % divisor == 0 ? 0 : 1);
  }
}
