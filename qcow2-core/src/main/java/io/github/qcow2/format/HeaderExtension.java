package io.github.qcow2.format;

import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * One header extension (qcow2 spec, "Header extensions"): a type, and data whose meaning it gives.
 * Extensions of unknown type are kept as they are. Immutable.
 */
public final class HeaderExtension {
  /** Ends the list; never an element of {@link Header#extensions()}. */
  public static final int END = 0;

  /** The name of the format of the backing file. */
  public static final int BACKING_FORMAT = 0xE2792ACA;

  /** Names of feature bits, for messages about unknown ones. */
  public static final int FEATURE_NAMES = 0x6803F857;

  /** Where the directory of persistent bitmaps lies: see {@link BitmapsExtension}. */
  public static final int BITMAPS = 0x23852875;

  /** Where the LUKS header lies. */
  public static final int ENCRYPTION = 0x0537BE77;

  /** The name of the external data file. */
  public static final int DATA_FILE = 0x44415441;

  /**
   * Says nothing: leads from the fields to where the other extensions are, while a header of
   * several sectors is being replaced. A type of this library's own, "qpad".
   */
  static final int PADDING = 0x71706164;

  /** Bytes before the data: type and length. */
  static final int PREFIX_BYTES = 8;

  /** Where the length lies in the prefix. */
  static final int LENGTH_OFFSET = 4;

  private final int type;
  private final byte[] data;

  /**
   * Creates an extension.
   *
   * @param type any but {@link #END}
   * @param data without the padding to a multiple of eight bytes; copied
   * @throws IllegalArgumentException if the type is {@link #END}
   */
  public HeaderExtension(int type, byte[] data) {
    if (type == END) {
      throw new IllegalArgumentException("type 0 ends the extensions");
    }
    this.type = type;
    this.data = data.clone();
  }

  static HeaderExtension ofText(int type, String text) {
    return new HeaderExtension(type, text.getBytes(StandardCharsets.UTF_8));
  }

  /** The type; unsigned. */
  public int type() {
    return type;
  }

  /** A copy of the data, without padding. */
  public byte[] data() {
    return data.clone();
  }

  /** Bytes of data, without padding. */
  public int length() {
    return data.length;
  }

  /** The data as text up to its first NUL byte, if it has one; bytes that are no UTF-8 replaced. */
  public String text() {
    return text(data);
  }

  static String text(byte[] bytes) {
    int length = 0;
    while (length < bytes.length && bytes[length] != 0) {
      length++;
    }
    return new String(bytes, 0, length, StandardCharsets.UTF_8);
  }

  /** The place of a type in the order in which QEMU writes extensions. */
  static int rank(int type) {
    return switch (type) {
      case BACKING_FORMAT -> 0;
      case DATA_FILE -> 1;
      case ENCRYPTION -> 2;
      case FEATURE_NAMES -> 3;
      case BITMAPS -> 4;
      default -> 5;
    };
  }

  /** Whether the format defines the type. */
  static boolean isKnown(int type) {
    return rank(type) < 5;
  }

  @Override
  public boolean equals(Object other) {
    return other instanceof HeaderExtension that
        && type == that.type
        && Arrays.equals(data, that.data);
  }

  @Override
  public int hashCode() {
    return 31 * type + Arrays.hashCode(data);
  }

  @Override
  public String toString() {
    return String.format("extension 0x%08x of %d bytes", type, data.length);
  }
}
