package io.github.qcow2.format;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The extension that names feature bits (qcow2 spec, "Feature name table"): 48 bytes for each, the
 * first of which says which set, the second which bit, and the rest its name, padded with zeros.
 */
final class FeatureNameTable {
  static final int INCOMPATIBLE = 0;
  static final int COMPATIBLE = 1;
  static final int AUTOCLEAR = 2;

  static final int ENTRY_BYTES = 48;
  private static final int NAME_OFFSET = 2;

  /**
   * QEMU writes the table only where it is a small part of the first cluster, to leave room for the
   * name of the backing file.
   */
  static final int MIN_CLUSTER_BITS = 13;

  private FeatureNameTable() {}

  /** The table as qemu-img 7.2 writes it: 8 entries, 384 bytes. */
  static HeaderExtension standard() {
    byte[] data = new byte[8 * ENTRY_BYTES];
    put(data, 0, INCOMPATIBLE, 0, "dirty bit");
    put(data, 1, INCOMPATIBLE, 1, "corrupt bit");
    put(data, 2, INCOMPATIBLE, 2, "external data file");
    put(data, 3, INCOMPATIBLE, 3, "compression type");
    put(data, 4, INCOMPATIBLE, 4, "extended L2 entries");
    put(data, 5, COMPATIBLE, 0, "lazy refcounts");
    put(data, 6, AUTOCLEAR, 0, "bitmaps");
    put(data, 7, AUTOCLEAR, 1, "raw external data");
    return new HeaderExtension(HeaderExtension.FEATURE_NAMES, data);
  }

  /**
   * The name that a table gives to a bit, made fit for a message: control characters are replaced.
   *
   * @return null if the table does not name it
   */
  static @Nullable String name(HeaderExtension table, int set, int bit) {
    byte[] data = table.data();
    for (int at = 0; at + ENTRY_BYTES <= data.length; at += ENTRY_BYTES) {
      if (data[at] == set && data[at + 1] == bit) {
        String name =
            HeaderExtension.text(Arrays.copyOfRange(data, at + NAME_OFFSET, at + ENTRY_BYTES));
        return name.replaceAll("\\p{Cntrl}", "?");
      }
    }
    return null;
  }

  private static void put(byte[] data, int index, int set, int bit, String name) {
    int at = index * ENTRY_BYTES;
    data[at] = (byte) set;
    data[at + 1] = (byte) bit;
    byte[] bytes = name.getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(bytes, 0, data, at + NAME_OFFSET, bytes.length);
  }
}
