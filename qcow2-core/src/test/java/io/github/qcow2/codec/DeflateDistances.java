package io.github.qcow2.codec;

/**
 * Reads a raw deflate stream (RFC 1951) only to find out how far back its matches reach. Written
 * from the RFC, for streams that are known to be in order.
 */
final class DeflateDistances {
  private static final int[] EXTRA_LENGTH_BITS = {
    0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0
  };
  private static final int[] CODE_LENGTH_ORDER = {
    16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15
  };

  private final byte[] stream;
  private int bit;
  private int farthest;

  private DeflateDistances(byte[] stream) {
    this.stream = stream;
  }

  /** The largest distance of any match, or 0 if there is none. */
  static int farthest(byte[] stream) {
    DeflateDistances reader = new DeflateDistances(stream);
    boolean last;
    do {
      last = reader.bits(1) == 1;
      reader.block(reader.bits(2));
    } while (!last);
    return reader.farthest;
  }

  private void block(int type) {
    if (type == 0) {
      bit = (bit + 7) & ~7;
      int length = bits(16);
      bit += 16 + 8 * length;
      return;
    }
    int[] literals = new int[288];
    int[] distances = new int[30];
    if (type == 1) {
      for (int i = 0; i < literals.length; i++) {
        literals[i] = i < 144 ? 8 : i < 256 ? 9 : i < 280 ? 7 : 8;
      }
      java.util.Arrays.fill(distances, 5);
    } else {
      readLengths(literals, distances);
    }
    matches(new Code(literals), new Code(distances));
  }

  private void readLengths(int[] literals, int[] distances) {
    int literalCount = bits(5) + 257;
    int distanceCount = bits(5) + 1;
    int[] order = new int[19];
    for (int i = bits(4) + 4, k = 0; k < i; k++) {
      order[CODE_LENGTH_ORDER[k]] = bits(3);
    }
    Code lengths = new Code(order);
    int[] all = new int[literalCount + distanceCount];
    for (int i = 0; i < all.length; ) {
      int symbol = lengths.next();
      int repeat = 1;
      int value = symbol;
      if (symbol >= 16) {
        value = symbol == 16 ? all[i - 1] : 0;
        repeat = symbol == 16 ? 3 + bits(2) : symbol == 17 ? 3 + bits(3) : 11 + bits(7);
      }
      for (int k = 0; k < repeat; k++) {
        all[i++] = value;
      }
    }
    System.arraycopy(all, 0, literals, 0, literalCount);
    System.arraycopy(all, literalCount, distances, 0, distanceCount);
  }

  private void matches(Code literals, Code distances) {
    for (int symbol = literals.next(); symbol != 256; symbol = literals.next()) {
      if (symbol > 256) {
        bits(EXTRA_LENGTH_BITS[symbol - 257]);
        int code = distances.next();
        int extra = Math.max(0, code / 2 - 1);
        int base = code < 4 ? code + 1 : ((2 + (code & 1)) << extra) + 1;
        farthest = Math.max(farthest, base + bits(extra));
      }
    }
  }

  private int bits(int count) {
    int value = 0;
    for (int i = 0; i < count; i++, bit++) {
      value |= ((stream[bit >> 3] >> (bit & 7)) & 1) << i;
    }
    return value;
  }

  /** A canonical Huffman code, read bit by bit. */
  private final class Code {
    private final int[] counts = new int[16];
    private final int[] symbols;

    Code(int[] lengths) {
      symbols = new int[lengths.length];
      for (int length : lengths) {
        counts[length]++;
      }
      counts[0] = 0;
      int next = 0;
      for (int length = 1; length < 16; length++) {
        for (int symbol = 0; symbol < lengths.length; symbol++) {
          if (lengths[symbol] == length) {
            symbols[next++] = symbol;
          }
        }
      }
    }

    int next() {
      int code = 0;
      int first = 0;
      int index = 0;
      for (int length = 1; length < 16; length++) {
        code |= bits(1);
        if (code - first < counts[length]) {
          return symbols[index + code - first];
        }
        index += counts[length];
        first = (first + counts[length]) << 1;
        code <<= 1;
      }
      throw new AssertionError("no such code");
    }
  }
}
