package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class BenchThreadsTest {
  private static final long LOOK = BenchThreads.LOOK_NANOSECONDS;

  /** What two threads answer in one look if a request takes just as long as it may. */
  private static final long FAST = 2 * LOOK / BenchThreads.WAITING_NANOSECONDS;

  @Test
  void requestsFromMemoryAreSentByAsManyThreadsAsThereAreProcessors() {
    BenchThreads threads = new BenchThreads(2, 64);
    for (int i = 0; i < 100; i++) {
      threads.look(LOOK, FAST);
    }
    assertThat(threads.count()).isEqualTo(2);
  }

  @Test
  void requestsThatWaitAreSentByAsManyThreadsAsMayBeUnderWay() {
    BenchThreads threads = new BenchThreads(2, 64);
    for (int i = 0; i < 4; i++) {
      assertThat(threads.canGrow()).isTrue();
      threads.look(LOOK, 1);
    }
    assertThat(threads.count()).isEqualTo(64);
    assertThat(threads.canGrow()).isFalse();
    threads.look(LOOK, 1);
    threads.look(LOOK, 1);
    assertThat(threads.count()).isEqualTo(64);
  }

  @Test
  void slowBeginningAloneAddsNoThreads() {
    BenchThreads threads = new BenchThreads(2, 64);
    threads.look(LOOK, 1);
    threads.look(LOOK, FAST);
    threads.look(LOOK, 1);
    threads.look(LOOK, FAST);
    assertThat(threads.count()).isEqualTo(2);
  }

  @Test
  void shortRoundsAddUp() {
    BenchThreads threads = new BenchThreads(2, 8);
    for (int i = 0; i < 40; i++) {
      threads.look(LOOK / 10, 1);
    }
    assertThat(threads.count()).isEqualTo(8);
  }

  @Test
  void thereAreNeverMoreThreadsThanRequestsUnderWay() {
    assertThat(new BenchThreads(4, 3).count()).isEqualTo(3);
    assertThat(new BenchThreads(4, 1).canGrow()).isFalse();
  }
}
