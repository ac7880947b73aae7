package io.github.qcow2.testkit.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** Rules about failing hosts, each of which was once broken. */
final class FaultRulesTest {
  private static final int CLUSTER = 512;

  /** One refcount block of the images here counts so many bytes. */
  private static final int BYTES_PER_BLOCK = 64 * CLUSTER;

  /** What fails in part, on an image that is open. */
  @FunctionalInterface
  private interface Action {
    void run(Qcow2Image image) throws IOException;
  }

  /** An image with the smallest clusters and the widest refcounts, and some bytes written. */
  private static byte[] image(int size, int written) throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, size).clusterSize(CLUSTER).refcountBits(64).build()) {
      image.write(ByteBuffer.wrap(Content.bytes(1, 0, written)), 0);
    }
    return storage.toByteArray();
  }

  /**
   * Every call of one kind fails once during an action. That may then have failed or not; after a
   * second attempt on the same image nothing must be wrong with it, and nothing lost.
   */
  private static void succeedsWhenRepeated(byte[] start, StorageCall call, Action action)
      throws IOException {
    boolean hit = true;
    for (int k = 1; hit; k++) {
      HeapStorage storage = HeapStorage.copyOf("image", start);
      FaultyStorage faulty = new FaultyStorage(storage);
      try (Qcow2Image image = Qcow2Image.open(faulty).writable().cacheSize(1).build()) {
        faulty.faults().plan(Fault.at(k).of(call));
        try {
          action.run(image);
        } catch (IOException e) {
          assertThat(e).hasMessageContaining("Input/output error");
        }
        hit = faulty.faults().hits() > 0;
        faulty.faults().heal();
        action.run(image);
      }
      assertThat(SpecOracle.of(storage.toByteArray()).check().findings())
          .as("%s number %d", call, k)
          .isEmpty();
    }
  }

  @Test
  void headerThatCouldNotBeWrittenCanBeWrittenLater() throws IOException {
    byte[] start = image(96 << 10, 4096);
    succeedsWhenRepeated(start, StorageCall.WRITE, image -> image.grow(512 << 10));
  }

  @Test
  void refcountBlockThatCannotBeCountedStopsOnlyTheWriteThatNeededIt() throws IOException {
    byte[] start = image(512 << 10, BYTES_PER_BLOCK);
    byte[] bytes = Content.bytes(2, 0, 3 * BYTES_PER_BLOCK);
    succeedsWhenRepeated(
        start,
        StorageCall.READ,
        image -> image.write(ByteBuffer.wrap(bytes), 2L * BYTES_PER_BLOCK));
  }

  @Test
  void oldRefcountTableIsGivenBackEvenIfItsCountCannotBeReadAtOnce() throws IOException {
    byte[] start = image(3 << 20, (1 << 20) + (960 << 10));
    byte[] bytes = Content.bytes(2, 0, 64 << 10);
    succeedsWhenRepeated(
        start, StorageCall.READ, image -> image.write(ByteBuffer.wrap(bytes), (2 << 20) + 4096));
  }

  @Test
  void clustersAreGivenBackThoughWritingTheirCountsFailedOnTheWay() throws IOException {
    byte[] start = image(512 << 10, 16 * BYTES_PER_BLOCK);
    succeedsWhenRepeated(
        start,
        StorageCall.WRITE,
        image -> {
          image.discard(0, 512 << 10);
          image.flush();
        });
  }

  @Test
  void clustersWhoseCountsCannotBeReadAreGivenBackBeforeTheImageIsClosed() throws IOException {
    byte[] start = image(512 << 10, 16 * BYTES_PER_BLOCK);
    int closed = 0;
    boolean hit = true;
    for (int k = 1; hit; k++) {
      HeapStorage storage = HeapStorage.copyOf("image", start);
      FaultyStorage faulty = new FaultyStorage(storage);
      try (Qcow2Image image = Qcow2Image.open(faulty).writable().cacheSize(1).build()) {
        image.discard(0, 512 << 10);
        faulty.faults().plan(Fault.at(k).of(StorageCall.READ));
      }
      hit = faulty.faults().hits() > 0;
      closed++;
      assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
    }
    assertThat(closed).as("the counts are not in memory when they are needed").isGreaterThan(10);
  }

  @Test
  void closeReportsAFailureAndReleasesTheFileAllTheSame() throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", image(512 << 10, 4096));
    FaultyStorage faulty = new FaultyStorage(storage);
    Qcow2Image image = Qcow2Image.open(faulty).writable().build();
    image.write(ByteBuffer.wrap(Content.bytes(2, 0, 4096)), 65_536);
    faulty.faults().plan(Fault.at(1).of(StorageCall.WRITE));

    assertThatIOException().isThrownBy(image::close).withMessageContaining("Input/output error");

    assertThat(faulty.faults().calls(StorageCall.CLOSE)).isEqualTo(1);
    assertThatIOException().isThrownBy(storage::size).withMessageContaining("closed");
    image.close();
  }
}
