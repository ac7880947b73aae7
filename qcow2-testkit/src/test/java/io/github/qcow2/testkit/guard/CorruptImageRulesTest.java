package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ConcurrentLinkedQueue;
import org.junit.jupiter.api.Test;

/** What becomes of an image in which a change has come upon damage. */
final class CorruptImageRulesTest {
  private static final int CLUSTER = TrapImage.CLUSTER;
  private static final long COPIED = 1L << 63;

  /** Overwriting guest cluster 0 would hit the refcount table. */
  private static BuiltImage trapped() {
    BuiltImage built = TrapImage.build();
    return Trap.OVERWRITE.set(built, built.refcountTableOffset());
  }

  private static Qcow2Image open(HeapStorage storage) throws IOException {
    return Qcow2Image.open(storage).writable().build();
  }

  private static HeapStorage storage(BuiltImage built) {
    return HeapStorage.copyOf("image", built.bytes());
  }

  private static ByteBuffer filled(int value) {
    return ByteBuffer.wrap(TrapImage.filled(value));
  }

  private static byte[] read(BlockDevice device, long position) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(CLUSTER);
    device.read(bytes, position);
    return bytes.array();
  }

  @Test
  void everyChangeIsRefusedAndEveryReadIsServed() throws IOException {
    HeapStorage storage = storage(trapped());
    try (Qcow2Image image = open(storage)) {
      assertThatThrownBy(() -> Trap.OVERWRITE.spring(image))
          .isInstanceOf(CorruptImageException.class);
      List<org.assertj.core.api.ThrowableAssert.ThrowingCallable> changes =
          List.of(
              () -> image.write(filled(1), 64 * CLUSTER),
              () -> image.writeCompressed(filled(1), 64 * CLUSTER),
              () -> image.writeZeroes(64 * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP),
              () -> image.discard(64 * CLUSTER, CLUSTER),
              () -> image.grow(1 << 20));
      for (org.assertj.core.api.ThrowableAssert.ThrowingCallable change : changes) {
        assertThatThrownBy(change)
            .isInstanceOf(CorruptImageException.class)
            .hasMessageStartingWith("image: ")
            .hasMessageContaining("no more changes, since the image has been found corrupt")
            .hasMessageContaining("refcount table");
      }
      assertThat(read(image, 64 * CLUSTER)).containsOnly(6);
      assertThat(read(image, 128 * CLUSTER)).containsOnly(0);
      try (BlockDevice kept = image.openSnapshot("kept")) {
        assertThat(read(kept, 0)).containsOnly(1);
      }
    }
  }

  @Test
  void markIsOnDiskWhenTheExceptionIsThrown() throws IOException {
    HeapStorage storage = storage(trapped());
    Qcow2Image image = open(storage);
    assertThatThrownBy(() -> Trap.OVERWRITE.spring(image)).isNotNull();
    HeapStorage afterCrash = HeapStorage.copyOf("image", storage.toByteArray());
    assertThatThrownBy(() -> open(afterCrash)).isInstanceOf(CorruptImageException.class);
    try (Qcow2Image reader = Qcow2Image.open(afterCrash).build()) {
      assertThat(reader.header().isCorrupt()).isTrue();
      assertThat(read(reader, 64 * CLUSTER)).containsOnly(6);
    }
    image.close();
  }

  @Test
  void flushStillMakesDurableWhatWasAcknowledgedBefore() throws IOException {
    HeapStorage storage = storage(trapped());
    try (Qcow2Image image = open(storage)) {
      image.write(filled(8), 70 * CLUSTER);
      image.write(filled(9), 130 * CLUSTER);
      assertThatThrownBy(() -> Trap.OVERWRITE.spring(image)).isNotNull();
      image.flush();
      SpecOracle oracle = SpecOracle.of(storage.toByteArray());
      assertThat(oracle.read(70 * CLUSTER, CLUSTER)).containsOnly(8);
      assertThat(oracle.read(130 * CLUSTER, CLUSTER)).containsOnly(9);
    }
  }

  /** Who drops a cluster twice, or what nobody counts, may have dropped what others use. */
  @Test
  void nothingIsGivenBackInACorruptImage() throws IOException {
    HeapStorage storage = storage(trapped());
    try (Qcow2Image image = open(storage)) {
      image.discard(64 * CLUSTER, CLUSTER);
      assertThatThrownBy(() -> Trap.OVERWRITE.spring(image)).isNotNull();
    }
    BuiltImage built = TrapImage.build();
    long dropped = built.hostOffset(64);
    assertThat(built.builtRefcount(dropped)).isEqualTo(1);
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings())
        .anySatisfy(
            finding -> {
              assertThat(finding.kind().name()).isEqualTo("LEAK");
              assertThat(finding.offset()).isEqualTo(dropped);
            });
  }

  @Test
  void version2ImageIsRefusedInMemoryAlone() throws IOException {
    ImageShape shape = new ImageShape(2, 9, 4, false, 32768, ImageShape.Backing.NONE, 0);
    BuiltImage built = ImageBuilder.of(shape).data(0, TrapImage.filled(1)).build();
    BuiltImage spoiled = Trap.OVERWRITE.set(built, built.refcountTableOffset());
    HeapStorage storage = storage(spoiled);
    try (Qcow2Image image = open(storage)) {
      assertThatThrownBy(() -> Trap.OVERWRITE.spring(image))
          .isInstanceOf(CorruptImageException.class);
      assertThatThrownBy(() -> image.write(filled(1), 5 * CLUSTER))
          .hasMessageContaining("found corrupt");
    }
    TrapImage.assertSame(storage.toByteArray(), spoiled.bytes());
  }

  @Test
  void markThatCannotBeMadeIsSaidWithTheDamage() throws IOException {
    HeapStorage heap = storage(trapped());
    FaultyStorage storage = new FaultyStorage(heap);
    Qcow2Image image = Qcow2Image.open(storage).writable().build();
    storage.faults().plan(Fault.at(1).of(StorageCall.WRITE));
    assertThatThrownBy(() -> Trap.OVERWRITE.spring(image))
        .hasMessageContaining("overlaps with refcount table")
        .satisfies(
            e ->
                assertThat(e.getSuppressed())
                    .hasSize(1)
                    .allMatch(second -> second.toString().contains("Input/output error")));
    assertThatThrownBy(() -> image.write(filled(1), 64 * CLUSTER))
        .isInstanceOf(CorruptImageException.class);
    assertThat(image.header().isCorrupt()).isFalse();
    image.close();
    assertThat(heap.toByteArray()[79]).as("at the close, at last").isEqualTo((byte) 2);
  }

  @Test
  void imageThatCouldNotBeMarkedDoesNotCloseInSilence() throws IOException {
    FaultyStorage storage = new FaultyStorage(storage(trapped()));
    Qcow2Image image = Qcow2Image.open(storage).writable().build();
    storage.faults().plan(Fault.at(1).of(StorageCall.WRITE).forGood());
    assertThatThrownBy(() -> Trap.OVERWRITE.spring(image)).isNotNull();
    assertThatThrownBy(image::close).isInstanceOf(IOException.class);
  }

  @Test
  void threadsThatWriteMeanwhileAreRefusedAndClosingDoesNotWait() throws Exception {
    HeapStorage storage = storage(trapped());
    Qcow2Image image = open(storage);
    ConcurrentLinkedQueue<Throwable> failures = new ConcurrentLinkedQueue<>();
    List<Thread> writers = new ArrayList<>();
    for (int i = 0; i < 4; i++) {
      int start = 64 + 30 * i;
      Thread writer =
          new Thread(
              () -> {
                try {
                  for (int n = 0; ; n++) {
                    image.write(filled(n), (start + n % 30L) * CLUSTER);
                  }
                } catch (Throwable t) {
                  failures.add(t);
                }
              });
      writer.start();
      writers.add(writer);
    }
    assertThatThrownBy(() -> Trap.OVERWRITE.spring(image))
        .hasMessageContaining("overlaps with refcount table");
    for (Thread writer : writers) {
      writer.join();
    }
    image.close();
    assertThat(failures).hasSize(4).allMatch(CorruptImageException.class::isInstance);
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.header().incompatible()).isEqualTo(2);
    assertThatCode(() -> oracle.read(0, TrapImage.DISK)).doesNotThrowAnyException();
    assertThatThrownBy(() -> image.write(filled(0), 0)).isInstanceOf(DeviceClosedException.class);
  }

  /** Entries that break a rule, each of which QEMU takes for a reason to mark the image, too. */
  @Test
  void brokenEntryThatAChangeComesUponMarksTheImage() throws IOException {
    BuiltImage built = TrapImage.build();
    long block = built.u64(built.refcountTableOffset());
    List<BuiltImage> broken =
        List.of(
            withUnalignedData(),
            withUnalignedDataToCopy(),
            withUnalignedTable(),
            built.withU64(built.refcountTableOffset(), block | 1L << 60));
    for (int i = 0; i < broken.size(); i++) {
      HeapStorage storage = storage(broken.get(i));
      try (Qcow2Image image = open(storage)) {
        // Nine clusters and a bit, so that what is broken is found on the way.
        int length = 9 * image.geometry().clusterSize();
        assertThatThrownBy(() -> image.write(ByteBuffer.allocate(length), 256))
            .as("image %s", i)
            .isInstanceOf(CorruptImageException.class);
      }
      assertThat(storage.toByteArray()[79]).as("image %s", i).isEqualTo((byte) 2);
      assertThat(SpecOracle.of(storage.toByteArray()).check().findings())
          .isEqualTo(SpecOracle.of(broken.get(i).bytes()).check().findings());
    }
  }

  /** Clusters of 1024 bytes, since in those of 512 no offset in an entry is unaligned. */
  private static BuiltImage withTenClusters() {
    ImageBuilder builder = ImageBuilder.of(10, 64 << 10);
    for (int i = 0; i < 10; i++) {
      builder.data(i, TrapImage.filled(i));
    }
    return builder.build();
  }

  private static BuiltImage withUnalignedData() {
    BuiltImage built = withTenClusters();
    long entry = built.l2EntryOffset(1);
    return built.withU64(entry, built.u64(entry) | 512);
  }

  /** All entries say that they are shared, and from the last one a write has to copy. */
  private static BuiltImage withUnalignedDataToCopy() {
    BuiltImage built = withTenClusters();
    for (int i = 0; i < 10; i++) {
      long entry = built.l2EntryOffset(i);
      built = built.withU64(entry, (built.u64(entry) & ~COPIED) | (i == 9 ? 512 : 0));
    }
    return built;
  }

  private static BuiltImage withUnalignedTable() {
    BuiltImage built = withTenClusters();
    long entry = built.l1EntryOffset(0);
    return built.withU64(entry, built.u64(entry) | 512);
  }

  @Test
  void zeroFlagInVersion2EndsChanges() throws IOException {
    ImageShape shape = new ImageShape(2, 9, 4, false, 32768, ImageShape.Backing.NONE, 0);
    BuiltImage built = ImageBuilder.of(shape).data(0, TrapImage.filled(1)).build();
    HeapStorage storage =
        storage(built.withU64(built.l2EntryOffset(0), built.u64(built.l2EntryOffset(0)) | 1));
    try (Qcow2Image image = open(storage)) {
      assertThatThrownBy(() -> image.write(filled(1), 0)).isInstanceOf(CorruptImageException.class);
      assertThatThrownBy(() -> image.write(filled(1), 5 * CLUSTER))
          .hasMessageContaining("found corrupt");
    }
  }

  /** The discard itself is done; that nobody had counted the cluster shows when it is freed. */
  @Test
  void droppedClusterWithoutCountMarksTheImage() throws IOException {
    BuiltImage built = TrapImage.build();
    HeapStorage storage = storage(built.withRefcount(built.hostOffset(64), 0));
    try (Qcow2Image image = open(storage)) {
      image.discard(64 * CLUSTER, CLUSTER);
      image.flush();
      assertThat(image.header().isCorrupt()).isTrue();
      assertThat(read(image, 64 * CLUSTER)).containsOnly(0);
    }
    assertThat(SpecOracle.of(storage.toByteArray()).check().isClean()).isTrue();
  }

  /** QEMU marks on reads, too; here a read changes nothing, and other clusters remain writable. */
  @Test
  void readMarksNothing() throws IOException {
    BuiltImage broken = withUnalignedData();
    HeapStorage storage = storage(broken);
    try (Qcow2Image image = open(storage)) {
      assertThatThrownBy(() -> image.read(ByteBuffer.allocate(1024), 1024))
          .isInstanceOf(CorruptImageException.class);
      assertThat(image.header().isCorrupt()).isFalse();
      image.write(filled(7), 20 * 1024);
      assertThat(read(image, 20 * 1024)).containsOnly(7);
    }
    assertThat(storage.toByteArray()[79]).isZero();
  }

  /**
   * Damage further down the chain, or of data alone, says nothing about the tables of the image.
   */
  @Test
  void whatCannotBeCopiedFromABrokenBackingFileOrStreamMarksNothing() throws IOException {
    HeapStorage base = storage(withUnalignedData());
    BuiltImage built =
        ImageBuilder.of(10, 64 << 10)
            .backing("base", "qcow2")
            .compressedStream(5, new byte[] {-1, -1, -1, -1})
            .build();
    HeapStorage storage = storage(built);
    try (Qcow2Image backing = Qcow2Image.open(base).build();
        Qcow2Image image =
            Qcow2Image.open(storage)
                .references(reference -> new ReferencePolicy.Answer.UseDevice(backing))
                .writable()
                .build()) {
      assertThatThrownBy(() -> image.write(ByteBuffer.allocate(10), 1024))
          .isInstanceOf(CorruptImageException.class);
      assertThatThrownBy(() -> image.write(ByteBuffer.allocate(10), 5 * 1024))
          .isInstanceOf(CorruptImageException.class);
      image.write(filled(7), 20 * 1024);
      assertThat(image.header().isCorrupt()).isFalse();
    }
  }

  @Test
  void imageOpenedReadOnlyIsNeverMarked() throws IOException {
    HeapStorage storage = storage(trapped());
    try (Qcow2Image image = Qcow2Image.open(storage).build()) {
      image.read(ByteBuffer.allocate(TrapImage.DISK), 0);
    }
    TrapImage.assertSame(storage.toByteArray(), trapped().bytes());
  }
}
