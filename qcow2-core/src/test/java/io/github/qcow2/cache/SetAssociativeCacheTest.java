package io.github.qcow2.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the contract of all caches leaves open. */
class SetAssociativeCacheTest {
  /** Always agrees to go. */
  private record CleanSlice(long offset) implements MetadataCache.Slice {
    @Override
    public boolean tryEvict() {
      return true;
    }
  }

  @Test
  void budgetIsUsedButForLessThanOneSlicePerSet() {
    for (int budget = 1; budget < 5000; budget++) {
      int used = new SetAssociativeCache<CleanSlice>(budget).statistics().budgetSlices();

      int sets = Math.max(1, Integer.highestOneBit(budget / 8));
      assertThat(used).isBetween(budget - sets + 1, budget);
    }
  }

  @Test
  void regularlySpacedOffsetsFillNearlyTheWholeCache() {
    for (long distance : new long[] {512, 4096, 65536, 1 << 21, 1L << 29, 3 * 4096}) {
      SetAssociativeCache<CleanSlice> cache = new SetAssociativeCache<>(1024);

      for (int i = 0; i < 1024; i++) {
        cache.putIfAbsent(new CleanSlice(i * distance));
      }

      assertThat(cache.statistics().residentSlices())
          .as("distance %d", distance)
          .isGreaterThan(800);
    }
  }

  @Test
  void sliceInUseOutlivesAStreamOfSlicesUsedOnce() {
    SetAssociativeCache<CleanSlice> cache = new SetAssociativeCache<>(512);
    Set<CleanSlice> hot = new HashSet<>();
    for (int i = 0; i < 64; i++) {
      hot.add(cache.putIfAbsent(new CleanSlice(i * 4096L)));
    }

    for (int i = 64; i < 20_000; i++) {
      hot.forEach(slice -> cache.get(slice.offset()));
      cache.putIfAbsent(new CleanSlice(i * 4096L));
    }

    assertThat(hot).allMatch(slice -> cache.get(slice.offset()) != null);
  }

  @Test
  void hitAllocatesNothing() {
    var threads = (com.sun.management.ThreadMXBean) ManagementFactory.getThreadMXBean();
    SetAssociativeCache<CleanSlice> cache = new SetAssociativeCache<>(64);
    cache.putIfAbsent(new CleanSlice(1L << 40));
    int rounds = 100_000;
    int found = hits(cache, rounds);
    long before = threads.getCurrentThreadAllocatedBytes();

    found += hits(cache, rounds);

    long allocated = threads.getCurrentThreadAllocatedBytes() - before;
    assertThat(found).isEqualTo(2 * rounds);
    assertThat(allocated / rounds).isZero();
    assertThat(cache.statistics().hits()).isEqualTo(2L * rounds);
  }

  private static int hits(SetAssociativeCache<CleanSlice> cache, int rounds) {
    int found = 0;
    for (int i = 0; i < rounds; i++) {
      if (cache.get(1L << 40) != null) {
        found++;
      }
    }
    return found;
  }
}
