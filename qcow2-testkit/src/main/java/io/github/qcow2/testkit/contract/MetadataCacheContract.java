package io.github.qcow2.testkit.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.cache.MetadataCache;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicInteger;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/**
 * What every {@link MetadataCache} must do. Extend it, name the factory, and JUnit runs the rest.
 *
 * <p>Nothing is said about which slice is evicted, only that those which may not go stay and that
 * the budget is kept where slices agree to go.
 */
public abstract class MetadataCacheContract {
  private static final int SLICE_BYTES = 4096;

  /** For subclasses. */
  protected MetadataCacheContract() {}

  /** What makes the caches to be tested. */
  protected abstract MetadataCache.Factory factory();

  @Test
  public void newCacheIsEmpty() {
    MetadataCache<TestSlice> cache = factory().create(10);

    assertThat(cache.get(0)).isNull();
    assertThat(cache.statistics().residentSlices()).isZero();
    assertThat(cache.statistics().budgetSlices()).isBetween(1, 10);
  }

  @Test
  public void budgetIsAtLeastOneSlice() {
    assertThatIllegalArgumentException().isThrownBy(() -> factory().<TestSlice>create(0));
    assertThatIllegalArgumentException().isThrownBy(() -> factory().<TestSlice>create(-1));
  }

  @Test
  public void sliceIsFoundUnderItsOffsetOnly() {
    MetadataCache<TestSlice> cache = factory().create(100);
    long[] offsets = {
      0, 512, 4096, 1L << 21, 1L << 31, 1L << 32, 3L << 32, 1L << 55, Long.MAX_VALUE & -512L
    };
    List<TestSlice> slices = new ArrayList<>();
    for (long offset : offsets) {
      TestSlice slice = new TestSlice(offset).dirty();
      assertThat(cache.get(offset)).isNull();
      assertThat(cache.putIfAbsent(slice)).isSameAs(slice);
      slices.add(slice);
    }

    for (TestSlice slice : slices) {
      assertThat(cache.get(slice.offset())).isSameAs(slice);
      assertThat(cache.get(slice.offset() + 1)).isNull();
    }
  }

  @Test
  public void residentSliceIsNotReplaced() {
    MetadataCache<TestSlice> cache = factory().create(10);
    TestSlice first = new TestSlice(SLICE_BYTES);
    TestSlice second = new TestSlice(SLICE_BYTES);

    cache.putIfAbsent(first);

    assertThat(cache.putIfAbsent(second)).isSameAs(first);
    assertThat(cache.putIfAbsent(first)).isSameAs(first);
    assertThat(cache.get(SLICE_BYTES)).isSameAs(first);
    assertThat(cache.statistics().residentSlices()).isEqualTo(1);
  }

  @Test
  public void removedSliceIsForgottenWithoutBeingAsked() {
    MetadataCache<TestSlice> cache = factory().create(10);
    TestSlice slice = new TestSlice(SLICE_BYTES).dirty();
    cache.putIfAbsent(slice);

    cache.remove(SLICE_BYTES);
    cache.remove(7 * SLICE_BYTES);

    assertThat(cache.get(SLICE_BYTES)).isNull();
    assertThat(slice.timesAsked()).isZero();
    assertThat(cache.statistics().residentSlices()).isZero();
    TestSlice next = new TestSlice(SLICE_BYTES);
    assertThat(cache.putIfAbsent(next)).isSameAs(next);
  }

  @Test
  public void budgetIsKeptWhileSlicesAgreeToGo() {
    for (int budget : new int[] {1, 2, 7, 8, 15, 16, 17, 31, 100}) {
      MetadataCache<TestSlice> cache = factory().create(budget);
      List<TestSlice> slices = new ArrayList<>();
      for (int i = 0; i < 3 * budget + 5; i++) {
        TestSlice slice = new TestSlice((long) i * SLICE_BYTES);
        slices.add(slice);
        cache.putIfAbsent(slice);
        assertThat(cache.get(slice.offset())).as("the slice just put").isSameAs(slice);
        assertThat(cache.statistics().residentSlices()).isLessThanOrEqualTo(budget);
      }

      for (TestSlice slice : slices) {
        assertThat(cache.get(slice.offset())).isSameAs(slice.isDead() ? null : slice);
      }
      assertThat(slices.stream().filter(TestSlice::isDead).count())
          .isEqualTo(cache.statistics().evictions());
    }
  }

