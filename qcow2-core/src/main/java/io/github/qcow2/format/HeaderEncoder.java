package io.github.qcow2.format;

import java.nio.ByteBuffer;

/**
 * Lays a header out in the first cluster: fields, extensions, end marker, backing file name.
 *
 * <p>As long as a header keeps the extensions and the name it was read with, so do they keep their
 * places: a name that does not follow the end marker directly, or an area of extensions that ends
 * without room for a marker, are encoded as they were found.
 */
final class HeaderEncoder {
  /** The end marker is an extension of type 0 and length 0. */
  private static final int END_MARKER_BYTES = 8;

  private HeaderEncoder() {}

  static byte[] encode(HeaderBuilder fields) {
    return encode(fields, fields.headerLength);
  }

  /**
   * Lays out the header with a gap behind the fields.
   *
   * @param start where the first extension is to be: where the fields end, or at least the prefix
   *     of an extension behind that, by a multiple of eight
   */
  static byte[] encode(HeaderBuilder fields, int start) {
    int gap = start - fields.headerLength;
    ByteBuffer out = ByteBuffer.allocate(Math.toIntExact(encodedLength(fields) + gap));
    putFields(out, fields);
    int at = start;
    if (gap > 0) {
      out.putInt(fields.headerLength, HeaderExtension.PADDING);
      out.putInt(
          fields.headerLength + HeaderExtension.LENGTH_OFFSET, gap - HeaderExtension.PREFIX_BYTES);
    }
    for (HeaderExtension extension : fields.extensions) {
      out.putInt(at, extension.type());
      out.putInt(at + HeaderExtension.LENGTH_OFFSET, extension.length());
      out.put(at + HeaderExtension.PREFIX_BYTES, extension.data());
      at = (int) end(fields, at, extension);
    }
    byte[] name = fields.backingFile;
    if (name != null) {
      int nameOffset = (int) endOfExtensions(fields, at);
      out.putLong(HeaderField.BACKING_FILE_OFFSET, nameOffset);
      out.putInt(HeaderField.BACKING_FILE_SIZE, name.length);
      out.put(nameOffset, name);
    }
    return out.array();
  }

  /** How many bytes {@link #encode} gives; more than a cluster if the header does not fit. */
  static long encodedLength(HeaderBuilder fields) {
    long at = fields.headerLength;
    for (HeaderExtension extension : fields.extensions) {
      at = end(fields, at, extension);
    }
    byte[] name = fields.backingFile;
    return endOfExtensions(fields, at) + (name == null ? 0 : name.length);
  }

  /** Where the extension after one that starts at {@code at} starts. */
  private static long end(HeaderBuilder fields, long at, HeaderExtension extension) {
    long padded = at + HeaderExtension.PREFIX_BYTES + ((extension.length() + 7L) & -8L);
    return fields.foundExtensionsEnd == 0 ? padded : Math.min(padded, fields.foundExtensionsEnd);
  }

  /** Where the area of the extensions ends if the last of them ends at {@code at}. */
  private static long endOfExtensions(HeaderBuilder fields, long at) {
    long markerEnd = at + END_MARKER_BYTES;
    if (fields.foundExtensionsEnd == 0) {
      return markerEnd;
    }
    return fields.backingFile == null
        ? Math.min(markerEnd, fields.foundExtensionsEnd)
        : fields.foundExtensionsEnd;
  }

  private static void putFields(ByteBuffer out, HeaderBuilder fields) {
    out.putInt(HeaderField.MAGIC, HeaderField.MAGIC_VALUE);
    out.putInt(HeaderField.VERSION, fields.version);
    out.putInt(HeaderField.CLUSTER_BITS, fields.clusterBits);
    out.putLong(HeaderField.SIZE, fields.size);
    out.putInt(HeaderField.CRYPT_METHOD, fields.cryptMethod);
    out.putInt(HeaderField.L1_SIZE, fields.l1Entries);
    out.putLong(HeaderField.L1_TABLE_OFFSET, fields.l1TableOffset);
    out.putLong(HeaderField.REFCOUNT_TABLE_OFFSET, fields.refcountTableOffset);
    out.putInt(HeaderField.REFCOUNT_TABLE_CLUSTERS, fields.refcountTableClusters);
    out.putInt(HeaderField.NB_SNAPSHOTS, fields.snapshots);
    out.putLong(HeaderField.SNAPSHOTS_OFFSET, fields.snapshotTableOffset);
    if (fields.version == 2) {
      return;
    }
    out.putLong(HeaderField.INCOMPATIBLE_FEATURES, fields.incompatibleFeatures);
    out.putLong(HeaderField.COMPATIBLE_FEATURES, fields.compatibleFeatures);
    out.putLong(HeaderField.AUTOCLEAR_FEATURES, fields.autoclearFeatures);
    out.putInt(HeaderField.REFCOUNT_ORDER, fields.refcountOrder);
    out.putInt(HeaderField.HEADER_LENGTH, fields.headerLength);
    if (fields.headerLength > HeaderField.COMPRESSION_TYPE) {
      out.put(HeaderField.COMPRESSION_TYPE, (byte) fields.compressionType);
      out.put(HeaderField.AFTER_COMPRESSION_TYPE, fields.unknownHeaderBytes);
    }
  }
}
