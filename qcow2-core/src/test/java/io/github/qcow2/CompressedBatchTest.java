package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.metadata.BufferPool;
import java.nio.ByteBuffer;
import java.util.concurrent.ConcurrentLinkedQueue;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ForkJoinPool;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(60)
class CompressedBatchTest {
  private static final int CLUSTER = 4096;

  /** Stores the first byte of a cluster; fails for 7, and finds 9 not compressible. */
  private static class FirstByte implements CompressionCodec {
    @Override
    public int compressionType() {
      return 0;
    }

    @Override
    public String name() {
      return "first byte";
    }

    @Override
    public int compress(ByteBuffer source, ByteBuffer target) {
      byte first = source.get(source.position());
      if (first == 7) {
        throw new IllegalStateException("seven");
      }
      if (first == 9) {
        return NOT_COMPRESSIBLE;
      }
      target.put(first);
      return 1;
    }

    @Override
    public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
      throw new CodecException("never");
    }
  }

  private static ByteBuffer clusters(int... firstBytes) {
    ByteBuffer bytes = ByteBuffer.allocate(firstBytes.length * CLUSTER);
    for (int i = 0; i < firstBytes.length; i++) {
      bytes.put(i * CLUSTER, (byte) firstBytes[i]);
    }
    return bytes;
  }

  private static CompressedBatch batch(ByteBuffer from, CompressionCodec codec) {
    return new CompressedBatch(from, CLUSTER, codec, new BufferPool());
  }

  @Test
  void resultsAreThoseOfTheirClustersWhoeverCompressedThem() {
    int[] values = new int[500];
    for (int i = 0; i < values.length; i++) {
      values[i] = i % 5 == 4 ? 9 : 20 + i % 100;
    }
    try (CompressedBatch batch = batch(clusters(values), new FirstByte())) {
      for (int i = 0; i < values.length; i++) {
        ByteBuffer compressed = batch.compressed(i);
        if (values[i] == 9) {
          assertThat(compressed).isNull();
        } else {
          assertThat(compressed).isEqualTo(ByteBuffer.wrap(new byte[] {(byte) values[i]}));
        }
        batch.release(i);
      }
    }
  }

  @Test
  void whoStoresCompressesAllWhereNobodyHelps() throws Exception {
    int busy = ForkJoinPool.getCommonPoolParallelism();
    CountDownLatch end = new CountDownLatch(1);
    CountDownLatch taken = new CountDownLatch(busy);
    for (int i = 0; i < busy; i++) {
      ForkJoinPool.commonPool()
          .execute(
              () -> {
                taken.countDown();
                awaitQuietly(end);
              });
    }
    try {
      assertThat(taken.await(30, TimeUnit.SECONDS)).isTrue();
      try (CompressedBatch batch = batch(clusters(1, 2, 3), new FirstByte())) {
        assertThat(batch.compressed(2)).isNotNull();
        assertThat(batch.compressed(0)).isNotNull();
      }
    } finally {
      end.countDown();
    }
  }

  @Test
  void failureBelongsToItsClusterAlone() {
    try (CompressedBatch batch = batch(clusters(1, 7, 3), new FirstByte())) {
      assertThat(batch.compressed(0)).isNotNull();
      assertThatThrownBy(() -> batch.compressed(1))
          .isInstanceOf(IllegalStateException.class)
          .hasMessage("seven");
      assertThat(batch.compressed(2)).isNotNull();
    }
  }

  @Test
  void nobodyTouchesTheSourceOnceTheBatchIsClosed() throws Exception {
    AtomicInteger active = new AtomicInteger();
    ConcurrentLinkedQueue<Integer> late = new ConcurrentLinkedQueue<>();
    FirstByte slow =
        new FirstByte() {
          @Override
          public int compress(ByteBuffer source, ByteBuffer target) {
            active.incrementAndGet();
            awaitQuietly(new CountDownLatch(1), 5);
            int length = super.compress(source, target);
            late.add(active.decrementAndGet());
            return length;
          }
        };
    try (CompressedBatch batch = batch(clusters(new int[200]), slow)) {
      assertThat(batch.compressed(0)).isNotNull();
    }
    int done = late.size();

    assertThat(active).hasValue(0);
    assertThat(done).isLessThan(200);
    ForkJoinPool.commonPool().submit(() -> {}).get();
    assertThat(late).hasSize(done);
  }

  private static void awaitQuietly(CountDownLatch latch) {
    awaitQuietly(latch, 30_000);
  }

  private static void awaitQuietly(CountDownLatch latch, long milliseconds) {
    try {
      boolean fallen = latch.await(milliseconds, TimeUnit.MILLISECONDS);
      assertThat(fallen || latch.getCount() > 0).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
