package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Header;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.durability.RecordedFile.Barrier;
import io.github.qcow2.testkit.durability.RecordedFile.Event;
import io.github.qcow2.testkit.durability.RecordedFile.Write;
import io.github.qcow2.testkit.oracle.Finding;
import io.github.qcow2.testkit.oracle.FindingKind;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a session with lazy refcounts writes when, and what it leaves behind. */
final class LazyRefcountsTest {
  private static final int CLUSTER = 4096;

  @TempDir Path directory;

  /** An image of 4 MiB that permits lazy refcounts and whose first cluster is allocated. */
  private static byte[] image(boolean lazy) throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, 4 << 20).clusterSize(CLUSTER).lazyRefcounts(lazy).build()) {
      image.write(filled(CLUSTER, 9), 0);
    }
    return storage.toByteArray();
  }

  private static ByteBuffer filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return ByteBuffer.wrap(bytes);
  }

  private static boolean isDirty(byte[] file) {
    return (file[Header.INCOMPATIBLE_FEATURES_OFFSET + 7] & 1) != 0;
  }

  private static boolean isDirtyBit(Event event) {
    return event instanceof Write write && write.position() == Header.INCOMPATIBLE_FEATURES_OFFSET;
  }

  private interface Action {
    void on(Qcow2Image image) throws IOException;
  }

  /** Each changes entries or counts. */
  private static List<Action> changes() {
    return List.of(
        image -> image.write(filled(100, 1), 1 << 20),
        image -> image.writeCompressed(filled(CLUSTER, 1), 1 << 20),
        image -> image.writeZeroes(1 << 20, CLUSTER, ZeroMode.KEEP_ALLOCATED),
        image -> image.writeZeroes(0, CLUSTER, ZeroMode.MAY_UNMAP),
        image -> image.discard(0, CLUSTER),
        image -> image.grow(1L << 32));
  }

  @Test
  void dirtyBitIsDurableBeforeTheFirstChangeReachesTheFile() throws IOException {
    for (Action change : changes()) {
      RecordedFile file = new RecordedFile(image(true));
      try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
        List<Event> early = new ArrayList<>();
        file.listener(
            event -> {
              if (!isDirty(file.durable()) && !isDirtyBit(event) && !(event instanceof Barrier)) {
                early.add(event);
              }
            });
        change.on(image);
        image.flush();
        assertThat(early).isEmpty();
        assertThat(isDirty(file.durable())).isTrue();
        file.listener(event -> {});
      }
    }
  }

  @Test
  void dirtyBitIsClearedOnlyWhenEverythingElseIsDurable() throws IOException {
    for (Action change : changes()) {
      RecordedFile file = new RecordedFile(image(true));
      List<Boolean> complete = new ArrayList<>();
      try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
        change.on(image);
        file.listener(
            event -> {
              if (isDirtyBit(event)) {
                complete.add(Arrays.equals(file.durable(), file.toByteArray()));
              }
            });
        file.forget();
      }
      assertThat(complete).containsExactly(true);
      List<Event> events = file.events();
      assertThat(isDirtyBit(events.get(events.size() - 2))).isTrue();
      assertThat(events.get(events.size() - 1)).isInstanceOf(Barrier.class);
      assertThat(isDirty(file.durable())).isFalse();
      assertThat(SpecOracle.of(file.durable()).check().findings()).isEmpty();
    }
  }

  @Test
  void readsAndWritesInPlaceLeaveTheImageClean() throws IOException {
    RecordedFile file = new RecordedFile(image(true));
    try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
      image.read(ByteBuffer.allocate(CLUSTER), 0);
      image.write(filled(100, 1), 50);
      image.flush();
      assertThat(isDirty(file.toByteArray())).isFalse();
    }
    assertThat(file.events()).noneMatch(LazyRefcountsTest::isDirtyBit);
  }

  @ParameterizedTest
  @ValueSource(booleans = {true, false})
  void flushWritesRefcountsUnlessTheyAreLazy(boolean lazy) throws IOException {
    RecordedFile file = new RecordedFile(image(lazy));
    try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
      for (int i = 0; i < 10; i++) {
        image.write(filled(CLUSTER, 1), (100L + i) * CLUSTER);
        image.flush();
      }
      // Table and block are clusters 1 and 2.
      assertThat(file.writes().stream().anyMatch(write -> write.touches(CLUSTER, 3 * CLUSTER)))
          .isEqualTo(!lazy);
    }
    assertThat(SpecOracle.of(file.durable()).check().findings()).isEmpty();
  }

  @Test
  void flushedDataIsThereThoughCountsAreStale() throws IOException {
    SpecOracle oracle = SpecOracle.of(leftOpen(image(true)));
    assertThat(oracle.read(100 * CLUSTER, CLUSTER)).containsOnly(1);
    assertThat(oracle.check().count(FindingKind.REFCOUNT_TOO_LOW)).isPositive();
  }

  /** What is durable after some writes and a flush, if the image is not closed then. */
  private static byte[] leftOpen(byte[] content) throws IOException {
    RecordedFile file = new RecordedFile(content);
    Qcow2Image image = Qcow2Image.open(file).writable().build();
    for (int i = 0; i < 10; i++) {
      image.write(filled(CLUSTER, i + 1), (100L + i) * CLUSTER);
    }
    image.discard(0, CLUSTER);
    image.flush();
    image.write(filled(CLUSTER, 77), 0);
    image.flush();
    return file.durable();
  }

  @Test
  void closeThatFailsLeavesTheDirtyBit() throws IOException {
    RecordedFile file = new RecordedFile(image(true));
    Qcow2Image image = Qcow2Image.open(file).writable().build();
    image.write(filled(CLUSTER, 1), 1 << 20);
    image.flush();
    file.listener(
        event -> {
          if (event instanceof Write write && write.touches(2 * CLUSTER, 3 * CLUSTER)) {
            throw new IOException("planted");
          }
        });
    assertThatThrownBy(image::close).hasMessage("planted");
    assertThat(isDirty(file.toByteArray())).isTrue();
  }

  @Test
  void barrierThatFailsAtCloseLeavesTheDirtyBit() throws IOException {
    RecordedFile file = new RecordedFile(image(true));
    Qcow2Image image = Qcow2Image.open(file).writable().build();
    image.write(filled(CLUSTER, 1), 1 << 20);
    file.listener(
        event -> {
          if (event instanceof Barrier) {
            throw new IOException("planted");
          }
        });
    assertThatThrownBy(image::close).hasMessage("planted");
    assertThat(isDirty(file.toByteArray())).isTrue();
  }

  @Test
  void tablesOfCountsAreSoundAtEveryInstant() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    // A block counts 64 clusters and a table of one cluster 2 MiB: both must grow.
    Qcow2Image.create(storage, 16 << 20)
        .clusterSize(512)
        .refcountBits(64)
        .lazyRefcounts(true)
        .createOnly();
    RecordedFile file = new RecordedFile(storage.toByteArray());
    try (Qcow2Image image = Qcow2Image.open(file).writable().cacheSize(0).l2CacheSize(0).build()) {
      List<Finding> unsound = new ArrayList<>();
      file.listener(
          event -> {
            if (event instanceof Write) {
              unsound.addAll(beyondStaleCounts(file.durable()));
              unsound.addAll(beyondStaleCounts(file.toByteArray()));
            }
          });
      for (int i = 0; i < 20; i++) {
        image.write(filled(128 << 10, 1), i * (140L << 10));
        image.flush();
      }
      file.listener(event -> {});
      assertThat(image.header().refcountTableClusters()).isGreaterThan(1);
      assertThat(unsound).isEmpty();
    }
    assertThat(SpecOracle.of(file.durable()).check().findings()).isEmpty();
  }

  private static List<Finding> beyondStaleCounts(byte[] file) throws IOException {
    Set<FindingKind> stale =
        Set.of(FindingKind.REFCOUNT_TOO_LOW, FindingKind.LEAK, FindingKind.COPIED_STALE);
    return SpecOracle.of(file).check().findings().stream()
        .filter(finding -> !stale.contains(finding.kind()))
        .toList();
  }

  @Test
  void optionOverridesWhatTheImagePermits() throws IOException {
    for (boolean permitted : new boolean[] {true, false}) {
      RecordedFile file = new RecordedFile(image(permitted));
      try (Qcow2Image image = Qcow2Image.open(file).writable().lazyRefcounts(!permitted).build()) {
        image.write(filled(CLUSTER, 1), 1 << 20);
        assertThat(isDirty(file.toByteArray())).isEqualTo(!permitted);
      }
      assertThat(isDirty(file.toByteArray())).isFalse();
    }
  }

  @Test
  void versionTwoHasNoLazyRefcounts() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, 1 << 20).version(2).createOnly();
    HeapStorage copy = HeapStorage.copyOf("image", storage.toByteArray());
    ImageOpener opener = Qcow2Image.open(copy).writable().lazyRefcounts(true);
    assertThatThrownBy(opener::build).isInstanceOf(UnsupportedFeatureException.class);
  }

  @Test
  @RequiresQemu
  void qemuRepairsAnImageThatWasLeftOpen() throws IOException {
    QemuTools qemu = QemuTools.required();
    byte[] left = leftOpen(image(true));
    Path checked = Files.write(directory.resolve("checked.qcow2"), left);
    qemu.img("check", "-q", "-r", "all", "-f", "qcow2", checked.toString());
    assertHolds(qemu, checked);
    Path opened = Files.write(directory.resolve("opened.qcow2"), left);
    qemu.io(opened, "length").orThrow();
    assertHolds(qemu, opened);
  }

  private static void assertHolds(QemuTools qemu, Path image) throws IOException {
    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(isDirty(Files.readAllBytes(image))).isFalse();
    byte[] content = qemu.content(image);
    assertThat(content[0]).isEqualTo((byte) 77);
    for (int i = 0; i < 10; i++) {
      assertThat(content[(100 + i) * CLUSTER]).isEqualTo((byte) (i + 1));
    }
  }
}
