package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class L2EntryTest {
  private static final Geometry STANDARD = new Geometry(3, 16, 4, false);
  private static final Geometry EXTENDED = new Geometry(3, 16, 4, true);
  private static final Geometry VERSION_2 = new Geometry(2, 16, 4, false);

  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, false, UNALLOCATED",
    "0x0000000000000001, false, ZERO_PLAIN",
    "0x8000000000050000, false, NORMAL",
    "0x0000000000050000, false, NORMAL",
    "0x8000000000060001, false, ZERO_ALLOCATED",
    "0x5240000000050000, false, COMPRESSED",
    "0x4000000000000001, false, COMPRESSED",
    "0x8000000000000000, false, UNALLOCATED",
    "0x8000000000000000, true, NORMAL",
    "0x0000000000000000, true, UNALLOCATED",
    "0x0000000000000001, true, ZERO_PLAIN",
    "0x8000000000080000, true, NORMAL"
  })
  void typeOfAStandardEntry(String entry, boolean dataFile, ClusterType type) {
    assertThat(L2Entry.type(word(entry), STANDARD, dataFile)).isEqualTo(type);
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, false, UNALLOCATED",
    "0x0000000000000001, false, UNALLOCATED",
    "0x8000000000050001, false, NORMAL",
    "0x5240000000050000, false, COMPRESSED",
    "0x8000000000000001, true, NORMAL"
  })
  void bitZeroOfAnExtendedEntryIsIgnored(String entry, boolean dataFile, ClusterType type) {
    assertThat(L2Entry.type(word(entry), EXTENDED, dataFile)).isEqualTo(type);
  }

  @Test
  void masksCoverTheWordOnce() {
    assertThat(L2Entry.OFFSET_MASK | L2Entry.RESERVED | 1L | (1L << 62) | (1L << 63)).isEqualTo(-1);
    assertThat(Long.bitCount(L2Entry.OFFSET_MASK) + Long.bitCount(L2Entry.RESERVED)).isEqualTo(61);
    assertThat(L1Entry.OFFSET_MASK | L1Entry.RESERVED | (1L << 63)).isEqualTo(-1);
    assertThat(Long.bitCount(L1Entry.OFFSET_MASK) + Long.bitCount(L1Entry.RESERVED)).isEqualTo(63);
  }

  @Test
  void entriesHoldOffsetsUpToBit55() {
    long highest = (1L << 56) - 512;
    assertThat(L2Entry.normal(highest, true)).isEqualTo(0x80ff_ffff_ffff_fe00L);
    assertThat(L2Entry.offset(L2Entry.normal(highest, true))).isEqualTo(highest);
    assertThat(L2Entry.copied(L2Entry.normal(highest, false))).isFalse();
    assertThat(L2Entry.zeroAllocated(0x60000, true)).isEqualTo(0x8000_0000_0006_0001L);
    assertThat(L1Entry.of(highest, true)).isEqualTo(0x80ff_ffff_ffff_fe00L);
    assertThat(L1Entry.offset(L1Entry.of(highest, true))).isEqualTo(highest);
    assertThat(L1Entry.copied(L1Entry.of(highest, true))).isTrue();
    assertThat(L1Entry.of(0x40000, false)).isEqualTo(0x40000);
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 511, 513, 1L << 56, 1L << 62, Long.MIN_VALUE, -512})
  void offsetsThatNoEntryHoldsAreRefused(long offset) {
    assertThatThrownBy(() -> L1Entry.of(offset, true)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> L2Entry.normal(offset, true))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void reservedBitsAreReportedButDoNotBreakAnEntry() {
    long entry = 0x8000_0000_0005_0000L | 0x3f00_0000_0000_01feL;
    assertThat(L2Entry.reservedBits(entry, STANDARD)).isEqualTo(L2Entry.RESERVED);
    assertThat(L2Entry.brokenRule(entry, 0, STANDARD, false, 0)).isNull();
    assertThat(L2Entry.reservedBits(0x50001, STANDARD)).isZero();
    assertThat(L2Entry.reservedBits(0x50001, EXTENDED)).isEqualTo(1);
    assertThat(L2Entry.reservedBits(-1L, STANDARD)).isZero();
  }

  @ParameterizedTest
  @CsvSource({
    "0x8000000000050200, not cluster aligned",
    "0x0000000000000200, not cluster aligned",
    "0x8000000000050201, not cluster aligned",
    "0x4000000000000000, cluster 0",
    "0x400000000000ffff, cluster 0"
  })
  void entriesThatCannotBeFollowed(String entry, String rule) {
    assertThat(L2Entry.brokenRule(word(entry), 0, STANDARD, false, 0)).contains(rule);
  }

  @Test
  void compressedDataMustLieBelow2To56() {
    Geometry small = new Geometry(3, 9, 4, false);
    long last = CompressedDescriptor.encode((1L << 56) - 512, 512, 9);
    assertThat(L2Entry.brokenRule(last, 0, small, false, 0)).isNull();
    assertThat(L2Entry.brokenRule(last + 512, 0, small, false, 0)).contains("2^56");
    assertThat(L2Entry.brokenRule(last | 1L << 60, 0, small, false, 0)).contains("2^56");
  }

  @Test
  void zeroFlagNeedsVersion3() {
    assertThat(L2Entry.brokenRule(1, 0, VERSION_2, false, 0)).contains("version 2");
    assertThat(L2Entry.brokenRule(0x50001, 0, VERSION_2, false, 0)).contains("version 2");
    assertThat(L2Entry.brokenRule(0x50000, 0, VERSION_2, false, 0)).isNull();
    assertThat(L2Entry.brokenRule(1, 0, STANDARD, false, 0)).isNull();
  }

  @Test
  void dataFileMapsEachClusterToItself() {
    assertThat(L2Entry.brokenRule(L2Entry.normal(0x80000, true), 0, STANDARD, true, 0x80123))
        .isNull();
    assertThat(L2Entry.brokenRule(L2Entry.normal(0, true), 0, STANDARD, true, 0)).isNull();
    assertThat(L2Entry.brokenRule(L2Entry.normal(0, true), 0, STANDARD, true, 0x10000))
        .contains("differs");
    assertThat(L2Entry.brokenRule(0x80001, 0, STANDARD, true, 0)).contains("differs");
    assertThat(L2Entry.brokenRule(1, 0, STANDARD, true, 0x10000)).isNull();
    assertThat(L2Entry.brokenRule(0, 0, STANDARD, true, 0x10000)).isNull();
    assertThat(L2Entry.brokenRule(0x5240_0000_0005_0000L, 0, STANDARD, true, 0))
        .contains("external data file");
  }

  @Test
  void extendedEntriesAnswerForTheirBitmap() {
    long entry = L2Entry.normal(0x50000, true);
    assertThat(L2Entry.brokenRule(entry, SubclusterBitmap.ALL_ALLOCATED, EXTENDED, false, 0))
        .isNull();
    assertThat(L2Entry.brokenRule(entry, -1, EXTENDED, false, 0)).contains("both");
    assertThat(L2Entry.brokenRule(0, 1, EXTENDED, false, 0)).contains("without a host cluster");
    assertThat(L2Entry.brokenRule(0, SubclusterBitmap.ALL_ZERO, EXTENDED, false, 0)).isNull();
    assertThat(L2Entry.brokenRule(1L << 63, 1, EXTENDED, true, 0)).isNull();
    assertThat(L2Entry.brokenRule(0x5240_0000_0005_0000L, 1L << 32, EXTENDED, false, 0))
        .contains("bitmap");
  }

  private static long word(String hex) {
    return Long.parseUnsignedLong(hex.substring(2), 16);
  }
}
