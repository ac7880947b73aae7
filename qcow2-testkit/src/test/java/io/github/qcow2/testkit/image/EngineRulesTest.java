package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Rules of the write engine, each of which was once broken. */
final class EngineRulesTest {
  private static final int CLUSTER = 4096;

  @TempDir Path directory;

  /** An image of 1 MiB whose first eight clusters hold ones. */
  private static HeapStorage image() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, 1 << 20).clusterSize(CLUSTER).build()) {
      image.write(ones(8 * CLUSTER), 0);
    }
    return storage;
  }

  private static ByteBuffer ones(int length) {
    byte[] bytes = new byte[length];
    java.util.Arrays.fill(bytes, (byte) 1);
    return ByteBuffer.wrap(bytes);
  }

  /** The image with the L2 entry of its second cluster replaced. */
  private static HeapStorage withSecondEntry(long entry) throws IOException {
    byte[] bytes = image().toByteArray();
    ByteBuffer words = ByteBuffer.wrap(bytes);
    long l2 = words.getLong((int) words.getLong(40)) & 0x00ff_ffff_ffff_fe00L;
    words.putLong((int) l2 + 8, entry);
    return HeapStorage.copyOf("image", bytes);
  }

  @Test
  void clusterZeroIsNeverHandedOutWhateverABrokenEntrySays() throws IOException {
    for (long entry : new long[] {0x200, 0x8000_0000_0000_0200L, 0x4000_0000_0000_0000L}) {
      HeapStorage storage = withSecondEntry(entry);
      try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
        assertThatThrownBy(() -> image.writeZeroes(0, 2 * CLUSTER, ZeroMode.MAY_UNMAP))
            .isInstanceOf(CorruptImageException.class);
        image.flush();
        image.flush();
        assertThatThrownBy(() -> image.write(ones(64 * CLUSTER), 64 * CLUSTER))
            .isInstanceOf(CorruptImageException.class);
      }
      assertThat(storage.toByteArray()).startsWith('Q', 'F', 'I', 0xfb);
    }
  }

  @Test
  void barrierThatFailedOnceIsNeverFollowedBySuccess() throws IOException {
    HeapStorage heap = image();
    AtomicInteger failures = new AtomicInteger();
    Storage failing = new FailingBarrier(heap, failures);
    Qcow2Image image = Qcow2Image.open(failing).writable().build();
    image.write(ones(CLUSTER), 100 * CLUSTER);
    failures.set(1);
    assertThatThrownBy(image::flush).isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(image::flush).isInstanceOf(IOException.class);
    assertThatThrownBy(() -> image.write(ones(1), 0)).isInstanceOf(IOException.class);
    assertThatThrownBy(image::close).isInstanceOf(IOException.class);
  }

  @Test
  void fullImageWaitsForClustersThatOnlyAFlushCanFree() throws IOException {
    Limits small = Limits.DEFAULT.withRefcountTableBytes(512);
    HeapStorage storage = new HeapStorage("image");
    // 64 table entries, 64 counts a block, 512 bytes each: 2 MiB of host file at most.
    Qcow2Image.create(storage, 4 << 20).clusterSize(512).refcountBits(64).createOnly();
    storage = HeapStorage.copyOf("image", storage.toByteArray());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().limits(small).build()) {
      image.write(ones(1_500_000), 0);
      image.discard(0, 1_500_000);
      image.write(ones(1_500_000), 2_000_384);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void refcountTableGrowsUpToItsLimit() throws IOException {
    // Growth by half of 4 clusters would be 6; the limit allows 5.
    Limits five = Limits.DEFAULT.withRefcountTableBytes(5 * 512);
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, 64 << 20).clusterSize(512).refcountBits(64).createOnly();
    storage = HeapStorage.copyOf("image", storage.toByteArray());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().limits(five).build()) {
      long at = 0;
      try {
        for (; at < image.size(); at += 65_536) {
          image.write(ones(65_536), at);
        }
      } catch (io.github.qcow2.error.LimitExceededException e) {
        image.flush();
      }
      assertThat(image.header().refcountTableClusters()).isEqualTo(5);
      assertThat(at).isGreaterThan(4 * (2 << 20));
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().isSafe()).isTrue();
  }

  @Test
  void newDataFileMustNotBeTheBackingFile() throws IOException {
    Path backing = Files.write(directory.resolve("b.raw"), new byte[] {1, 2, 3});
    assertThatThrownBy(
            () ->
                Qcow2Image.create(directory.resolve("image"), 4096)
                    .backing("b.raw", "raw")
                    .dataFile("b.raw", false)
                    .references(ReferencePolicy.allowAll())
                    .overwriteExisting()
                    .build())
        .isInstanceOf(CorruptImageException.class);
    assertThat(Files.readAllBytes(backing)).containsExactly(1, 2, 3);
    assertThat(directory.resolve("image")).doesNotExist();
  }

  @Test
  void newDataFileMustNotBeTheImageItReplaces() throws IOException {
    Path image = Files.write(directory.resolve("image"), new byte[] {1, 2, 3});
    assertThatThrownBy(
            () ->
                Qcow2Image.create(image, 4096)
                    .dataFile("image", false)
                    .references(ReferencePolicy.allowAll())
                    .overwriteExisting()
                    .build())
        .isInstanceOf(CorruptImageException.class);
    assertThat(Files.readAllBytes(image)).containsExactly(1, 2, 3);
  }

  @Test
  void failedCreationLeavesNoFileBehind() {
    assertThatThrownBy(
            () ->
                Qcow2Image.create(directory.resolve("new"), 4096)
                    .backing("missing", "raw")
                    .references(ReferencePolicy.allowAll())
                    .build())
        .isInstanceOf(IOException.class);
    assertThat(directory).isEmptyDirectory();
  }

  @Test
  void emptyDiskIsOneExtentHoweverLarge() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, 1L << 40).build()) {
      assertThat(image.extents(0, image.size()).toList()).hasSize(1);
    }
  }

  /** Throws what no storage should, as often as it is told. */
  private static final class FailingBarrier extends ForwardingStorage {
    private final AtomicInteger failures;

    FailingBarrier(HeapStorage heap, AtomicInteger failures) {
      super(HeapStorage.copyOf("failing", heap.toByteArray()));
      this.failures = failures;
    }

    @Override
    protected void forceHook() {
      if (failures.getAndDecrement() > 0) {
        throw new IllegalStateException("planted");
      }
    }
  }
}