  @Test
  public void slicesThatMayNotGoStayBeyondTheBudget() {
    MetadataCache<TestSlice> cache = factory().create(20);
    List<TestSlice> slices = dirtySlices(cache, 100);

    assertAllResident(cache, slices);
    assertThat(cache.statistics().residentSlices()).isEqualTo(100);
    assertThat(cache.statistics().overBudgetSlices()).isGreaterThanOrEqualTo(80);
    assertThat(cache.statistics().evictions()).isZero();
    cache.trim();
    assertAllResident(cache, slices);
  }

  @Test
  public void trimReturnsToTheBudgetOnceSlicesMayGo() {
    MetadataCache<TestSlice> cache = factory().create(20);
    List<TestSlice> slices = dirtySlices(cache, 100);
    for (TestSlice slice : slices) {
      assertThat(slice.isDead()).isFalse();
      slice.clean();
    }

    cache.trim();

    assertThat(cache.statistics().residentSlices()).isBetween(1, 20);
    assertThat(cache.statistics().overBudgetSlices()).isZero();
    for (TestSlice slice : slices) {
      assertThat(cache.get(slice.offset())).isSameAs(slice.isDead() ? null : slice);
    }
  }

  @Test
  public void trimWithinTheBudgetEvictsNothing() {
    MetadataCache<TestSlice> cache = factory().create(1);
    TestSlice slice = new TestSlice(0);
    cache.putIfAbsent(slice);

    cache.trim();

    assertThat(cache.get(0)).isSameAs(slice);
    assertThat(slice.timesAsked()).isZero();
  }

  @Test
  public void laterInsertionsMakeTheRoomThatWasMissing() {
    MetadataCache<TestSlice> cache = factory().create(4);
    dirtySlices(cache, 40).forEach(TestSlice::clean);

    for (int i = 0; i < 40; i++) {
      cache.putIfAbsent(new TestSlice((1000L + i) * SLICE_BYTES));
    }

    assertThat(cache.statistics().residentSlices()).isLessThanOrEqualTo(4);
    assertThat(cache.statistics().overBudgetSlices()).isZero();
  }

  @Test
  public void sliceBeyondTheBudgetCanBeRemoved() {
    MetadataCache<TestSlice> cache = factory().create(3);
    List<TestSlice> slices = dirtySlices(cache, 30);

    for (int i = 0; i < 30; i += 2) {
      cache.remove(slices.get(i).offset());
    }

    for (int i = 0; i < 30; i++) {
      assertThat(cache.get(slices.get(i).offset())).isSameAs(i % 2 == 0 ? null : slices.get(i));
    }
    assertThat(cache.statistics().residentSlices()).isEqualTo(15);
  }

  @Test
  public void newSliceIsNotSacrificedForItself() {
    MetadataCache<TestSlice> cache = factory().create(1);
    dirtySlices(cache, 1);
    TestSlice clean = new TestSlice(100L * SLICE_BYTES);

    assertThat(cache.putIfAbsent(clean)).isSameAs(clean);

    assertThat(clean.isDead()).isFalse();
    assertThat(cache.get(clean.offset())).isSameAs(clean);
  }

  @Test
  public void evictedOffsetCanBecomeResidentAgain() {
    MetadataCache<TestSlice> cache = factory().create(1);
    TestSlice first = new TestSlice(0);
    cache.putIfAbsent(first);
    cache.putIfAbsent(new TestSlice(SLICE_BYTES));
    assertThat(first.isDead()).isTrue();

    TestSlice second = new TestSlice(0);

    assertThat(cache.putIfAbsent(second)).isSameAs(second);
    assertThat(cache.get(0)).isSameAs(second);
  }

