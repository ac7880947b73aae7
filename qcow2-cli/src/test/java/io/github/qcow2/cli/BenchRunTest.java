package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class BenchRunTest {
  private static final int BYTES = 512;
  private static final int COUNT = 1000;
  private static final BenchRun.Flushes NEVER = new BenchRun.Flushes(0, true);

  /** A disk that answers reads when the test says so. */
  private static class Disk extends BlockDevice {
    final Map<Long, Integer> requests = new ConcurrentHashMap<>();
    final AtomicInteger underWay = new AtomicInteger();
    final AtomicInteger mostUnderWay = new AtomicInteger();

    Disk() {
      super("disk", true);
    }

    @Override
    public long size() {
      return (long) COUNT * BYTES;
    }

    @Override
    protected void readHook(ByteBuffer destination, long position) throws IOException {
      int now = underWay.incrementAndGet();
      mostUnderWay.accumulateAndGet(now, Math::max);
      answer();
      requests.merge(position, 1, Integer::sum);
      underWay.decrementAndGet();
    }

    void answer() throws IOException {}

    @Override
    protected void writeHook(ByteBuffer source, long position) {}

    @Override
    protected void writeZeroesHook(long position, long length, ZeroMode mode) {}

    @Override
    protected void discardHook(long position, long length) {}

    @Override
    protected void flushHook() {}

    @Override
    protected Extent extentHook(long position, long length) {
      throw new UnsupportedOperationException();
    }

    @Override
    protected void closeHook() {}
  }

  private static BenchRun run(BlockDevice disk, int depth) {
    return new BenchRun(disk, new BenchRun.Load(false, COUNT, depth, 0, BYTES, BYTES, 0), NEVER);
  }

  @Test
  void requestsThatWaitAreUnderWayAtATimeUpToTheDepthAndNotBeyond() throws IOException {
    int depth = 23;
    CountDownLatch all = new CountDownLatch(depth);
    Disk disk =
        new Disk() {
          @Override
          void answer() throws IOException {
            all.countDown();
            try {
              if (!all.await(60, TimeUnit.SECONDS)) {
                throw new IOException("still " + all.getCount() + " requests to come");
              }
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
          }
        };
    run(disk, depth).run();
    assertThat(disk.mostUnderWay).hasValue(depth);
    assertThat(disk.requests).hasSize(COUNT).allSatisfy((at, times) -> assertThat(times).isOne());
  }

  @Test
  void oneAtATimeIsOneAtATime() throws IOException {
    Disk disk = new Disk();
    run(disk, 1).run();
    assertThat(disk.mostUnderWay).hasValue(1);
    assertThat(disk.requests).hasSize(COUNT).allSatisfy((at, times) -> assertThat(times).isOne());
  }

  @Test
  void failedRequestEndsTheRun() {
    AtomicInteger answers = new AtomicInteger();
    Disk disk =
        new Disk() {
          @Override
          void answer() throws IOException {
            if (answers.incrementAndGet() == 10) {
              throw new IOException("broken");
            }
          }
        };
    assertThatThrownBy(() -> run(disk, 1).run()).hasMessage("broken");
    assertThat(answers).hasValue(10);
  }
}
