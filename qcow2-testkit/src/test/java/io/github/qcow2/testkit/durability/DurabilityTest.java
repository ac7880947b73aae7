package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Durability;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the durability modes promise, seen from the storage. */
final class DurabilityTest {
  private static final int CLUSTER = 512;
  private static final int SIZE = 1 << 20;

  private final Recorder file = new Recorder();

  /** One change, to a disk and to its model alike. */
  private interface Change {
    void apply(BlockDevice disk) throws IOException;
  }

  private static List<Change> changes(ReferenceDisk model) {
    List<Change> changes = new ArrayList<>();
    for (int i = 0; i < 40; i++) {
      long at = (i * 37L % 50) * 700;
      byte[] bytes = Content.bytes(i, at, 900);
      changes.add(
          disk -> {
            disk.write(ByteBuffer.wrap(bytes), at);
            model.write(at, bytes);
          });
      long zeroesAt = (i * 53L % 50) * 1100;
      changes.add(
          disk -> {
            disk.writeZeroes(zeroesAt, 1300, ZeroMode.MAY_UNMAP);
            model.writeZeroes(zeroesAt, 1300);
          });
      long discardAt = (i * 61L % 50) * CLUSTER;
      changes.add(
          disk -> {
            disk.discard(discardAt, 2 * CLUSTER);
            // Clusters without a backing file: what is discarded in whole clusters reads as zeros.
            model.writeZeroes(discardAt, 2 * CLUSTER);
          });
    }
    return changes;
  }

  private static ImageCreator creator(Recorder file, Durability durability) {
    return Qcow2Image.create(file, SIZE)
        .clusterSize(CLUSTER)
        .refcountBits(64)
        .durability(durability);
  }

  @Test
  void changeThatReturnedSurvivesAPowerCutWithWritethrough() throws IOException {
    ReferenceDisk model = new ReferenceDisk(SIZE);
    try (Qcow2Image image = creator(file, Durability.WRITETHROUGH).build()) {
      for (Change change : changes(model)) {
        change.apply(image);
        SpecOracle survivor = SpecOracle.of(file.durable);
        assertThat(survivor.check().isSafe()).isTrue();
        assertThat(model.observe(0, survivor.read(0, SIZE))).isEmpty();
      }
    }
  }

  @Test
  void compressedWriteThatReturnedSurvivesAPowerCutWithWritethrough() throws IOException {
    try (Qcow2Image image = creator(file, Durability.WRITETHROUGH).build()) {
      byte[] ones = new byte[CLUSTER];
      Arrays.fill(ones, (byte) 1);
      image.writeCompressed(ByteBuffer.wrap(ones), 0);
      assertThat(SpecOracle.of(file.durable).read(0, CLUSTER)).isEqualTo(ones);
    }
  }

