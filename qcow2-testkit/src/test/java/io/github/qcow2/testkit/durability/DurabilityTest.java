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
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** What the durability modes promise, seen from the storage. */
final class DurabilityTest {
  private static final int CLUSTER = 512;
  private static final int SIZE = 1 << 20;

  private final RecordedFile file = new RecordedFile();

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

  private static ImageCreator creator(RecordedFile file, Durability durability) {
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
        SpecOracle survivor = SpecOracle.of(file.durable());
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
      assertThat(SpecOracle.of(file.durable()).read(0, CLUSTER)).isEqualTo(ones);
    }
  }

  @Test
  void changeOfARawDiskThatReturnedSurvivesAPowerCutWithWritethrough() throws IOException {
    file.setSize(SIZE);
    try (RawImage disk = RawImage.over(file, Durability.WRITETHROUGH)) {
      disk.write(ByteBuffer.wrap(new byte[] {1, 2, 3}), 1000);
      assertThat(file.durable()[1001]).isEqualTo((byte) 2);
      disk.writeZeroes(1001, 1, ZeroMode.KEEP_ALLOCATED);
      assertThat(file.durable()[1001]).isZero();
    }
  }

  @Test
  void dataFileIsAsDurableAsTheImageWithWritethrough() throws IOException {
    RecordedFile data = new RecordedFile();
    ReferencePolicy policy = reference -> new ReferencePolicy.Answer.UseStorage(data);
    ReferenceDisk model = new ReferenceDisk(SIZE);
    try (Qcow2Image image =
        creator(file, Durability.WRITETHROUGH).dataFile("data", false).references(policy).build()) {
      for (Change change : changes(model)) {
        change.apply(image);
        SpecOracle survivor =
            SpecOracle.of(file.durable()).withDataFile(ByteSource.of(data.durable()));
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
    assertThat(file.barriers()).isZero();
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
    assertThat(file.barriers()).isZero();
    assertThat(file.toByteArray()[1001]).isEqualTo((byte) 2);
  }

  @Test
  void hostSeesTheSameWritesInTheSameOrderWithoutBarriers() throws IOException {
    assertThat(writesOf(Durability.UNSAFE)).isEqualTo(writesOf(Durability.WRITEBACK));
  }

  private static List<RecordedFile.Write> writesOf(Durability durability) throws IOException {
    RecordedFile file = new RecordedFile();
    try (Qcow2Image image = creator(file, durability).build()) {
      int count = 0;
      for (Change change : changes(new ReferenceDisk(SIZE))) {
        change.apply(image);
        if (count++ % 7 == 0) {
          image.flush();
        }
      }
    }
    return file.writes();
  }

  @ParameterizedTest
  @EnumSource(
      value = Durability.class,
      names = {"WRITEBACK", "WRITETHROUGH"})
  void barrierOfARawDiskThatFailedIsNeverFollowedBySuccess(Durability durability)
      throws IOException {
    file.setSize(SIZE);
    RawImage disk = RawImage.over(file, durability);
    AtomicInteger failures = new AtomicInteger(1);
    file.listener(
        event -> {
          if (event instanceof RecordedFile.Barrier && failures.getAndDecrement() > 0) {
            throw new IOException("planted");
          }
        });
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
      file.forget();
      CountDownLatch mayReturn = new CountDownLatch(1);
      CountDownLatch reached = new CountDownLatch(1);
      file.listener(
          event -> {
            if (event instanceof RecordedFile.Barrier) {
              // Somebody writes in place meanwhile, so there is always something to flush.
              image.write(ByteBuffer.wrap(new byte[] {1}), 0);
              reached.countDown();
              awaitUninterrupted(mayReturn);
            }
          });
      image.write(ByteBuffer.wrap(new byte[] {1}), 0);
      Thread first = new Thread(() -> flush(image));
      first.start();
      awaitUninterrupted(reached);
      Thread second = new Thread(() -> flush(image));
      Thread third = new Thread(() -> flush(image));
      second.start();
      third.start();
      while (!isWaiting(second) || !isWaiting(third)) {
        Thread.sleep(1);
      }
      mayReturn.countDown();
      first.join();
      second.join();
      third.join();
      assertThat(file.barriers()).isEqualTo(2);
      file.listener(event -> {});
    }
  }

  private static void awaitUninterrupted(CountDownLatch latch) {
    try {
      latch.await();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
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
}
