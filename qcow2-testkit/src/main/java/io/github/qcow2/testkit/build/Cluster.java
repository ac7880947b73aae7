package io.github.qcow2.testkit.build;

import org.jspecify.annotations.Nullable;

/**
 * A guest cluster as it was described. Several tables may hold the same one: then they share it.
 * Equal only to itself.
 */
final class Cluster {
  static final long ALL_ALLOCATED = 0x00000000ffffffffL;
  static final long ALL_ZERO = 0xffffffff00000000L;

  /** The bytes in the file, compressed or not; null where nothing is stored. */
  final byte @Nullable [] stored;

  final boolean compressed;
  final boolean zeroFlag;

  /** Second word of the entry, for images with subclusters. */
  final long bitmap;

  /** Where the bytes are, once that is decided. */
  long host;

  Cluster(byte @Nullable [] stored, boolean compressed, boolean zeroFlag, long bitmap) {
    this.stored = stored;
    this.compressed = compressed;
    this.zeroFlag = zeroFlag;
    this.bitmap = bitmap;
  }
}
