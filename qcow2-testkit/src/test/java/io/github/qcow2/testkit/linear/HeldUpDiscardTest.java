package io.github.qcow2.testkit.linear;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** What others may do while clusters are zeroed, or on their way back to the host. */
@Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class HeldUpDiscardTest {
  private static final int CLUSTER = 4096;
  private static final int SIZE = 1 << 20;

  private final ExecutorService others = Executors.newCachedThreadPool();

  @AfterEach
  void endThreads() {
    others.shutdownNow();
  }

  private Future<?> start(Callable<?> task) {
    return others.submit(task);
  }

  private static Callable<?> flush(BlockDevice device) {
    return () -> {
      device.flush();
      return null;
    };
  }

  private static byte[] write(BlockDevice device, long position, int length) throws IOException {
    byte[] content = Content.compressible(position + 1, position, length);
    device.write(ByteBuffer.wrap(content), position);
    return content;
  }

  private static byte[] read(BlockDevice device, long position, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(length);
    device.read(bytes, position);
    return bytes.array();
  }

  private static long hostOffset(BlockDevice image, long position) throws IOException {
    Extent extent = image.extents(position, 1).toList().get(0);
    assertThat(extent.kind()).isEqualTo(Extent.Kind.DATA);
    return extent.hostOffset();
  }

  private static HeapStorage created(int size) throws IOException {
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, size).clusterSize(CLUSTER).backing("base", "raw").createOnly();
    return HeapStorage.copyOf("image", storage.toByteArray());
  }

  private static Qcow2Image open(GatedStorage gated, BlockDevice backing) throws IOException {
    return Qcow2Image.open(gated).writable().references(ReferencePolicy.explicit(backing)).build();
  }

  @Test
  void clusterIsNotHandedOutBeforeTheHostHasTakenItBack() throws Exception {
    HeapStorage storage = created(SIZE);
    GatedStorage gated = new GatedStorage(storage);
    byte[] first;
    byte[] second;
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"));
        Qcow2Image image = open(gated, backing)) {
      write(image, 0, CLUSTER);
      image.flush();
      long freed = hostOffset(image, 0);
      image.discard(0, CLUSTER);
      GatedStorage.Gate gate = gated.hold(StorageCall.DISCARD, 0, Long.MAX_VALUE);
      Future<?> flushing = start(flush(image));
      gate.awaitArrival();

      first = write(image, 2 * CLUSTER, CLUSTER);
      assertThat(hostOffset(image, 2 * CLUSTER)).isNotEqualTo(freed);
      gate.open();
      flushing.get();
      second = write(image, 3 * CLUSTER, CLUSTER);
      assertThat(hostOffset(image, 3 * CLUSTER)).as("free again").isEqualTo(freed);
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(2 * CLUSTER, CLUSTER)).isEqualTo(first);
    assertThat(oracle.read(3 * CLUSTER, CLUSTER)).isEqualTo(second);
  }

  @Test
  void closingWaitsForADiskThatShrinks() throws Exception {
    HeapStorage storage = created(4 << 20);
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"));
        Qcow2Image image = open(new GatedStorage(storage), backing)) {
      write(image, 3 << 20, CLUSTER);
    }
    HeapStorage copy = HeapStorage.copyOf("image", storage.toByteArray());
    long table = SpecOracle.of(copy.toByteArray()).header().l1Offset();
    long l2 = ByteBuffer.wrap(copy.toByteArray()).getLong((int) table + 8) & ~(1L << 63);
    GatedStorage gated = new GatedStorage(copy);
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"))) {
      Qcow2Image image = open(gated, backing);
      GatedStorage.Gate gate = gated.hold(StorageCall.READ, l2, l2 + CLUSTER);
      Future<?> shrinking =
          start(
              () -> {
                image.shrink(1 << 20);
                return null;
              });
      gate.awaitArrival();
      Thread closing =
          new Thread(
              () -> {
                try {
                  image.close();
                } catch (IOException e) {
                  throw new UncheckedIOException(e);
                }
              });
      closing.start();
      while (closing.getState() != Thread.State.WAITING
          && closing.getState() != Thread.State.TERMINATED) {
        Thread.onSpinWait();
      }
      gate.open();
      shrinking.get();
      closing.join();
    }
    SpecOracle oracle = SpecOracle.of(copy.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.header().size()).isEqualTo(1 << 20);
  }

  @Test
  void nothingIsAppendedToAClusterThatTheHostTakesBack() throws Exception {
    HeapStorage storage = created(SIZE);
    GatedStorage gated = new GatedStorage(storage);
    byte[] content = Content.compressible(1, 0, CLUSTER);
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"));
        Qcow2Image image = open(gated, backing)) {
      image.writeCompressed(ByteBuffer.wrap(content), 0);
      write(image, 8 * CLUSTER, CLUSTER);
      image.flush();
      image.discard(0, CLUSTER);
      GatedStorage.Gate gate = gated.hold(StorageCall.DISCARD, 0, Long.MAX_VALUE);
      Future<?> flushing = start(flush(image));
      gate.awaitArrival();

      image.writeCompressed(ByteBuffer.wrap(content), CLUSTER);
      gate.open();
      flushing.get();
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(CLUSTER, CLUSTER)).isEqualTo(content);
  }

  @Test
  void keptClusterIsNotWrittenBeforeTheHostHasItsBytes() throws Exception {
    HeapStorage storage = created(SIZE);
    GatedStorage gated = new GatedStorage(storage);
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"));
        Qcow2Image image =
            Qcow2Image.open(gated)
                .writable()
                .references(ReferencePolicy.explicit(backing))
                .discardKeepsClusters(true)
                .build()) {
      write(image, 0, CLUSTER);
      long kept = hostOffset(image, 0);
      GatedStorage.Gate gate = gated.hold(StorageCall.DISCARD, 0, Long.MAX_VALUE);
      Future<?> discarding =
          start(
              () -> {
                image.discard(0, CLUSTER);
                return null;
              });
      gate.awaitArrival();
      Future<?> writing = start(() -> write(image, 512, 1024));
      awaitWaiting(writing);
      gate.open();
      discarding.get();
      writing.get();
      assertThat(hostOffset(image, 0)).isEqualTo(kept);
      assertThat(read(image, 512, 1024)).isEqualTo(Content.compressible(513, 512, 1024));
      assertThat(read(image, 0, 512)).containsOnly(0);
      assertThat(read(image, 1536, CLUSTER - 1536)).containsOnly(0);
    }
  }

  @Test
  void zeroesUpToTheOldEndLeaveAloneWhatIsWrittenBehindItMeanwhile() throws Exception {
    int end = 2 * CLUSTER + 1024;
    GatedStorage gated = new GatedStorage(created(end));
    try (BlockDevice backing = RawImage.over(new HeapStorage("base"));
        Qcow2Image image = open(gated, backing)) {
      image.writeZeroes(0, CLUSTER, ZeroMode.KEEP_ALLOCATED);
      long last = gated.size();
      GatedStorage.Gate gate = gated.hold(StorageCall.WRITE, last, last + CLUSTER);
      Future<?> holding = start(() -> write(image, CLUSTER + 512, 512));
      gate.awaitArrival();
      Future<?> zeroing =
          start(
              () -> {
                image.writeZeroes(CLUSTER, end - CLUSTER, ZeroMode.MAY_UNMAP);
                return null;
              });
      awaitWaiting(zeroing);

      image.grow(4 * CLUSTER);
      byte[] behind = write(image, end, 1024);
      gate.open();
      holding.get();
      zeroing.get();

      assertThat(read(image, end, 1024)).isEqualTo(behind);
      assertThat(read(image, CLUSTER, end - CLUSTER)).containsOnly(0);
    }
  }

  /** Is not done, and stays so for a while. */
  private static void awaitWaiting(Future<?> future) throws InterruptedException {
    Thread.sleep(50);
    assertThat(future.isDone()).isFalse();
  }
}