  @Test
  public void statisticsCountWhatHappened() {
    MetadataCache<TestSlice> cache = factory().create(1);
    cache.get(0);
    cache.putIfAbsent(new TestSlice(0));
    cache.get(0);
    cache.get(0);
    cache.get(SLICE_BYTES);
    cache.putIfAbsent(new TestSlice(SLICE_BYTES));

    assertThat(cache.statistics()).isEqualTo(new CacheStatistics(2, 2, 1, 1, 0, 1));
  }

  @Test
  public void lookupWhileASliceRefusesToGoFindsIt() throws InterruptedException {
    MetadataCache<WatchedSlice> cache = factory().create(1);
    List<WatchedSlice> slices = watchedSlices(cache);

    cache.trim();
    cache.putIfAbsent(new WatchedSlice(cache, 9L * SLICE_BYTES));

    for (WatchedSlice slice : slices) {
      assertThat(slice.foundWhileAsked()).isNotEmpty().containsOnly(slice);
    }
  }

  @Test
  public void lookupWhileASliceAgreesToGoDoesNotFindIt() throws InterruptedException {
    MetadataCache<WatchedSlice> cache = factory().create(1);
    List<WatchedSlice> slices = watchedSlices(cache);
    slices.forEach(slice -> slice.agrees = true);

    cache.trim();

    List<@Nullable WatchedSlice> found = new ArrayList<>();
    for (WatchedSlice slice : slices) {
      found.addAll(slice.foundWhileAsked());
    }
    assertThat(found).hasSize(slices.size() - 1).containsOnlyNulls();
  }

