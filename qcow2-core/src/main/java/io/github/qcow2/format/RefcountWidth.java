package io.github.qcow2.format;

import java.util.Arrays;
import java.util.Objects;

/**
 * How refcounts of one width lie in a refcount block (qcow2 spec, "Host cluster management").
 *
 * <p>A block is handed over as {@code long[]} whose elements are the big-endian 64-bit words of the
 * file. Counts of 16 bits and more are big-endian; narrower ones fill each byte from its least
 * significant bit upwards. An all-zero word holds only free clusters.
 *
 * <p>Counts are never negative: a 64-bit count of 2^63 or more, which no image can deserve, reads
 * as {@link #max()}. Immutable; the arrays are the caller's to guard.
 */
public final class RefcountWidth {
  private static final RefcountWidth[] BY_ORDER =
      new RefcountWidth[Geometry.MAX_REFCOUNT_ORDER + 1];

  static {
    for (int order = 0; order < BY_ORDER.length; order++) {
      BY_ORDER[order] = new RefcountWidth(order);
    }
  }

  private final int order;

  /** log2 of the number of counts in a word. */
  private final int wordShift;

  /**
   * Turns the position of a count, in bits as if the word were little-endian, into the shift that
   * brings it down: swaps the bytes of the word, or the units of its counts if those are wider.
   */
  private final int swap;

  /** All bits of one count. */
  private final long mask;

  /** The least significant bit of every count in a word. */
  private final long lowBits;

  private RefcountWidth(int order) {
    int bits = 1 << order;
    this.order = order;
    this.wordShift = Geometry.MAX_REFCOUNT_ORDER - order;
    this.swap = Long.SIZE - Math.max(bits, Byte.SIZE);
    this.mask = -1L >>> (Long.SIZE - bits);
    this.lowBits = Long.divideUnsigned(-1L, mask);
  }

  /**
   * The width of {@code 2^refcountOrder} bits.
   *
   * @param refcountOrder 0 to 6
   * @throws IllegalArgumentException outside that range
   */
  public static RefcountWidth of(int refcountOrder) {
    if (refcountOrder < 0 || refcountOrder > Geometry.MAX_REFCOUNT_ORDER) {
      throw new IllegalArgumentException("refcount order " + refcountOrder + " not in 0..6");
    }
    return BY_ORDER[refcountOrder];
  }

  /** Bits in a count: 1, 2, 4, 8, 16, 32 or 64. */
  public int bits() {
    return 1 << order;
  }

  /** The largest count: 2^bits - 1, or 2^63 - 1 for the width of 64 bits. */
  public long max() {
    return mask & Long.MAX_VALUE;
  }

  /** Counts in a 64-bit word. */
  public int entriesPerWord() {
    return 1 << wordShift;
  }

  /** The count at {@code index}. */
  public long get(long[] words, int index) {
    long count = (words[index >>> wordShift] >>> shift(index)) & mask;
    return count < 0 ? Long.MAX_VALUE : count;
  }

  /**
   * Replaces the count at {@code index}.
   *
   * @throws IllegalArgumentException if {@code count} is negative or above {@link #max()}
   */
  public void set(long[] words, int index, long count) {
    if (count < 0 || count > max()) {
      throw new IllegalArgumentException(count + " does not fit in " + bits() + " bits");
    }
    int shift = shift(index);
    int word = index >>> wordShift;
    words[word] = (words[word] & ~(mask << shift)) | (count << shift);
  }

  /**
   * Replaces the counts of all indexes in {@code [from, to)}. Goes word by word.
   *
   * @throws IllegalArgumentException if {@code count} is negative or above {@link #max()}
   */
  public void fill(long[] words, int from, int to, long count) {
    Objects.checkFromToIndex(from, to, words.length << wordShift);
    int wholeFrom = Math.min(to, (from + entriesPerWord() - 1) & -entriesPerWord());
    int wholeTo = Math.max(wholeFrom, to & -entriesPerWord());
    for (int index = from; index < wholeFrom; index++) {
      set(words, index, count);
    }
    if (wholeFrom < wholeTo) {
      set(words, wholeFrom, count);
      Arrays.fill(words, wholeFrom >>> wordShift, wholeTo >>> wordShift, lowBits * count);
    }
    for (int index = wholeTo; index < to; index++) {
      set(words, index, count);
    }
  }

  /** The first index in {@code [from, to)} whose count is 0, or {@code to}. Goes word by word. */
  public int nextFree(long[] words, int from, int to) {
    Objects.checkFromToIndex(from, to, words.length << wordShift);
    for (int index = from; index < to; index = nextWord(index)) {
      long word = words[index >>> wordShift];
      // Where an image is full and has no snapshots, all counts are 1: told apart first.
      if (word != lowBits) {
        int found = firstNonZero(zeroes(word), index);
        if (found >= 0) {
          return Math.min(found, to);
        }
      }
    }
    return to;
  }

  /**
   * The first index in {@code [from, to)} whose count is not 0, or {@code to}. Goes word by word.
   */
  public int nextUsed(long[] words, int from, int to) {
    return nextOther(words, from, to, 0);
  }

  /**
   * The first index in {@code [from, to)} whose count is another than {@code count}, or {@code to}.
   * Goes word by word. A 64-bit count of 2^63 or more is always another.
   *
   * @param count 0 to {@link #max()}
   */
  public int nextOther(long[] words, int from, int to, long count) {
    Objects.checkFromToIndex(from, to, words.length << wordShift);
    long same = lowBits * count;
    for (int index = from; index < to; index = nextWord(index)) {
      long different = words[index >>> wordShift] ^ same;
      if (different != 0) {
        int found = firstNonZero(different, index);
        if (found >= 0) {
          return Math.min(found, to);
        }
      }
    }
    return to;
  }

  /** A word whose counts are not 0 exactly where those of {@code word} are. */
  private long zeroes(long word) {
    long highBits = lowBits << (bits() - 1);
    // No carry leaves a count: its high bit is set from below unless all other bits are 0.
    return ~(((word & ~highBits) + ~highBits) | word) & highBits;
  }

  /** The first index from {@code from} on, in the same word, whose count is not 0, or -1. */
  private int firstNonZero(long word, int from) {
    int skipped = (from & (entriesPerWord() - 1)) << order;
    int bits;
    if (swap == Long.SIZE - Byte.SIZE) {
      bits = Long.numberOfTrailingZeros(Long.reverseBytes(word) >>> skipped);
    } else {
      bits = Long.numberOfLeadingZeros(word << skipped);
    }
    return bits == Long.SIZE ? -1 : from + (bits >>> order);
  }

  private int nextWord(int index) {
    return (index | (entriesPerWord() - 1)) + 1;
  }

  private int shift(int index) {
    return ((index & (entriesPerWord() - 1)) << order) ^ swap;
  }

  @Override
  public String toString() {
    return bits() + " bits";
  }
}
