package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class GeometryTest {
  static List<Geometry> everyGeometry() {
    List<Geometry> all = new ArrayList<>();
    for (int clusterBits = 9; clusterBits <= 21; clusterBits++) {
      all.add(new Geometry(2, clusterBits, 4, false));
      for (int order = 0; order <= 6; order++) {
        all.add(new Geometry(3, clusterBits, order, false));
        if (clusterBits >= 14) {
          all.add(new Geometry(3, clusterBits, order, true));
        }
      }
    }
    return all;
  }

  /** Offsets just below, at and just above each power of two where shifts go wrong. */
  private static List<Long> offsetsAtBitEdges() {
    List<Long> offsets = new ArrayList<>(List.of(0L, 1L, 511L, 512L, 123_456_789L));
    for (int bit : new int[] {9, 14, 16, 21, 31, 32, 55, 56, 62}) {
      offsets.addAll(List.of((1L << bit) - 1, 1L << bit, (1L << bit) + 1));
    }
    offsets.add(Long.MAX_VALUE);
    return offsets;
  }

  @ParameterizedTest
  @MethodSource("everyGeometry")
  void indexesOfAnOffsetAddUpToTheOffset(Geometry g) {
    for (long offset : offsetsAtBitEdges()) {
      BigInteger[] cluster = divide(offset, g.clusterSize());
      BigInteger[] table = cluster[0].divideAndRemainder(BigInteger.valueOf(g.l2Entries()));
      assertThat(g.clusterIndex(offset)).isEqualTo(cluster[0].longValueExact());
      assertThat(g.offsetInCluster(offset)).isEqualTo(cluster[1].longValueExact());
      assertThat(g.l1Index(offset)).isEqualTo(table[0].longValueExact());
      assertThat(g.l2Index(offset)).isEqualTo(table[1].intValueExact());
      assertThat(g.subclusterIndex(offset))
          .isEqualTo(cluster[1].intValueExact() / g.subclusterSize());
      assertThat(g.isClusterAligned(offset)).isEqualTo(cluster[1].signum() == 0);
      assertThat(g.roundDownToCluster(offset)).isEqualTo(offset - g.offsetInCluster(offset));
    }
  }

  @ParameterizedTest
  @MethodSource("everyGeometry")
  void countsRoundUpWithoutOverflow(Geometry g) {
    for (long bytes : offsetsAtBitEdges()) {
      assertThat(g.clustersFor(bytes)).isEqualTo(ceiling(bytes, g.clusterSize()));
      assertThat(g.l1EntriesFor(bytes)).isEqualTo(ceiling(bytes, g.bytesPerL2Table()));
    }
  }

  @ParameterizedTest
  @MethodSource("everyGeometry")
  void roundingUpStopsAtTheLastClusterBoundaryOfALong(Geometry g) {
    long lastBoundary = Long.MAX_VALUE - g.clusterMask();
    assertThat(g.roundUpToCluster(lastBoundary)).isEqualTo(lastBoundary);
    assertThat(g.roundUpToCluster(lastBoundary - 1)).isEqualTo(lastBoundary);
    assertThat(g.roundUpToCluster(1)).isEqualTo(g.clusterSize());
    assertThat(g.roundUpToCluster(0)).isZero();
    assertThatThrownBy(() -> g.roundUpToCluster(lastBoundary + 1))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @ParameterizedTest
  @MethodSource("everyGeometry")
  void tablesFillOneCluster(Geometry g) {
    assertThat((long) g.l2Entries() * g.l2EntryBytes()).isEqualTo(g.clusterSize());
    assertThat(g.l2EntryWords() * Long.BYTES).isEqualTo(g.l2EntryBytes());
    assertThat(g.l2Entries()).isEqualTo(1 << g.l2Bits());
    assertThat(g.refcountsPerBlock() * g.refcountBits()).isEqualTo(8L * g.clusterSize());
    assertThat(g.subclusterSize() * g.subclustersPerCluster()).isEqualTo(g.clusterSize());
    assertThat(g.subclusterSize()).isEqualTo(1 << g.subclusterBits()).isGreaterThanOrEqualTo(512);
    assertThat(g.bytesPerL2Table()).isEqualTo((long) g.l2Entries() * g.clusterSize());
  }

  @ParameterizedTest
  @MethodSource("everyGeometry")
  void refcountIndexesAddUpToTheCluster(Geometry g) {
    for (long offset : offsetsAtBitEdges()) {
      long cluster = g.clusterIndex(offset);
      assertThat(
              g.refcountTableIndex(cluster) * g.refcountsPerBlock() + g.refcountBlockIndex(cluster))
          .isEqualTo(cluster);
      assertThat((long) g.refcountBlockIndex(cluster)).isBetween(0L, g.refcountsPerBlock() - 1);
    }
  }

  /** The sizes at which qemu-img 7.2 starts to refuse: 32 MiB of L1 table. */
  @ParameterizedTest
  @CsvSource({"9,false,37", "16,false,51", "21,false,61", "16,true,50", "21,true,60"})
  void largestDiskFillsAnL1TableOf32Mebibytes(int clusterBits, boolean extended, int sizeBits) {
    Geometry g = new Geometry(3, clusterBits, 4, extended);
    assertThat(g.l1EntriesFor(1L << sizeBits)).isEqualTo(Limits.DEFAULT.l1Bytes() / 8);
    assertThat(g.l1EntriesFor((1L << sizeBits) + 1)).isEqualTo(Limits.DEFAULT.l1Bytes() / 8 + 1);
  }

  @ParameterizedTest
  @CsvSource({
    "1,16,4,false",
    "4,16,4,false",
    "3,8,4,false",
    "3,22,4,false",
    "3,16,-1,false",
    "3,16,7,false",
    "2,16,3,false",
    "2,16,4,true",
    "3,13,4,true"
  })
  void geometriesOutsideTheFormatAreRefused(
      int version, int clusterBits, int refcountOrder, boolean extendedL2) {
    assertThatThrownBy(() -> new Geometry(version, clusterBits, refcountOrder, extendedL2))
        .isInstanceOf(IllegalArgumentException.class);
  }

  private static BigInteger[] divide(long value, long divisor) {
    return BigInteger.valueOf(value).divideAndRemainder(BigInteger.valueOf(divisor));
  }

  private static long ceiling(long value, long divisor) {
    BigInteger[] parts = divide(value, divisor);
    return parts[0].add(parts[1].signum() == 0 ? BigInteger.ZERO : BigInteger.ONE).longValueExact();
  }
}
