package io.github.qcow2.check;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.qcow2.error.LimitExceededException;
import java.util.Arrays;
import java.util.Random;
import java.util.TreeMap;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.LongRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

final class ReferenceCountsTest {
  private static final long CLUSTERS = 200_000;

  @Property(tries = 200)
  void everyCountIsTheLastOneSet(
      @ForAll @Size(max = 200) long[] clusters, @ForAll @Size(max = 50) long[] counts)
      throws LimitExceededException {
    ReferenceCounts references =
        new ReferenceCounts(CLUSTERS, new CheckBudget("image", 1 << 30, 0));
    TreeMap<Long, Long> expected = new TreeMap<>();
    for (int i = 0; i < clusters.length && counts.length > 0; i++) {
      long cluster = Math.floorMod(clusters[i], CLUSTERS);
      long count = counts[i % counts.length] & Long.MAX_VALUE >>> (i * 7 % 63);
      references.set(cluster, count);
      expected.put(cluster, count);
    }
    expected.forEach((cluster, count) -> assertThat(references.get(cluster)).isEqualTo(count));
    expected.values().removeIf(count -> count == 0);
    for (long at = 0; at < CLUSTERS; at++) {
      Long next = expected.ceilingKey(at);
      at = references.nextUsed(at, CLUSTERS);
      assertThat(at).isEqualTo(next == null ? CLUSTERS : next);
    }
  }

  @Property(tries = 200)
  void rangesAreFilledAndScannedAsIfClusterByCluster(@ForAll long seed)
      throws LimitExceededException {
    Random random = new Random(seed);
    CheckBudget budget = new CheckBudget("image", 1 << 30, 0);
    ReferenceCounts references = new ReferenceCounts(CLUSTERS, budget);
    long[] expected = new long[(int) CLUSTERS];
    for (int i = 0; i < 6; i++) {
      int from = random.nextInt(expected.length);
      int to = from + random.nextInt(Math.min(100_000, expected.length - from) + 1);
      long count = random.nextLong() >>> 1 >>> (random.nextBoolean() ? 62 : random.nextInt(63));
      references.fill(from, to, count);
      Arrays.fill(expected, from, to, count);
    }
    for (int from = 0; from < expected.length; from += 1 + random.nextInt(30_000)) {
      int to = from + random.nextInt(expected.length - from + 1);
      long count = random.nextBoolean() ? expected[from] : random.nextInt(3);
      int next = from;
      while (next < to && expected[next] == count) {
        next++;
      }
      assertThat(references.nextOther(from, to, count)).isEqualTo(next);
    }
  }

  @Property(tries = 50)
  void nothingIsUsedInAnEmptyRange(@ForAll @LongRange(max = CLUSTERS - 1) long from)
      throws LimitExceededException {
    ReferenceCounts references = new ReferenceCounts(CLUSTERS, new CheckBudget("image", 1000, 0));

    assertThat(references.get(from)).isZero();
    assertThat(references.nextUsed(from, CLUSTERS)).isEqualTo(CLUSTERS);
    assertThat(references.nextUsed(from, from)).isEqualTo(from);
  }

  @Test
  void memoryIsTakenPerPageAndWidth() throws LimitExceededException {
    // A page covers 32768 clusters; with one bit each it takes 4 KiB.
    ReferenceCounts onePage = new ReferenceCounts(1 << 20, new CheckBudget("image", 5000, 0));
    onePage.set(0, 1);
    onePage.set(32_767, 1);
    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> onePage.set(32_768, 1));

    ReferenceCounts wider = new ReferenceCounts(1 << 20, new CheckBudget("image", 5000, 0));
    wider.set(0, 1);
    assertThatExceptionOfType(LimitExceededException.class).isThrownBy(() -> wider.set(0, 2));
  }
}
