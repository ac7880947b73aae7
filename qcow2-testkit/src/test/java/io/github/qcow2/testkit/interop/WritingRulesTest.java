package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** What a write must leave where implementations of the format have gone wrong. */
final class WritingRulesTest {
  private static final int SIZE = 1 << 20;

  @TempDir Path directory;

  @Test
  void clusterZeroIsNeverHandedOutWhateverItsRefcountSays() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 100 << 10).data(0, new byte[512]).build();
    byte[] header = Arrays.copyOf(built.bytes(), 512);
    HeapStorage storage = HeapStorage.copyOf("image", built.withRefcount(0, 0).bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      GuestBytes.fill(image, 1, 0, 100 << 10);
    }
    assertThat(Arrays.copyOf(storage.toByteArray(), 512)).isEqualTo(header);
  }

  @Test
  void clusterThatASnapshotSharesIsCopiedAndNotWrittenInPlace() throws IOException {
    byte[] data = Content.bytes(1, 0, 512);
    BuiltImage built =
        ImageBuilder.of(9, 100 << 10).data(0, data).snapshot("kept").data(5, data).build();
    HeapStorage storage = HeapStorage.copyOf("image", built.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      GuestBytes.fill(image, 7, 0, 100);
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    byte[] kept = new byte[512];
    oracle.snapshotContent(0).read(0, kept, 0, 512);
    assertThat(kept).isEqualTo(data);
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(0, 100)).containsOnly(7);
  }

  @ParameterizedTest
  @CsvSource({"MAY_UNMAP, 3", "KEEP_ALLOCATED, 3", "MAY_UNMAP, 2", "KEEP_ALLOCATED, 2"})
  void zeroesHideTheBackingFileWhateverWasThereBefore(ZeroMode mode, int version)
      throws IOException {
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, SIZE).version(version).backing("base", "raw").createOnly();
    byte[] expected = GuestBytes.repeat(9, SIZE);
    try (BlockDevice below =
        RawImage.over(HeapStorage.copyOf("base", GuestBytes.repeat(9, SIZE)))) {
      for (int round = 0; round < 2; round++) {
        try (Qcow2Image image =
            Qcow2Image.open(HeapStorage.copyOf("image", storage.toByteArray()))
                .writable()
                .references(ReferencePolicy.explicit(below))
                .build()) {
          if (round == 1) {
            GuestBytes.fill(image, 3, 100_000, 300_000);
            Arrays.fill(expected, 100_000, 400_000, (byte) 3);
          }
          image.writeZeroes(65_536, 131_072, mode);
          image.writeZeroes(300_001, 70_003, mode);
          Arrays.fill(expected, 65_536, 196_608, (byte) 0);
          Arrays.fill(expected, 300_001, 370_004, (byte) 0);
          assertSame(GuestBytes.of(image), expected, "round " + round);
          image.discard(0, SIZE);
          byte[] discarded = GuestBytes.of(image);
          for (int i = 65_536; i < 196_608; i++) {
            assertThat(discarded[i]).isZero();
          }
          Arrays.fill(expected, (byte) 9);
        }
      }
    }
  }

  @Test
  void fullRefcountTableIsATypedErrorAndNothingIsLost() throws IOException {
    HeapStorage created = new HeapStorage("image");
    int size = 8 << 20;
    Qcow2Image.create(created, size).clusterSize(512).refcountBits(64).createOnly();
    HeapStorage storage = HeapStorage.copyOf("image", created.toByteArray());
    int written = 0;
    try (Qcow2Image image =
        Qcow2Image.open(storage)
            .writable()
            .limits(Limits.DEFAULT.withRefcountTableBytes(512))
            .build()) {
      LimitExceededException full = null;
      while (full == null && written < size) {
        try {
          image.write(ByteBuffer.wrap(Content.bytes(1, written, 4096)), written);
          written += 4096;
        } catch (LimitExceededException e) {
          full = e;
        }
      }
      assertThat(full).isNotNull().hasMessageContaining("full");
      assertThat(written).isGreaterThan(1 << 20);
      byte[] again = Content.bytes(2, 0, 4096);
      image.write(ByteBuffer.wrap(again), 0);
      assertSame(GuestBytes.of(image, 0, 4096), again, "rewritten in place");
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().isSafe()).isTrue();
    assertSame(
        oracle.read(4096, written - 4096), Content.bytes(1, 4096, written - 4096), "the rest");
  }

  @Test
  void l1TableOfManyClustersKeepsOutOfTheWayOfEverythingElse() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    long size = 100L << 20;
    Random random = new Random(1);
    try (Qcow2Image image = Qcow2Image.create(storage, size).clusterSize(512).build()) {
      for (int i = 0; i < 400; i++) {
        GuestBytes.fill(image, i, random.nextInt((int) size - 3000), 1 + random.nextInt(3000));
      }
      image.grow(2 * size);
      for (int i = 0; i < 200; i++) {
        GuestBytes.fill(image, i, random.nextInt((int) (2 * size) - 3000), 2000);
      }
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void writePastTheEndIsAnErrorAndNotCut() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image = Qcow2Image.create(storage, SIZE).build()) {
      assertThatThrownBy(() -> GuestBytes.fill(image, 1, SIZE - 100, 101))
          .isInstanceOf(IndexOutOfBoundsException.class);
      assertThat(GuestBytes.of(image, SIZE - 100, 100)).containsOnly(0);
    }
  }

  @Test
  void failedBarrierIsReportedByEveryFlushAfterItAndByClose() throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", empty());
    FaultyStorage faulty = new FaultyStorage(storage);
    Qcow2Image image = Qcow2Image.open(faulty).writable().build();
    GuestBytes.fill(image, 1, 0, 100_000);
    faulty.faults().plan(Fault.at(1).of(StorageCall.FORCE));
    assertThatThrownBy(image::flush).isInstanceOf(IOException.class);
    // The host may have thrown the bytes away: a barrier that succeeds now proves nothing.
    assertThatThrownBy(image::flush).isInstanceOf(IOException.class);
    assertThatThrownBy(image::close).isInstanceOf(IOException.class);
    assertThat(SpecOracle.of(storage.toByteArray()).check().isSafe()).isTrue();
  }

  @Test
  void closeThatCannotWriteItsTablesFails() throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", empty());
    FaultyStorage faulty = new FaultyStorage(storage);
    Qcow2Image image = Qcow2Image.open(faulty).writable().build();
    GuestBytes.fill(image, 1, 0, 100_000);
    faulty.faults().plan(Fault.at(1).of(StorageCall.WRITE).forGood());
    assertThatThrownBy(image::close).isInstanceOf(IOException.class);
    assertThat(SpecOracle.of(storage.toByteArray()).check().isSafe()).isTrue();
  }

  @Test
  void failedFlushCanBeRepeatedOnceWritesWorkAgain() throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", empty());
    FaultyStorage faulty = new FaultyStorage(storage);
    try (Qcow2Image image = Qcow2Image.open(faulty).writable().build()) {
      GuestBytes.fill(image, 1, 0, 100_000);
      faulty.faults().plan(Fault.at(1).of(StorageCall.WRITE).forGood());
      assertThatThrownBy(image::flush).isInstanceOf(IOException.class);
      assertThatThrownBy(() -> GuestBytes.fill(image, 2, 500_000, 512))
          .isInstanceOf(IOException.class);
      faulty.faults().heal();
      GuestBytes.fill(image, 3, 600_000, 512);
      image.flush();
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.read(0, 100_000)).containsOnly(1);
    assertThat(oracle.read(500_000, 512)).containsOnly(0);
    assertThat(oracle.read(600_000, 512)).containsOnly(3);
  }

  @Test
  void interruptedThreadLosesNoWriteAndClosesNothing() throws IOException {
    Path path = directory.resolve("a.qcow2");
    try (Qcow2Image image = Qcow2Image.create(path, SIZE).build()) {
      for (int i = 0; i < 20; i++) {
        Thread.currentThread().interrupt();
        GuestBytes.fill(image, i + 1, i * 40_000L, 40_000);
        if (i % 5 == 0) {
          image.flush();
        }
        assertThat(Thread.interrupted()).as("the flag stays").isTrue();
      }
      Thread.currentThread().interrupt();
      assertThat(GuestBytes.of(image, 40_000, 40_000)).containsOnly(2);
      assertThat(Thread.interrupted()).isTrue();
    }
    try (Qcow2Image image = Qcow2Image.open(path).build()) {
      for (int i = 0; i < 20; i++) {
        assertThat(GuestBytes.of(image, i * 40_000L, 40_000)).containsOnly(i + 1);
      }
    }
  }

  private static byte[] empty() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, SIZE).createOnly();
    return storage.toByteArray();
  }
}
