package io.github.qcow2.format;

/** Byte offsets of the header's fields (qcow2 spec, "Header"). */
final class HeaderField {
  static final int MAGIC = 0;
  static final int VERSION = 4;
  static final int BACKING_FILE_OFFSET = 8;
  static final int BACKING_FILE_SIZE = 16;
  static final int CLUSTER_BITS = 20;
  static final int SIZE = 24;
  static final int CRYPT_METHOD = 32;
  static final int L1_SIZE = 36;
  static final int L1_TABLE_OFFSET = 40;
  static final int REFCOUNT_TABLE_OFFSET = 48;
  static final int REFCOUNT_TABLE_CLUSTERS = 56;
  static final int NB_SNAPSHOTS = 60;
  static final int SNAPSHOTS_OFFSET = 64;
  static final int INCOMPATIBLE_FEATURES = 72;
  static final int COMPATIBLE_FEATURES = 80;
  static final int AUTOCLEAR_FEATURES = 88;
  static final int REFCOUNT_ORDER = 96;
  static final int HEADER_LENGTH = 100;
  static final int COMPRESSION_TYPE = 104;

  /** The first byte after the compression type: padding up to 112, unknown fields beyond. */
  static final int AFTER_COMPRESSION_TYPE = 105;

  /** "QFI" and 0xfb. */
  static final int MAGIC_VALUE = 0x514649fb;

  static final int VERSION_2_HEADER_LENGTH = 72;
  static final int VERSION_3_MIN_HEADER_LENGTH = 104;

  /** With the compression type and its padding. */
  static final int VERSION_3_HEADER_LENGTH = 112;

  private HeaderField() {}
}