  /** Slices that refuse to go, more than the budget; none has been watched yet. */
  private static List<WatchedSlice> watchedSlices(MetadataCache<WatchedSlice> cache) {
    List<WatchedSlice> slices = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      WatchedSlice slice = new WatchedSlice(cache, (long) i * SLICE_BYTES);
      cache.putIfAbsent(slice);
      slices.add(slice);
    }
    slices.forEach(slice -> slice.watched = true);
    return slices;
  }

  /**
   * Threads look slices up, put them, pin them and drop them. A pinned slice cannot leave, so it
   * must be found each time, and no other under its offset; one seen dead must never be found.
   */
  @Test
  public void threadsNeverSeeTwoSlicesOfOneOffsetNorADeadOneNorMissAResidentOne() throws Exception {
    for (int budget : new int[] {1, 12, 40}) {
      MetadataCache<TestSlice> cache = factory().create(budget);
      List<Callable<Void>> tasks = new ArrayList<>();
      for (int t = 0; t < 4; t++) {
        Random random = new Random(t);
        tasks.add(
            () -> {
              for (int i = 0; i < 5_000; i++) {
                usePinned(cache, random.nextInt(60) * (long) SLICE_BYTES);
                if (i % 64 == 0) {
                  cache.trim();
                }
              }
              return null;
            });
      }
      runAll(tasks);

      cache.trim();
      assertThat(cache.statistics().residentSlices()).isLessThanOrEqualTo(budget);
      assertThat(cache.statistics().overBudgetSlices()).isZero();
    }
  }

  private static void usePinned(MetadataCache<TestSlice> cache, long offset) {
    TestSlice slice = cache.get(offset);
    if (slice == null) {
      slice = cache.putIfAbsent(new TestSlice(offset));
    }
    if (slice.offset() != offset) {
      throw new AssertionError("asked for " + offset + ", got " + slice.offset());
    }
    if (slice.pin()) {
      if (cache.get(offset) != slice) {
        throw new AssertionError("a resident slice was missed, or there are two of it");
      }
      if (cache.putIfAbsent(new TestSlice(offset)) != slice) {
        throw new AssertionError("a resident slice was replaced");
      }
      slice.unpin();
    } else if (cache.get(offset) == slice) {
      throw new AssertionError("a slice known to be dead was found");
    }
  }

  /** As above, with slices that are removed by force: whoever is told so must not find them. */
  @Test
  public void removedSliceIsNotFoundByTheThreadThatRemovedIt() throws Exception {
    MetadataCache<TestSlice> cache = factory().create(10);
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int t = 0; t < 4; t++) {
      Random random = new Random(t);
      tasks.add(
          () -> {
            for (int i = 0; i < 5_000; i++) {
              long offset = random.nextInt(30) * (long) SLICE_BYTES;
              TestSlice slice = cache.putIfAbsent(new TestSlice(offset));
              if (random.nextInt(4) == 0) {
                cache.remove(offset);
                if (cache.get(offset) == slice) {
                  throw new AssertionError("a removed slice was found");
                }
              }
            }
            return null;
          });
    }
    runAll(tasks);

    int resident = 0;
    for (int i = 0; i < 30; i++) {
      TestSlice slice = cache.get(i * (long) SLICE_BYTES);
      if (slice != null) {
        assertThat(slice.isDead()).isFalse();
        resident++;
      }
    }
    assertThat(cache.statistics().residentSlices()).isEqualTo(resident);
  }

  private static void runAll(List<Callable<Void>> tasks) throws Exception {
    ExecutorService pool = Executors.newFixedThreadPool(tasks.size());
    try {
      for (Future<Void> done : pool.invokeAll(tasks)) {
        done.get();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  private static List<TestSlice> dirtySlices(MetadataCache<TestSlice> cache, int count) {
    List<TestSlice> slices = new ArrayList<>();
    for (int i = 0; i < count; i++) {
      TestSlice slice = new TestSlice((long) i * SLICE_BYTES).dirty();
      assertThat(cache.putIfAbsent(slice)).isSameAs(slice);
      slices.add(slice);
    }
    return slices;
  }

  private static void assertAllResident(MetadataCache<TestSlice> cache, List<TestSlice> slices) {
    for (TestSlice slice : slices) {
      assertThat(cache.get(slice.offset())).isSameAs(slice);
    }
  }

  /** A slice whose state is a number: how many hold it, or that it is dead. */
  private static final class TestSlice implements MetadataCache.Slice {
    private static final int DEAD = -1;

    private final long offset;
    private final AtomicInteger pins = new AtomicInteger();
    private final AtomicInteger asked = new AtomicInteger();

    TestSlice(long offset) {
      this.offset = offset;
    }

    @Override
    public long offset() {
      return offset;
    }

    @Override
    public boolean tryEvict() {
      asked.incrementAndGet();
      return pins.compareAndSet(0, DEAD);
    }

    TestSlice dirty() {
      assertThat(pin()).isTrue();
      return this;
    }

    void clean() {
      unpin();
    }

    boolean pin() {
      return pins.getAndUpdate(count -> count == DEAD ? DEAD : count + 1) != DEAD;
    }

    void unpin() {
      pins.decrementAndGet();
    }

    boolean isDead() {
      return pins.get() == DEAD;
    }

    int timesAsked() {
      return asked.get();
    }
  }

  /** While it is asked whether it may go, another thread looks it up. */
  private static final class WatchedSlice implements MetadataCache.Slice {
    private final MetadataCache<WatchedSlice> cache;
    private final long offset;
    private final List<FutureTask<@Nullable WatchedSlice>> lookups = new ArrayList<>();
    private boolean watched;
    private boolean agrees;

    WatchedSlice(MetadataCache<WatchedSlice> cache, long offset) {
      this.cache = cache;
      this.offset = offset;
    }

    @Override
    public long offset() {
      return offset;
    }

    @Override
    public boolean tryEvict() {
      if (watched) {
        FutureTask<@Nullable WatchedSlice> lookup = new FutureTask<>(() -> cache.get(offset));
        lookups.add(lookup);
        Thread thread = new Thread(lookup);
        thread.start();
        while (thread.getState() == Thread.State.NEW
            || thread.getState() == Thread.State.RUNNABLE) {
          Thread.onSpinWait();
        }
      }
      return agrees;
    }

    /** What the lookups found, once they have ended. */
    List<@Nullable WatchedSlice> foundWhileAsked() throws InterruptedException {
      List<@Nullable WatchedSlice> found = new ArrayList<>();
      for (FutureTask<@Nullable WatchedSlice> lookup : lookups) {
        try {
          found.add(lookup.get());
        } catch (ExecutionException e) {
          throw new AssertionError(e);
        }
      }
      return found;
    }
  }
}
