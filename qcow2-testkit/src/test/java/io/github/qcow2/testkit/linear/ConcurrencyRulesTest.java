package io.github.qcow2.testkit.linear;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Who waits for whom, and who must not; each rule with the storage holding somebody up. */
@Timeout(value = 2, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
final class ConcurrencyRulesTest {
  private static final int CLUSTER = 4096;
  private static final int SIZE = 8 << 20;
  private static final long EVERYWHERE = Long.MAX_VALUE;

  private final ExecutorService others = Executors.newCachedThreadPool();

  @AfterEach
  void endThreads() {
    others.shutdownNow();
  }

  private static HeapStorage created() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, SIZE).clusterSize(CLUSTER).createOnly();
    return HeapStorage.copyOf("image", storage.toByteArray());
  }

  private static void write(BlockDevice device, long position, int length) throws IOException {
    device.write(ByteBuffer.wrap(Content.bytes(1, position, length)), position);
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

  private <T> Future<T> start(Callable<T> task) {
    return others.submit(task);
  }

  private Future<?> startWrite(BlockDevice device, long position, int length) {
    return start(
        () -> {
          write(device, position, length);
          return null;
        });
  }

  @Test
  void twoWritersIntoOneUnallocatedClusterShareOneCopyOnWrite() throws Exception {
    HeapStorage empty = new HeapStorage("image");
    Qcow2Image.create(empty, SIZE).clusterSize(64 << 10).backing("base", "raw").createOnly();
    HeapStorage storage = HeapStorage.copyOf("image", empty.toByteArray());
    GatedStorage gated = new GatedStorage(storage);
    byte[] base = Content.bytes(2, 0, SIZE);
    FaultyStorage below = new FaultyStorage(HeapStorage.copyOf("base", base));
    try (BlockDevice backing = RawImage.over(below);
        Qcow2Image image =
            Qcow2Image.open(gated)
                .writable()
                .references(ReferencePolicy.explicit(backing))
                .build()) {
      write(image, 1 << 20, 64 << 10);
      long end = storage.size();
      long readBefore = below.bytesRead();
      GatedStorage.Gate gate = gated.hold(StorageCall.WRITE, end, EVERYWHERE);

      Future<?> one = startWrite(image, 1024, 512);
      gate.awaitArrival();
      Future<?> other = startWrite(image, 8192, 512);
      awaitWaiting(other, one);
      gate.open();
      one.get();
      other.get();

      assertThat(below.bytesRead() - readBefore).isEqualTo((64 << 10) - 512);
      assertThat(storage.size()).as("one cluster was allocated").isEqualTo(end + (64 << 10));
    }
    System.arraycopy(Content.bytes(1, 1024, 512), 0, base, 1024, 512);
    System.arraycopy(Content.bytes(1, 8192, 512), 0, base, 8192, 512);
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.read(0, 64 << 10)).isEqualTo(Arrays.copyOf(base, 64 << 10));
    assertThat(oracle.check().findings()).isEmpty();
  }

  /** Neither is done, and stays so for a while. */
  private static void awaitWaiting(Future<?>... futures) throws InterruptedException {
    Thread.sleep(50);
    for (Future<?> future : futures) {
      assertThat(future.isDone()).isFalse();
    }
  }

  @Test
  void writeHeldUpInTheStorageHoldsUpNobodyElse() throws Exception {
    HeapStorage storage = created();
    GatedStorage gated = new GatedStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(gated).writable().build()) {
      write(image, 0, 64 * CLUSTER);
      image.flush();
      long inPlace = hostOffset(image, 3 * CLUSTER);
      GatedStorage.Gate first = gated.hold(StorageCall.WRITE, inPlace, inPlace + CLUSTER);
      Future<?> overwriting = startWrite(image, 3 * CLUSTER, 512);
      first.awaitArrival();
      long end = storage.size();
      GatedStorage.Gate second = gated.hold(StorageCall.WRITE, end, end + CLUSTER);
      Future<?> allocating = startWrite(image, 100 * CLUSTER, CLUSTER);
      second.awaitArrival();

      // All of these by this thread, of which the two above must not be in the way.
      assertThat(read(image, 3 * CLUSTER, CLUSTER))
          .isEqualTo(Content.bytes(1, 3 * CLUSTER, CLUSTER));
      assertThat(read(image, 100 * CLUSTER, CLUSTER)).containsOnly(0);
      write(image, 4 * CLUSTER, CLUSTER);
      write(image, 101 * CLUSTER, 8 * CLUSTER);
      image.writeZeroes(5 * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP);
      image.discard(6 * CLUSTER, 2 * CLUSTER);
      image.writeCompressed(ByteBuffer.allocate(CLUSTER), 120 * CLUSTER);
      image.flush();
      assertThat(image.extents(0, SIZE).toList()).isNotEmpty();
      image.grow(SIZE + (1 << 20));

      assertThat(overwriting.isDone() || allocating.isDone()).isFalse();
      first.open();
      second.open();
      overwriting.get();
      allocating.get();
      assertThat(read(image, 100 * CLUSTER, CLUSTER))
          .isEqualTo(Content.bytes(1, 100 * CLUSTER, CLUSTER));
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void slowLoadOfASliceHoldsUpOnlyThoseWhoNeedIt() throws Exception {
    HeapStorage storage = created();
    int perTable = CLUSTER / 8 * CLUSTER;
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      write(image, 0, CLUSTER);
      write(image, perTable, CLUSTER);
    }
    byte[] file = storage.toByteArray();
    long l1 = ByteBuffer.wrap(file).getLong(40);
    long l2 = ByteBuffer.wrap(file).getLong((int) l1) & 0x00ff_ffff_ffff_fe00L;
    storage = HeapStorage.copyOf("image", file);
    GatedStorage gated = new GatedStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(gated).writable().build()) {
      GatedStorage.Gate gate = gated.hold(StorageCall.READ, l2, l2 + CLUSTER);
      Future<byte[]> one = start(() -> read(image, 0, CLUSTER));
      gate.awaitArrival();
      Future<byte[]> other = start(() -> read(image, 512, 512));

      assertThat(read(image, perTable, CLUSTER)).isEqualTo(Content.bytes(1, perTable, CLUSTER));
      write(image, perTable + CLUSTER, CLUSTER);
      image.flush();

      awaitWaiting(one, other);
      gate.open();
      assertThat(one.get()).isEqualTo(Content.bytes(1, 0, CLUSTER));
      assertThat(other.get()).isEqualTo(Content.bytes(1, 512, 512));
      assertThat(gate.arrived()).as("one load serves both").isEqualTo(1);
    }
  }

  /** Allocates and flushes enough to reuse whatever may be reused; returns whether it was. */
  private static boolean reuses(Qcow2Image image, long host, int round) throws IOException {
    long from = (1 << 20) + round * 64L * CLUSTER;
    boolean found = false;
    for (int i = 0; i < 32; i++) {
      long position = from + (long) i * CLUSTER;
      write(image, position, CLUSTER);
      image.flush();
      found |= hostOffset(image, position) == host;
    }
    return found;
  }

  @Test
  void freedClusterIsNotReusedWhileAnOldReaderIsInside() throws Exception {
    HeapStorage storage = created();
    GatedStorage gated = new GatedStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(gated).writable().build()) {
      write(image, 0, 8 * CLUSTER);
      image.flush();
      long host = hostOffset(image, 3 * CLUSTER);
      GatedStorage.Gate gate = gated.hold(StorageCall.READ, host, host + CLUSTER);
      Future<byte[]> reader = start(() -> read(image, 3 * CLUSTER, CLUSTER));
      gate.awaitArrival();

      image.discard(3 * CLUSTER, CLUSTER);
      boolean reusedTooEarly = reuses(image, host, 0);

      gate.open();
      assertThat(reusedTooEarly).isFalse();
      assertThat(reader.get()).isEqualTo(Content.bytes(1, 3 * CLUSTER, CLUSTER));
      assertThat(read(image, 3 * CLUSTER, CLUSTER)).containsOnly(0);
      assertThat(reuses(image, host, 1)).as("it is free once nobody is inside").isTrue();
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void freedClusterIsNotReusedWhileAnOldWriterIsInside() throws Exception {
    HeapStorage storage = created();
    GatedStorage gated = new GatedStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(gated).writable().build()) {
      write(image, 0, 8 * CLUSTER);
      image.flush();
      long host = hostOffset(image, 3 * CLUSTER);
      GatedStorage.Gate gate = gated.hold(StorageCall.WRITE, host, host + CLUSTER);
      Future<?> writer = startWrite(image, 3 * CLUSTER, 512);
      gate.awaitArrival();

      image.discard(3 * CLUSTER, CLUSTER);
      boolean reusedTooEarly = reuses(image, host, 0);

      gate.open();
      assertThat(reusedTooEarly).isFalse();
      writer.get();
      assertThat(reuses(image, host, 1)).as("it is free once nobody is inside").isTrue();
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void compressedDataIsNotOverwrittenWhileAnOldReaderIsInside() throws Exception {
    HeapStorage storage = created();
    byte[] bytes = Content.compressible(4, 0, CLUSTER);
    GatedStorage gated = new GatedStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(gated).writable().build()) {
      write(image, CLUSTER, CLUSTER);
      long end = storage.size();
      image.writeCompressed(ByteBuffer.wrap(bytes), 0);
      image.flush();
      GatedStorage.Gate gate = gated.hold(StorageCall.READ, end, end + CLUSTER);
      Future<byte[]> reader = start(() -> read(image, 512, 1024));
      gate.awaitArrival();

      write(image, 0, CLUSTER);
      boolean reusedTooEarly = reuses(image, end, 0);

      gate.open();
      assertThat(reusedTooEarly).isFalse();
      assertThat(reader.get()).isEqualTo(Arrays.copyOfRange(bytes, 512, 1536));
      assertThat(read(image, 512, 1024)).isEqualTo(Content.bytes(1, 512, 1024));
      assertThat(reuses(image, end, 1)).as("it is free once nobody is inside").isTrue();
    }
  }

  @Test
  void flushesThatWaitForABarrierFailWithIt() throws Exception {
    FaultyStorage faulty = new FaultyStorage(created());
    GatedStorage gated = new GatedStorage(faulty);
    Qcow2Image image = Qcow2Image.open(gated).writable().build();
    write(image, 0, CLUSTER);
    GatedStorage.Gate gate = gated.hold(StorageCall.FORCE, 0, 1);
    faulty.faults().plan(Fault.at(1).of(StorageCall.FORCE));
    Callable<Void> flush =
        () -> {
          image.flush();
          return null;
        };

    Future<Void> one = start(flush);
    gate.awaitArrival();
    write(image, CLUSTER, CLUSTER);
    Future<Void> two = start(flush);
    Future<Void> three = start(flush);
    awaitWaiting(one, two, three);
    gate.open();

    for (Future<Void> each : java.util.List.of(one, two, three)) {
      assertThatExceptionOfType(ExecutionException.class)
          .isThrownBy(each::get)
          .withCauseInstanceOf(IOException.class);
    }
    assertThatExceptionOfType(IOException.class).isThrownBy(image::flush);
    assertThatExceptionOfType(IOException.class).isThrownBy(image::close);
  }

  @Test
  void closingWaitsForWhoIsInside() throws Exception {
    HeapStorage storage = created();
    GatedStorage gated = new GatedStorage(storage);
    Qcow2Image image = Qcow2Image.open(gated).writable().build();
    write(image, 0, CLUSTER);
    long host = hostOffset(image, 0);
    GatedStorage.Gate gate = gated.hold(StorageCall.READ, host, host + CLUSTER);
    Future<byte[]> reader = start(() -> read(image, 0, CLUSTER));
    gate.awaitArrival();
    Future<?> closing =
        start(
            () -> {
              image.close();
              return null;
            });

    awaitWaiting(reader, closing);
    gate.open();

    assertThat(reader.get()).isEqualTo(Content.bytes(1, 0, CLUSTER));
    closing.get();
    assertThat(SpecOracle.of(storage.toByteArray()).read(0, CLUSTER))
        .isEqualTo(Content.bytes(1, 0, CLUSTER));
  }
}
