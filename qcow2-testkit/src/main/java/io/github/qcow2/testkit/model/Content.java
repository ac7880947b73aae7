package io.github.qcow2.testkit.model;

import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/**
 * Bytes that a seed and a position determine. Every aligned eight bytes differ from those of any
 * other seed or position, so bytes that turn up in the wrong place are never mistaken for the right
 * ones.
 */
public final class Content {
  private static final VarHandle LONGS =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.LITTLE_ENDIAN);

  private static final int SECTOR = 512;

  private Content() {}

  /**
   * The bytes of {@code seed} from guest byte {@code position} on.
   *
   * @param length in bytes
   */
  public static byte[] bytes(long seed, long position, int length) {
    int lead = (int) (position & 7);
    int words = (int) (((long) lead + length + 7) >>> 3);
    byte[] whole = new byte[words * Long.BYTES];
    for (int i = 0; i < words; i++) {
      LONGS.set(whole, i * Long.BYTES, word(seed, (position >>> 3) + i));
    }
    if (whole.length == length) {
      return whole;
    }
    byte[] bytes = new byte[length];
    System.arraycopy(whole, lead, bytes, 0, length);
    return bytes;
  }

  /**
   * Bytes like those of {@link #bytes}, but three of four sectors repeat their first word to their
   * end, so that most clusters become smaller when they are compressed.
   *
   * @param position of the first byte, a multiple of 512
   * @param length in bytes
   */
  public static byte[] compressible(long seed, long position, int length) {
    byte[] bytes = bytes(seed, position, length);
    for (int sector = 0; sector < length; sector += SECTOR) {
      if ((word(~seed, position + sector) & 3) != 0) {
        int end = Math.min(length, sector + SECTOR);
        for (int at = sector + Long.BYTES; at < end; at++) {
          bytes[at] = bytes[at - Long.BYTES];
        }
      }
    }
    return bytes;
  }

  /** A bijection of the index for each seed, after the finalizer of SplitMix64. */
  private static long word(long seed, long index) {
    long z = index * 0x9E3779B97F4A7C15L + seed * 0xD1342543DE82EF95L + 0x632BE59BD9B4E019L;
    z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
    z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
    return z ^ (z >>> 31);
  }
}
