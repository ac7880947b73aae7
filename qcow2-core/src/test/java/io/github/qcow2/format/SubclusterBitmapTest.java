package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class SubclusterBitmapTest {
  /** What qemu-io 7.2 leaves after "write 4k 4k" and "write -z 16k 8k" with 128 KiB clusters. */
  @Test
  void wordsThatQemuWrites() {
    assertThat(SubclusterBitmap.withZero(SubclusterBitmap.allocated(1, 2), 4, 6))
        .isEqualTo(0x0000_0030_0000_0002L);
    assertThat(SubclusterBitmap.zero(0, 1)).isEqualTo(0x0000_0001_0000_0000L);
  }

  @Test
  void wholeClusterRanges() {
    assertThat(SubclusterBitmap.allocated(0, 32)).isEqualTo(SubclusterBitmap.ALL_ALLOCATED);
    assertThat(SubclusterBitmap.zero(0, 32)).isEqualTo(SubclusterBitmap.ALL_ZERO);
    assertThat(SubclusterBitmap.allocated(7, 7)).isZero();
    assertThat(SubclusterBitmap.zero(32, 32)).isZero();
  }

  @Property
  void rangesSetExactlyTheirBits(
      @ForAll @IntRange(max = 32) int a, @ForAll @IntRange(max = 32) int b, @ForAll long bitmap) {
    int from = Math.min(a, b);
    int to = Math.max(a, b);
    long allocated = SubclusterBitmap.withAllocated(bitmap, from, to);
    long zero = SubclusterBitmap.withZero(bitmap, from, to);
    for (int i = 0; i < 32; i++) {
      boolean inside = i >= from && i < to;
      boolean wasAllocated = SubclusterBitmap.isAllocated(bitmap, i);
      boolean wasZero = SubclusterBitmap.isZero(bitmap, i);
      assertThat(SubclusterBitmap.isAllocated(allocated, i)).isEqualTo(inside || wasAllocated);
      assertThat(SubclusterBitmap.isZero(allocated, i)).isEqualTo(!inside && wasZero);
      assertThat(SubclusterBitmap.isAllocated(zero, i)).isEqualTo(!inside && wasAllocated);
      assertThat(SubclusterBitmap.isZero(zero, i)).isEqualTo(inside || wasZero);
    }
  }

  @Property
  void runsEndWhereABitChanges(
      @ForAll long bitmap,
      @ForAll @IntRange(max = 31) int from,
      @ForAll @IntRange(min = 1, max = 32) int length,
      @ForAll @IntRange(max = 32) int plainFrom) {
    int to = Math.min(32, from + length);
    long mixed = SubclusterBitmap.withAllocated(bitmap, Math.min(plainFrom, 32), 32);
    int expected = 1;
    while (from + expected < to && same(mixed, from, from + expected)) {
      expected++;
    }
    assertThat(SubclusterBitmap.runLength(mixed, from, to)).isEqualTo(expected);
  }

  private static boolean same(long bitmap, int i, int j) {
    return SubclusterBitmap.isAllocated(bitmap, i) == SubclusterBitmap.isAllocated(bitmap, j)
        && SubclusterBitmap.isZero(bitmap, i) == SubclusterBitmap.isZero(bitmap, j);
  }

  @Test
  void uniformBitmapsAreOneRun() {
    assertThat(SubclusterBitmap.runLength(0, 0, 32)).isEqualTo(32);
    assertThat(SubclusterBitmap.runLength(SubclusterBitmap.ALL_ZERO, 0, 32)).isEqualTo(32);
    assertThat(SubclusterBitmap.runLength(SubclusterBitmap.ALL_ALLOCATED, 31, 32)).isEqualTo(1);
  }

  @Test
  void rangesOutsideTheClusterAreRefused() {
    assertThatThrownBy(() -> SubclusterBitmap.runLength(0, 3, 3))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> SubclusterBitmap.runLength(0, 0, 33))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void typeCombinesBothWords() {
    long bitmap = 0x0000_0030_0000_0002L;
    assertThat(SubclusterBitmap.type(ClusterType.NORMAL, bitmap, 1)).isEqualTo(ClusterType.NORMAL);
    assertThat(SubclusterBitmap.type(ClusterType.NORMAL, bitmap, 4))
        .isEqualTo(ClusterType.ZERO_ALLOCATED);
    assertThat(SubclusterBitmap.type(ClusterType.NORMAL, bitmap, 0))
        .isEqualTo(ClusterType.UNALLOCATED);
    assertThat(SubclusterBitmap.type(ClusterType.UNALLOCATED, 1L << 32, 0))
        .isEqualTo(ClusterType.ZERO_PLAIN);
    assertThat(SubclusterBitmap.type(ClusterType.UNALLOCATED, 1L << 32, 1))
        .isEqualTo(ClusterType.UNALLOCATED);
    assertThat(SubclusterBitmap.type(ClusterType.COMPRESSED, 0, 31))
        .isEqualTo(ClusterType.COMPRESSED);
  }

  @Test
  void allocatedAndZeroAreDisjointAndAllocationNeedsAHostCluster() {
    assertThat(SubclusterBitmap.brokenRule(0x0000_0001_0000_0001L, true)).isNotNull();
    assertThat(SubclusterBitmap.brokenRule(0x0000_0001_0000_0002L, true)).isNull();
    assertThat(SubclusterBitmap.brokenRule(1, false)).isNotNull();
    assertThat(SubclusterBitmap.brokenRule(1L << 63, false)).isNull();
  }
}
