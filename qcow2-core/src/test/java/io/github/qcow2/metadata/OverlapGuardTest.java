package io.github.qcow2.metadata;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.EnumSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** No write hits a cluster of another kind (I7). */
final class OverlapGuardTest {
  private static final int CLUSTER_BITS = 9;
  private static final int CLUSTER = 1 << CLUSTER_BITS;
  private static final Set<ClusterKind> ALL = EnumSet.complementOf(EnumSet.of(ClusterKind.DATA));

  private final CorruptionLatch latch = new CorruptionLatch("image");

  /** One table of each kind, at the cluster that has its number; the header is at 0. */
  private OverlapGuard guard(Set<ClusterKind> kinds) {
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, kinds, latch);
    for (ClusterKind kind : ALL) {
      long offset = offset(kind);
      switch (kind) {
        case HEADER -> {}
        case ACTIVE_L2, INACTIVE_L2, REFCOUNT_BLOCK -> guard.addCluster(kind, offset);
        default -> guard.add(kind, List.of(new OverlapGuard.Place(offset, CLUSTER)));
      }
    }
    return guard;
  }

  private static long offset(ClusterKind kind) {
    return (long) Integer.numberOfTrailingZeros(kind.bit()) * CLUSTER;
  }

  @ParameterizedTest
  @EnumSource(
      value = ClusterKind.class,
      names = {"HEADER"},
      mode = EnumSource.Mode.EXCLUDE)
  void eachKindIsKeptFromAllOthersButNotFromItself(ClusterKind written) {
    OverlapGuard guard = guard(ALL);
    for (ClusterKind hit : ALL) {
      long offset = offset(hit);
      if (hit == written) {
        assertThatCode(() -> guard.check(offset, CLUSTER, written)).doesNotThrowAnyException();
      } else {
        assertThatThrownBy(() -> guard.check(offset, CLUSTER, written))
            .isInstanceOf(CorruptImageException.class)
            .hasMessage(
                "image: offset 0x"
                    + Long.toHexString(offset)
                    + ": preventing invalid write on metadata (overlaps with "
                    + hit.text()
                    + ")");
      }
    }
  }

  @ParameterizedTest
  @EnumSource(
      value = ClusterKind.class,
      names = {"DATA"},
      mode = EnumSource.Mode.EXCLUDE)
  void onlyWhatIsProtectedIs(ClusterKind kind) throws IOException {
    Set<ClusterKind> others = EnumSet.copyOf(ALL);
    others.remove(kind);
    guard(others).check(offset(kind), CLUSTER, ClusterKind.DATA);
    OverlapGuard only = guard(EnumSet.of(kind));
    for (ClusterKind other : others) {
      only.check(offset(other), CLUSTER, ClusterKind.DATA);
    }
    assertThatThrownBy(() -> only.check(offset(kind), 1, ClusterKind.DATA))
        .isInstanceOf(CorruptImageException.class);
  }

  @Test
  void writeIsWidenedToClusters() throws IOException {
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    guard.addCluster(ClusterKind.ACTIVE_L2, 10 * CLUSTER);
    guard.add(ClusterKind.ACTIVE_L1, List.of(new OverlapGuard.Place(20 * CLUSTER, CLUSTER + 8)));
    guard.check(9 * CLUSTER, CLUSTER, ClusterKind.DATA);
    guard.check(11 * CLUSTER, 9 * CLUSTER, ClusterKind.DATA);
    guard.check(22 * CLUSTER, 1 << 20, ClusterKind.DATA);
    guard.check(10 * CLUSTER, 0, ClusterKind.DATA);
    long[][] hits = {{10, 1}, {9, CLUSTER + 1}, {11, 9 * CLUSTER + 1}, {21, 1}, {1, 1 << 20}};
    for (long[] hit : hits) {
      assertThatThrownBy(() -> guard.check(hit[0] * CLUSTER, hit[1], ClusterKind.DATA))
          .isInstanceOf(CorruptImageException.class);
    }
    assertThatThrownBy(() -> guard.check(11 * CLUSTER - 1, 1, ClusterKind.DATA))
        .isInstanceOf(CorruptImageException.class);
  }

  @Test
  void clusterThatIsSeveralTablesIsKeptFromEachOfThem() {
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    guard.addCluster(ClusterKind.ACTIVE_L2, 7 * CLUSTER);
    guard.addCluster(ClusterKind.REFCOUNT_BLOCK, 7 * CLUSTER);
    guard.add(ClusterKind.ACTIVE_L1, List.of(new OverlapGuard.Place(7 * CLUSTER, 8)));
    assertThatThrownBy(() -> guard.check(7 * CLUSTER, CLUSTER, ClusterKind.ACTIVE_L2))
        .hasMessageContaining("(overlaps with active L1 table and refcount block)");
  }

  @Test
  void preventedWriteLeavesTheFileAsItWasAndEndsAllChanges() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    storage.setSize(4 * CLUSTER);
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    guard.addCluster(ClusterKind.REFCOUNT_BLOCK, 3 * CLUSTER);
    TrackedFile file = new TrackedFile(storage, true, guard);
    byte[] ones = new byte[2 * CLUSTER];
    java.util.Arrays.fill(ones, (byte) 1);
    latch.refuseChanges();
    assertThatThrownBy(() -> file.write(ByteBuffer.wrap(ones), 2 * CLUSTER, ClusterKind.DATA))
        .isSameAs(latch.first());
    assertThat(storage.toByteArray()).containsOnly(0);
    assertThatThrownBy(latch::refuseChanges)
        .isInstanceOf(CorruptImageException.class)
        .hasMessageContaining("refcount block")
        .cause()
        .isSameAs(latch.first());
  }

  @Test
  void headerIsWrittenWhateverElseClaimsItsPlace() throws IOException {
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    guard.add(ClusterKind.INACTIVE_L1, List.of(new OverlapGuard.Place(0, CLUSTER)));
    guard.check(72, 8, ClusterKind.HEADER);
    assertThatThrownBy(() -> guard.check(72, 8, ClusterKind.DATA))
        .hasMessageContaining("(overlaps with header)");
  }

  @Test
  void placesThatNobodyCouldFollowProtectNothing() throws IOException {
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    for (long offset : new long[] {0, 5 * CLUSTER + 8, 1L << 56, Long.MIN_VALUE, -CLUSTER}) {
      guard.addCluster(ClusterKind.ACTIVE_L2, offset);
      guard.add(ClusterKind.ACTIVE_L1, List.of(new OverlapGuard.Place(offset, 1 << 20)));
    }
    guard.add(ClusterKind.ACTIVE_L1, List.of(new OverlapGuard.Place(5 * CLUSTER, 0)));
    guard.add(ClusterKind.ACTIVE_L1, List.of(new OverlapGuard.Place((1L << 56) - CLUSTER, 513)));
    guard.check(CLUSTER, 1 << 20, ClusterKind.DATA);
    guard.check((1L << 56) - CLUSTER, CLUSTER, ClusterKind.DATA);
  }

  @Test
  void tableThatMovedIsProtectedWhereItIsNow() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    storage.setSize(100 * CLUSTER);
    OverlapGuard guard = new OverlapGuard(CLUSTER_BITS, ALL, latch);
    TrackedFile file = new TrackedFile(storage, true, guard);
    TopTable l1 = TopTable.load(file, ClusterKind.ACTIVE_L1, 4 * CLUSTER, 64, BufferPool.shared());
    l1.set(3, 40 * CLUSTER | 1L << 63);
    l1.reportTo(guard);
    assertThatThrownBy(() -> guard.check(4 * CLUSTER, 1, ClusterKind.DATA)).isNotNull();
    assertThatThrownBy(() -> guard.check(40 * CLUSTER, 1, ClusterKind.DATA)).isNotNull();

    l1.set(3, 41 * CLUSTER);
    guard.check(40 * CLUSTER, 1, ClusterKind.DATA);
    assertThatThrownBy(() -> guard.check(41 * CLUSTER, 1, ClusterKind.DATA)).isNotNull();

    long[] longer = l1.copy(128);
    longer[100] = 42 * CLUSTER;
    l1.moved(8 * CLUSTER, longer);
    guard.check(4 * CLUSTER, 4 * CLUSTER, ClusterKind.DATA);
    guard.check(10 * CLUSTER, 1, ClusterKind.DATA);
    for (long cluster : new long[] {8, 9, 41, 42}) {
      assertThatThrownBy(() -> guard.check(cluster * CLUSTER, 1, ClusterKind.DATA)).isNotNull();
    }
  }

  @Test
  void rangesAgreeWithLookingAtEachOfThem() {
    List<ClusterKind> kinds = List.copyOf(ALL);
    Random random = new Random(3);
    for (int round = 0; round < 200; round++) {
      TableRanges ranges = TableRanges.NONE;
      List<TableRanges.Range> all = new java.util.ArrayList<>();
      for (int i = random.nextInt(12); i > 0; i--) {
        long first = random.nextInt(100);
        TableRanges.Range range =
            new TableRanges.Range(
                kinds.get(random.nextInt(kinds.size())), first, first + random.nextInt(30));
        all.add(range);
        ranges = ranges.with(List.of(range));
      }
      if (!all.isEmpty()) {
        ranges = ranges.without(all.remove(random.nextInt(all.size())));
      }
      for (int i = 0; i < 50; i++) {
        long first = random.nextInt(130);
        long last = first + random.nextInt(10);
        int expected = 0;
        for (TableRanges.Range range : all) {
          if (range.first() <= last && first <= range.last()) {
            expected |= range.kind().bit();
          }
        }
        assertThat(ranges.kinds(first, last)).isEqualTo(expected);
      }
    }
  }
}
