package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class RefcountWidthTest {
  private static final int BYTES = 512;

  /** The format's own words: bytes, little end first below 8 bits, big-endian above. */
  private static long byteWise(byte[] block, int bits, int index) {
    if (bits < 8) {
      int perByte = 8 / bits;
      return (block[index / perByte] >> (bits * (index % perByte))) & ((1 << bits) - 1);
    }
    long count = 0;
    for (int i = 0; i < bits / 8; i++) {
      count = count << 8 | (block[index * (bits / 8) + i] & 0xff);
    }
    return count;
  }

  private static long[] words(byte[] block) {
    long[] words = new long[block.length / 8];
    ByteBuffer.wrap(block).asLongBuffer().get(words);
    return words;
  }

  private static byte[] bytes(long[] words) {
    ByteBuffer buffer = ByteBuffer.allocate(words.length * 8);
    buffer.asLongBuffer().put(words);
    return buffer.array();
  }

  private static byte[] randomBlock(int seed) {
    byte[] block = new byte[BYTES];
    new Random(seed).nextBytes(block);
    return block;
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6})
  void readsWhatTheBytesSay(int order) {
    RefcountWidth width = RefcountWidth.of(order);
    byte[] block = randomBlock(order);
    long[] words = words(block);
    for (int i = 0; i < BYTES * 8 / width.bits(); i++) {
      long expected = byteWise(block, width.bits(), i);
      assertThat(width.get(words, i)).isEqualTo(expected < 0 ? Long.MAX_VALUE : expected);
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6})
  void settingOneCountLeavesAllOthers(int order) {
    RefcountWidth width = RefcountWidth.of(order);
    int counts = BYTES * 8 / width.bits();
    Random random = new Random(order);
    for (int round = 0; round < 200; round++) {
      byte[] before = randomBlock(round);
      long[] words = words(before);
      int index = random.nextInt(counts);
      long count = random.nextLong() & width.max();
      width.set(words, index, count);
      byte[] after = bytes(words);
      for (int i = 0; i < counts; i++) {
        long expected = i == index ? count : byteWise(before, width.bits(), i);
        assertThat(byteWise(after, width.bits(), i)).isEqualTo(expected);
      }
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6})
  void scansFindWhatALoopOverAllCountsFinds(int order) {
    RefcountWidth width = RefcountWidth.of(order);
    int counts = BYTES * 8 / width.bits();
    Random random = new Random(order);
    for (int round = 0; round < 100; round++) {
      long[] words = new long[BYTES / 8];
      int changes = random.nextInt(4);
      boolean mostlyUsed = random.nextBoolean();
      for (int i = 0; mostlyUsed && i < counts; i++) {
        width.set(words, i, 1 + random.nextInt((int) Math.min(width.max(), 1000)));
      }
      for (int i = 0; i < changes; i++) {
        width.set(words, random.nextInt(counts), mostlyUsed ? 0 : width.max());
      }
      int from = random.nextInt(counts);
      int to = from + random.nextInt(counts - from + 1);
      assertThat(width.nextFree(words, from, to)).isEqualTo(next(width, words, from, to, true));
      assertThat(width.nextUsed(words, from, to)).isEqualTo(next(width, words, from, to, false));
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6})
  void rangesAreFilledAndScannedAsIfOneByOne(int order) {
    RefcountWidth width = RefcountWidth.of(order);
    int counts = BYTES * 8 / width.bits();
    Random random = new Random(order);
    for (int round = 0; round < 200; round++) {
      long[] words = words(round % 2 == 0 ? randomBlock(round) : new byte[BYTES]);
      int from = random.nextInt(counts);
      int to = from + random.nextInt(counts - from + 1);
      long count = random.nextLong() & width.max();
      long[] expected = words.clone();
      for (int i = from; i < to; i++) {
        width.set(expected, i, count);
      }
      width.fill(words, from, to, count);
      assertThat(words).isEqualTo(expected);

      width.set(words, random.nextInt(counts), random.nextLong() & width.max());
      int next = from;
      while (next < counts && width.get(words, next) == count) {
        next++;
      }
      assertThat(width.nextOther(words, from, counts, count)).isEqualTo(next);
      assertThat(width.nextOther(words, from, to, count)).isEqualTo(Math.min(next, to));
    }
  }

  private static int next(RefcountWidth width, long[] words, int from, int to, boolean free) {
    for (int i = from; i < to; i++) {
      if ((width.get(words, i) == 0) == free) {
        return i;
      }
    }
    return to;
  }

  @Test
  void sixteenBitCountsStartAtTheTopOfTheWord() {
    long[] words = {0x0001_0002_0003_0004L};
    RefcountWidth width = RefcountWidth.of(4);
    assertThat(width.get(words, 0)).isEqualTo(1);
    assertThat(width.get(words, 3)).isEqualTo(4);
  }

  @Test
  void singleBitsStartAtTheBottomOfEachByte() {
    long[] words = {0x0180_0000_0000_0000L};
    RefcountWidth width = RefcountWidth.of(0);
    assertThat(width.nextUsed(words, 0, 64)).isZero();
    assertThat(width.nextUsed(words, 1, 64)).isEqualTo(15);
  }

  @Test
  void countsOf64BitsAreNeverNegative() {
    RefcountWidth width = RefcountWidth.of(6);
    long[] words = {-1, Long.MIN_VALUE, 5};
    assertThat(width.get(words, 0)).isEqualTo(Long.MAX_VALUE).isEqualTo(width.max());
    assertThat(width.get(words, 1)).isEqualTo(Long.MAX_VALUE);
    assertThat(width.get(words, 2)).isEqualTo(5);
    assertThat(width.nextFree(words, 0, 3)).isEqualTo(3);
    assertThat(width.nextOther(words, 0, 3, width.max())).isZero();
  }

  @ParameterizedTest
  @ValueSource(ints = {0, 1, 2, 3, 4, 5, 6})
  void countsThatDoNotFitAreRefused(int order) {
    RefcountWidth width = RefcountWidth.of(order);
    long[] words = new long[1];
    assertThatThrownBy(() -> width.set(words, 0, -1)).isInstanceOf(IllegalArgumentException.class);
    if (order < 6) {
      assertThat(width.max()).isEqualTo((1L << width.bits()) - 1);
      assertThatThrownBy(() -> width.set(words, 0, width.max() + 1))
          .isInstanceOf(IllegalArgumentException.class);
    }
    assertThatThrownBy(() -> width.fill(words, 0, 1, -1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThat(words).containsOnly(0);
  }

  @Test
  void ordersOutsideTheFormatAreRefused() {
    assertThatThrownBy(() -> RefcountWidth.of(7)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> RefcountWidth.of(-1)).isInstanceOf(IllegalArgumentException.class);
  }
}
