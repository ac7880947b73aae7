package io.github.qcow2.codec;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Tells bytes that no compression makes smaller, such as those of films, archives and encrypted
 * files, from all others, in a small part of the time that it takes to find out by compressing
 * them. A codec that is slow on such bytes asks before it begins.
 *
 * <p>Owns no state. Deflate can make bytes smaller in two ways: by short codes for frequent values,
 * and by references to what was there before. So bytes are noise if
 *
 * <ol>
 *   <li>all values are about as frequent: their entropy is nearly 8 bits, first in a sample, then
 *       in all of them;
 *   <li>hardly anything is there twice within the reach of a reference.
 * </ol>
 *
 * <p>What is called noise becomes smaller by about 1 % at best.
 */
public final class NoiseScan {
  /** Fewer bytes than this say too little about how frequent a value is. */
  static final int SHORTEST = 16 << 10;

  /** Bits for each byte. Even noise does not reach 8 where few bytes are counted. */
  private static final double SAMPLE_ENTROPY = 7.9;

  private static final double ENTROPY = 7.94;

  /** One of so many 64-byte lines belongs to the sample. */
  private static final int LINES_FOR_ONE = 8;

  private static final int LINE = 64;

  /** How far back deflate refers. */
  private static final int REACH = 32 << 10;

  private static final int PLACE_BITS = 13;

  /**
   * Positions at multiples of the one are remembered, and those at multiples of the other compared
   * with them: in a repetition of any distance one position in twelve is both.
   */
  private static final int REMEMBERED = 4;

  private static final int COMPARED = 3;

  /** One repetition found stands for this many bytes; and noise has one in so many of them. */
  private static final int BYTES_FOR_A_REPETITION = REMEMBERED * COMPARED;

  private static final int PARTS_WITHOUT_REPETITION = 100;

  private NoiseScan() {}

  /**
   * Whether the remaining bytes of a buffer are noise. Never so for few bytes: less than 16 KiB.
   *
   * @param source its position and limit stay where they are
   */
  public static boolean isNoise(ByteBuffer source) {
    int length = source.remaining();
    if (length < SHORTEST) {
      return false;
    }
    ByteBuffer bytes = source.slice().order(ByteOrder.LITTLE_ENDIAN);
    return entropy(bytes, LINES_FOR_ONE) >= SAMPLE_ENTROPY
        && entropy(bytes, 1) >= ENTROPY
        && !repeatsItself(bytes);
  }

  /** Bits for each byte, going by how often each value occurs in one of so many lines. */
  private static double entropy(ByteBuffer bytes, int linesForOne) {
    int[] even = new int[256];
    int[] odd = new int[256];
    int last = bytes.limit() - LINE;
    int counted = 0;
    for (int line = 0; line <= last; line += LINE * linesForOne) {
      for (int at = line; at < line + LINE; at += Long.BYTES) {
        long eight = bytes.getLong(at);
        even[(int) eight & 0xFF]++;
        odd[(int) (eight >>> 8) & 0xFF]++;
        even[(int) (eight >>> 16) & 0xFF]++;
        odd[(int) (eight >>> 24) & 0xFF]++;
        even[(int) (eight >>> 32) & 0xFF]++;
        odd[(int) (eight >>> 40) & 0xFF]++;
        even[(int) (eight >>> 48) & 0xFF]++;
        odd[(int) (eight >>> 56)]++;
      }
      counted += LINE;
    }
    double sum = 0;
    for (int value = 0; value < 256; value++) {
      int times = even[value] + odd[value];
      if (times > 0) {
        sum += times * Math.log(times);
      }
    }
    return (Math.log(counted) - sum / counted) / Math.log(2);
  }

  /** Whether more than one part in a hundred is there twice, as far as can be seen. */
  private static boolean repeatsItself(ByteBuffer bytes) {
    int[] places = new int[1 << PLACE_BITS];
    int allowed = bytes.limit() / PARTS_WITHOUT_REPETITION / BYTES_FOR_A_REPETITION;
    int repetitions = 0;
    int remember = 0;
    int last = bytes.limit() - Integer.BYTES;
    for (int at = 0; at <= last; at += COMPARED) {
      int four = bytes.getInt(at);
      int before = places[place(four)] - 1;
      if (before >= 0 && at - before <= REACH && bytes.getInt(before) == four) {
        repetitions++;
        if (repetitions > allowed) {
          return true;
        }
      }
      while (remember <= at) {
        places[place(bytes.getInt(remember))] = remember + 1;
        remember += REMEMBERED;
      }
    }
    return false;
  }

  /** Where a position is remembered; multiplication brings every bit of the value to the top. */
  private static int place(int four) {
    return (four * 0x9E3779B1) >>> (Integer.SIZE - PLACE_BITS);
  }
}
