package io.github.qcow2.testkit.powercut;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Digests by which equal files are recognised without comparing them: one for each sector at its
 * place, and the sum of them by exclusive or, so that a sector that changes costs a sector's work.
 */
final class Digests {
  static final int SECTOR = 512;

  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private Digests() {}

  /** The digest of a sector's bytes, wherever it lies. */
  static long content(byte[] bytes, int offset) {
    long hash = 0x632BE59BD9B4E019L;
    for (int i = 0; i < SECTOR; i += Long.BYTES) {
      hash = (hash ^ (long) LONGS.get(bytes, offset + i)) * 0x9E3779B97F4A7C15L;
      hash ^= hash >>> 29;
    }
    return hash;
  }

  /** What a sector with this content at this place adds to the digest of all files. */
  static long sector(int file, int sector, long content) {
    return mix(content ^ mix(((long) file << 40) + sector));
  }

  /** What the length of a file adds. */
  static long length(int file, long length) {
    return mix(mix(length) + file + 1);
  }

  /** The finalizer of SplitMix64. */
  static long mix(long value) {
    long z = value + 0x9E3779B97F4A7C15L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
