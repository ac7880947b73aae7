package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** Reads and checks the header extensions between the header and the backing file's name. */
final class HeaderExtensionReader {
  private static final int ENCRYPTION_BYTES = 16;
  private static final int CRYPT_METHOD_LUKS = 2;

  private final String imageName;
  private final ByteBuffer cluster;
  private final Geometry geometry;
  private final Limits limits;
  private final HeaderBuilder fields;

  HeaderExtensionReader(
      String imageName,
      ByteBuffer cluster,
      Geometry geometry,
      Limits limits,
      HeaderBuilder fields) {
    this.imageName = imageName;
    this.cluster = cluster;
    this.geometry = geometry;
    this.limits = limits;
    this.fields = fields;
  }

  /**
   * Reads up to the end marker or {@code end}, whichever comes first. Fewer than eight bytes before
   * the end are no extension.
   *
   * @param end at most the end of the cluster; may lie within the header
   */
  List<HeaderExtension> read(int end) throws Qcow2Exception {
    List<HeaderExtension> extensions = new ArrayList<>();
    long at = fields.headerLength;
    while (end - at >= HeaderExtension.PREFIX_BYTES) {
      int start = (int) at;
      int type = cluster.getInt(start);
      long length = Integer.toUnsignedLong(cluster.getInt(start + HeaderExtension.LENGTH_OFFSET));
      if (length > end - at - HeaderExtension.PREFIX_BYTES) {
        throw corrupt(
            at + HeaderExtension.LENGTH_OFFSET,
            String.format(
                "header extension 0x%08x of %d bytes reaches beyond its area", type, length));
      }
      if (type == HeaderExtension.END) {
        break;
      }
      byte[] data = new byte[(int) length];
      cluster.get(start + HeaderExtension.PREFIX_BYTES, data);
      HeaderExtension extension = new HeaderExtension(type, data);
      check(extension, start);
      extensions.add(extension);
      at += HeaderExtension.PREFIX_BYTES + ((length + 7) & -8L);
    }
    return List.copyOf(extensions);
  }

  private void check(HeaderExtension extension, int at) throws Qcow2Exception {
    switch (extension.type()) {
      case HeaderExtension.BACKING_FORMAT -> {
        if (extension.length() > Header.MAX_BACKING_FORMAT_BYTES) {
          throw corrupt(
              at + HeaderExtension.LENGTH_OFFSET,
              "backing format name of " + extension.length() + " bytes, more than 15");
        }
      }
      case HeaderExtension.BITMAPS -> checkBitmaps(extension, at);
      case HeaderExtension.ENCRYPTION -> checkEncryption(extension, at);
      default -> {}
    }
  }

  private void checkBitmaps(HeaderExtension extension, int at) throws Qcow2Exception {
    if (extension.length() != BitmapsExtension.BYTES) {
      throw corrupt(
          at + HeaderExtension.LENGTH_OFFSET,
          "bitmaps extension of " + extension.length() + " bytes, not 24");
    }
    if ((fields.autoclearFeatures & AutoclearFeature.BITMAPS) == 0) {
      return;
    }
    int data = at + HeaderExtension.PREFIX_BYTES;
    BitmapsExtension bitmaps = BitmapsExtension.of(extension);
    long count = Integer.toUnsignedLong(bitmaps.bitmaps());
    if (count == 0) {
      throw corrupt(data, "bitmaps extension without bitmaps");
    }
    if (cluster.getInt(data + BitmapsExtension.RESERVED_OFFSET) != 0) {
      throw corrupt(data + BitmapsExtension.RESERVED_OFFSET, "reserved field is not zero");
    }
    if (count > limits.bitmaps()) {
      throw limit(data, count + " bitmaps, more than " + limits.bitmaps());
    }
    long bytes = bitmaps.directoryBytes();
    if (bytes < 0 || bytes > limits.bitmapDirectoryBytes()) {
      throw limit(
          data + BitmapsExtension.DIRECTORY_BYTES_OFFSET,
          "bitmap directory of "
              + Long.toUnsignedString(bytes)
              + " bytes, more than "
              + limits.bitmapDirectoryBytes());
    }
    long offset = bitmaps.directoryOffset();
    if (offset <= 0 || !geometry.isClusterAligned(offset) || offset > Long.MAX_VALUE - bytes) {
      throw corrupt(
          data + BitmapsExtension.DIRECTORY_OFFSET_OFFSET,
          String.format("bitmap directory at offset 0x%x, which is 0 or not aligned", offset));
    }
  }

  private void checkEncryption(HeaderExtension extension, int at) throws CorruptImageException {
    if (fields.cryptMethod != CRYPT_METHOD_LUKS) {
      throw corrupt(at, "encryption header extension without LUKS encryption");
    }
    if (extension.length() != ENCRYPTION_BYTES) {
      throw corrupt(
          at + HeaderExtension.LENGTH_OFFSET,
          "encryption header extension of " + extension.length() + " bytes, not 16");
    }
    long offset = cluster.getLong(at + HeaderExtension.PREFIX_BYTES);
    if (offset <= 0 || !geometry.isClusterAligned(offset)) {
      throw corrupt(
          at + HeaderExtension.PREFIX_BYTES,
          String.format("LUKS header at offset 0x%x, which is 0 or not aligned", offset));
    }
  }

  private CorruptImageException corrupt(long offset, String rule) {
    return new CorruptImageException(imageName, offset, rule);
  }

  private LimitExceededException limit(long offset, String rule) {
    return new LimitExceededException(imageName, offset, rule);
  }
}
