package io.github.qcow2.libdeflate;

import java.nio.ByteBuffer;
import java.util.Arrays;

/**
 * Recognises streams that every decoder understands alike: one block with codes of its own, all of
 * them complete (RFC 1951, 3.2.7).
 *
 * <p>libdeflate also decodes streams that zlib, and hence QEMU and the JDK, refuse: code lengths
 * that go on behind the last symbol, codes with unused words, symbols that stand for no length or
 * distance. They can only be seen in the header of a block, and only the header of the first can be
 * found without decoding. So the library is given streams that consist of one block; QEMU makes
 * most clusters such streams. Within complete codes of known symbols there is nothing left for
 * decoders to disagree about.
 *
 * <p>Owns the scratch arrays of one check, so one thread uses it at a time.
 */
final class SingleBlock {
  private static final int DYNAMIC_CODES = 2;
  private static final int MAX_LITERALS = 286;
  private static final int MAX_DISTANCES = 30;
  private static final int END_OF_BLOCK = 256;

  private static final int COPY_PREVIOUS = 16;
  private static final int ZEROS = 17;

  /** Bits of the longest word of the code for code lengths, and of the other codes. */
  private static final int LENGTH_CODE_BITS = 7;

  private static final int CODE_BITS = 15;

  /** The order in which the lengths of the code for code lengths are stored. */
  private static final byte[] ORDER = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };

  /** For the next bits of the stream: the symbol they begin with, and how many are its word. */
  private final byte[] symbols = new byte[1 << LENGTH_CODE_BITS];

  private final byte[] widths = new byte[1 << LENGTH_CODE_BITS];

  private final byte[] lengths = new byte[MAX_LITERALS + MAX_DISTANCES];

  private ByteBuffer stream = ByteBuffer.allocate(0);
  private int next;
  private long bits;
  private int count;

  /**
   * Whether the stream at the start of the remaining bytes is such a one, as far as its header
   * goes.
   *
   * @param source its position and limit stay where they are
   */
  boolean isBeyondDoubt(ByteBuffer source) {
    stream = source;
    next = source.position();
    bits = 0;
    count = 0;
    return has(17) && take(1) == 1 && take(2) == DYNAMIC_CODES && areCodesComplete();
  }

  private boolean areCodesComplete() {
    int literals = take(5) + 257;
    int distances = take(5) + 1;
    int stored = take(4) + 4;
    if (literals > MAX_LITERALS || distances > MAX_DISTANCES) {
      return false;
    }
    return readLengthCode(stored)
        && readLengths(literals + distances)
        && lengths[END_OF_BLOCK] != 0
        && isComplete(lengths, 0, literals, CODE_BITS)
        && isComplete(lengths, literals, literals + distances, CODE_BITS);
  }

  private boolean readLengthCode(int stored) {
    byte[] words = new byte[ORDER.length];
    for (int i = 0; i < stored; i++) {
      if (!has(3)) {
        return false;
      }
      words[ORDER[i]] = (byte) take(3);
    }
    if (!isComplete(words, 0, words.length, LENGTH_CODE_BITS)) {
      return false;
    }
    int word = 0;
    for (int width = 1; width <= LENGTH_CODE_BITS; width++) {
      for (int symbol = 0; symbol < words.length; symbol++) {
        if (words[symbol] == width) {
          // A word is stored with its first bit lowest.
          int reversed = Integer.reverse(word) >>> (Integer.SIZE - width);
          for (int i = reversed; i < symbols.length; i += 1 << width) {
            symbols[i] = (byte) symbol;
            widths[i] = (byte) width;
          }
          word++;
        }
      }
      word <<= 1;
    }
    return true;
  }

  private boolean readLengths(int wanted) {
    int at = 0;
    while (at < wanted) {
      boolean enough = has(LENGTH_CODE_BITS + 7);
      int index = (int) bits & (symbols.length - 1);
      int symbol = symbols[index];
      if (!enough && count < widths[index] + 7) {
        // So near the end there is no room for a block that somebody has made.
        return false;
      }
      take(widths[index]);
      if (symbol < COPY_PREVIOUS) {
        lengths[at++] = (byte) symbol;
        continue;
      }
      byte value = 0;
      int times;
      if (symbol == COPY_PREVIOUS) {
        if (at == 0) {
          return false;
        }
        value = lengths[at - 1];
        times = 3 + take(2);
      } else {
        times = symbol == ZEROS ? 3 + take(3) : 11 + take(7);
      }
      if (times > wanted - at) {
        return false;
      }
      Arrays.fill(lengths, at, at + times, value);
      at += times;
    }
    return true;
  }

  /** Whether every sequence of bits begins with a word of the code. */
  private static boolean isComplete(byte[] lengths, int from, int to, int longest) {
    int used = 0;
    for (int i = from; i < to; i++) {
      if (lengths[i] != 0) {
        used += 1 << (longest - lengths[i]);
      }
    }
    return used == 1 << longest;
  }

  private boolean has(int wanted) {
    while (count < wanted && next < stream.limit()) {
      bits |= (stream.get(next++) & 0xFFL) << count;
      count += Byte.SIZE;
    }
    return count >= wanted;
  }

  private int take(int wanted) {
    int value = (int) bits & ((1 << wanted) - 1);
    bits >>>= wanted;
    count -= wanted;
    return value;
  }
}
