package io.github.qcow2.format;

import java.nio.ByteBuffer;

/**
 * The extension that says where the directory of persistent bitmaps lies (qcow2 spec, "Bitmaps
 * extension"). To be believed only while {@link AutoclearFeature#BITMAPS} is set.
 *
 * @param bitmaps entries of the directory
 * @param directoryBytes bytes of the directory
 * @param directoryOffset host offset of the directory
 */
public record BitmapsExtension(int bitmaps, long directoryBytes, long directoryOffset) {
  /** Bytes of data in the extension. */
  static final int BYTES = 24;

  static final int RESERVED_OFFSET = 4;
  static final int DIRECTORY_BYTES_OFFSET = 8;
  static final int DIRECTORY_OFFSET_OFFSET = 16;

  /** Decodes an extension of exactly {@link #BYTES} bytes, without judging the values. */
  static BitmapsExtension of(HeaderExtension extension) {
    ByteBuffer data = ByteBuffer.wrap(extension.data());
    return new BitmapsExtension(
        data.getInt(0),
        data.getLong(DIRECTORY_BYTES_OFFSET),
        data.getLong(DIRECTORY_OFFSET_OFFSET));
  }

  /** The extension that says this. */
  public HeaderExtension toExtension() {
    ByteBuffer data = ByteBuffer.allocate(BYTES);
    data.putInt(0, bitmaps);
    data.putLong(DIRECTORY_BYTES_OFFSET, directoryBytes);
    data.putLong(DIRECTORY_OFFSET_OFFSET, directoryOffset);
    return new HeaderExtension(HeaderExtension.BITMAPS, data.array());
  }
}
