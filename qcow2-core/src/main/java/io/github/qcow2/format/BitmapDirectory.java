package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Reads the directory of persistent bitmaps (qcow2 spec, "Bitmap directory").
 *
 * <p>Bitmaps that break a rule of their own are still listed: {@link BitmapRecord#brokenRule}
 * tells. QEMU does not open an image with such a bitmap at all.
 */
public final class BitmapDirectory {
  private static final int MAX_NAME_BYTES = 1023;

  private BitmapDirectory() {}

  /**
   * Reads all entries.
   *
   * @param imageName the image as the caller named it, for the exceptions
   * @param extension what {@link Header#bitmaps()} gives; its limits have been checked
   * @param directory exactly {@link BitmapsExtension#directoryBytes} bytes from {@link
   *     BitmapsExtension#directoryOffset} on; neither position nor limit change
   * @throws CorruptImageException if the entries do not fill the directory, are not as many as the
   *     extension says, have a name of 0 or more than 1023 bytes, or share one
   * @throws IllegalArgumentException if there are fewer or more bytes than the directory has
   */
  public static List<BitmapRecord> read(
      String imageName, BitmapsExtension extension, ByteBuffer directory) throws Qcow2Exception {
    if (directory.remaining() != extension.directoryBytes()) {
      throw new IllegalArgumentException(
          directory.remaining() + " bytes instead of " + extension.directoryBytes());
    }
    ByteBuffer in = directory.slice().order(ByteOrder.BIG_ENDIAN);
    List<BitmapRecord> records = new ArrayList<>();
    Set<String> names = new HashSet<>();
    int at = 0;
    while (at < in.limit()) {
      long place = extension.directoryOffset() + at;
      int length = entryLength(imageName, in, at, place);
      BitmapRecord record = BitmapRecord.read(in, at);
      if (records.size() == extension.bitmaps()) {
        throw new CorruptImageException(
            imageName, place, "more bitmaps than the extension says: " + extension.bitmaps());
      }
      if (!names.add(record.name())) {
        throw new CorruptImageException(imageName, place, "two bitmaps of the same name");
      }
      records.add(record);
      at += length;
    }
    if (records.size() != extension.bitmaps()) {
      throw new CorruptImageException(
          imageName,
          extension.directoryOffset(),
          records.size() + " bitmaps instead of " + extension.bitmaps());
    }
    return List.copyOf(records);
  }

  private static int entryLength(String imageName, ByteBuffer in, int at, long place)
      throws CorruptImageException {
    int available = in.limit() - at;
    if (available >= BitmapRecord.FIXED_BYTES) {
      int nameLength = Short.toUnsignedInt(in.getShort(at + BitmapRecord.NAME_LENGTH_OFFSET));
      if (nameLength == 0 || nameLength > MAX_NAME_BYTES) {
        throw new CorruptImageException(
            imageName, place, "bitmap name of " + nameLength + " bytes, not 1 to 1023");
      }
      long length =
          BitmapRecord.FIXED_BYTES
              + Integer.toUnsignedLong(in.getInt(at + BitmapRecord.EXTRA_LENGTH_OFFSET))
              + nameLength;
      long padded = (length + 7) & -8L;
      if (padded <= available) {
        return (int) padded;
      }
    }
    throw new CorruptImageException(
        imageName, place, "entry of the bitmap directory reaches beyond its end");
  }
}
