package io.github.qcow2.cache;

import static org.assertj.core.api.Assertions.assertThat;

import java.lang.management.ManagementFactory;
import java.util.HashSet;
import java.util.Set;
import org.junit.jupiter.api.Test;

/** What the contract of all caches leaves open. */
class ClockCacheTest {
  /** Always agrees to go. */
  private record CleanSlice(long offset) implements MetadataCache.Slice {
    @Override
    public boolean tryEvict() {
      return true;
    }
  }

  @Test
  void nothingIsEvictedBeforeTheBudgetIsUsedUp() {
    for (long distance : new long[] {512, 4096, 65536, 1 << 21, 1L << 29, 3 * 4096}) {
      for (int budget : new int[] {1, 2, 3, 31, 32, 1000}) {
        ClockCache<CleanSlice> cache = new ClockCache<>(budget);

        for (int i = 0; i < budget; i++) {
          cache.putIfAbsent(new CleanSlice(i * distance));
        }

        assertThat(cache.statistics().residentSlices()).isEqualTo(budget);
        for (int i = 0; i < budget; i++) {
          assertThat(cache.get(i * distance)).as("%d of %d", i, budget).isNotNull();
        }
      }
    }
  }

  @Test
  void sliceInUseOutlivesAStreamOfSlicesUsedOnce() {
    ClockCache<CleanSlice> cache = new ClockCache<>(512);
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
    ClockCache<CleanSlice> cache = new ClockCache<>(64);
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

  private static int hits(ClockCache<CleanSlice> cache, int rounds) {
    int found = 0;
    for (int i = 0; i < rounds; i++) {
      if (cache.get(1L << 40) != null) {
        found++;
      }
    }
    return found;
  }
}