  @Test
  void changeOfARawDiskThatReturnedSurvivesAPowerCutWithWritethrough() throws IOException {
    file.setSize(SIZE);
    try (RawImage disk = RawImage.over(file, Durability.WRITETHROUGH)) {
      disk.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 1000);
      assertThat(file.durable[1001]).isEqualTo((byte) 2);
      disk.writeZeroes(1001, 1, ZeroMode.KEEP_ALLOCATED);
      assertThat(file.durable[1001]).isZero();
    }
  }

  @Test
  void dataFileIsAsDurableAsTheImageWithWritethrough() throws IOException {
    Recorder data = new Recorder();
    ReferencePolicy policy = reference -> new ReferencePolicy.Answer.UseStorage(data);
    ReferenceDisk model = new ReferenceDisk(SIZE);
    try (Qcow2Image image =
        creator(file, Durability.WRITETHROUGH).dataFile("data", false).references(policy).build()) {
      for (Change change : changes(model)) {
        change.apply(image);
        SpecOracle survivor = SpecOracle.of(file.durable).withDataFile(ByteSource.of(data.durable));
        assertThat(model.observe(0, survivor.read(0, SIZE))).isEmpty();
      }
    }
  }

  @Test
  void unsafeIssuesNoBarrierWhateverIsDone() throws IOException {
    ReferenceDisk model = new ReferenceDisk(SIZE);
    try (Qcow2Image image = creator(file, Durability.UNSAFE).build()) {
      for (Change change : changes(model)) {
        change.apply(image);
      }
      image.grow(2 * SIZE);
      image.flush();
    }
    assertThat(file.barriers).isZero();
    SpecOracle oracle = SpecOracle.of(file.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(model.observe(0, oracle.read(0, SIZE))).isEmpty();
  }

  @Test
  void unsafeIssuesNoBarrierForRawDisks() throws IOException {
    file.setSize(SIZE);
    try (RawImage disk = RawImage.over(file, Durability.UNSAFE)) {
      disk.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 1000);
      disk.flush();
    }
    assertThat(file.barriers).isZero();
    assertThat(file.toByteArray()[1001]).isEqualTo((byte) 2);
  }

  @Test
  void hostSeesTheSameWritesInTheSameOrderWithoutBarriers() throws IOException {
    assertThat(writesOf(Durability.UNSAFE)).isEqualTo(writesOf(Durability.WRITEBACK));
  }

  private static List<String> writesOf(Durability durability) throws IOException {
    Recorder file = new Recorder();
    try (Qcow2Image image = creator(file, durability).build()) {
      int count = 0;
      for (Change change : changes(new ReferenceDisk(SIZE))) {
        change.apply(image);
        if (count++ % 7 == 0) {
          image.flush();
        }
      }
    }
    return file.writes;
  }

  @ParameterizedTest
  @EnumSource(
      value = Durability.class,
      names = {"WRITEBACK", "WRITETHROUGH"})
  void barrierOfARawDiskThatFailedIsNeverFollowedBySuccess(Durability durability)
      throws IOException {
    file.setSize(SIZE);
    RawImage disk = RawImage.over(file, durability);
    file.failures = 1;
    assertThatThrownBy(
            () -> {
              disk.write(ByteBuffer.wrap(new byte[] {1}), 0);
              disk.flush();
            })
        .isInstanceOf(IOException.class);
    assertThatThrownBy(disk::flush).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> disk.write(ByteBuffer.wrap(new byte[] {1}), 0))
        .isInstanceOf(IOException.class);
    assertThatThrownBy(disk::close).isInstanceOf(IOException.class);
  }

  @Test
  void flushesThatWaitForTheirTurnShareOneEpoch() throws Exception {
    try (Qcow2Image image = creator(file, Durability.WRITEBACK).build()) {
      image.write(ByteBuffer.wrap(new byte[CLUSTER]), 0);
      image.flush();
      int before = file.barriers;
      // Somebody writes in place during every barrier, so there is always something to flush.
      file.duringBarrier = () -> image.write(ByteBuffer.wrap(new byte[] {1}), 0);
      file.mayReturn = new CountDownLatch(1);
      image.write(ByteBuffer.wrap(new byte[] {1}), 0);
      Thread first = new Thread(() -> flush(image));
      first.start();
      await(() -> file.barriers == before + 1);
      Thread second = new Thread(() -> flush(image));
      Thread third = new Thread(() -> flush(image));
      second.start();
      third.start();
      await(() -> isWaiting(second) && isWaiting(third));
      file.mayReturn.countDown();
      first.join();
      second.join();
      third.join();
      assertThat(file.barriers).isEqualTo(before + 2);
      file.duringBarrier = () -> {};
    }
  }

  private interface Condition {
    boolean holds();
  }

  private static void await(Condition condition) throws InterruptedException {
    while (!condition.holds()) {
      Thread.sleep(1);
    }
  }

  private static boolean isWaiting(Thread thread) {
    return thread.getState() == Thread.State.WAITING;
  }

  private static void flush(BlockDevice disk) {
    try {
      disk.flush();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private interface IoAction {
    void run() throws IOException;
  }

  /** Remembers what was written, and what of it is durable. */
  private static final class Recorder extends ForwardingStorage {
    final List<String> writes = new ArrayList<>();
    volatile byte[] durable = new byte[0];
    volatile int barriers;
    volatile int failures;
    volatile IoAction duringBarrier = () -> {};
    volatile CountDownLatch mayReturn = new CountDownLatch(0);

    private final HeapStorage heap;

    Recorder() {
      this(new HeapStorage("image"));
    }

    private Recorder(HeapStorage heap) {
      super(heap);
      this.heap = heap;
    }

    byte[] toByteArray() {
      return heap.toByteArray();
    }

    @Override
    protected int writeHook(ByteBuffer source, long position) throws IOException {
      synchronized (writes) {
        writes.add(position + " " + source.duplicate().hashCode() + " " + source.remaining());
      }
      return super.writeHook(source, position);
    }

    @Override
    protected void forceHook() throws IOException {
      if (failures > 0) {
        failures = 0;
        throw new IOException("planted");
      }
      durable = toByteArray();
      synchronized (writes) {
        barriers = barriers + 1;
      }
      duringBarrier.run();
      try {
        mayReturn.await();
      } catch (InterruptedException e) {
        throw new IOException(e);
      }
    }
  }
}
