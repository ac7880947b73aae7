package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Durability;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.durability.RecordedFile.Barrier;
import io.github.qcow2.testkit.durability.RecordedFile.Event;
import io.github.qcow2.testkit.durability.RecordedFile.Write;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What the repair of an image that was not closed does, what it refuses, and in which order. */
final class RepairRulesTest {
  private static final int CLUSTER = 4096;
  private static final long COPIED = 1L << 63;

  private static byte[] filled(int value) {
    byte[] bytes = new byte[CLUSTER];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }

  /** Data, compressed data, and a snapshot that shares some of it. */
  private static BuiltImage image() {
    return ImageBuilder.of(12, 1 << 20)
        .data(0, filled(1))
        .data(1, filled(2))
        .compressed(2, filled(3))
        .snapshot("kept")
        .data(1, filled(4))
        .data(7, filled(5))
        .build();
  }

  private static StaleImage stale(BuiltImage built) throws IOException {
    return StaleImage.of(built.bytes());
  }

  private static StaleImage stale() throws IOException {
    return stale(image());
  }

  private static ImageOpener opener(byte[] image) {
    return Qcow2Image.open(HeapStorage.copyOf("image", image)).writable();
  }

  /** Damage that no count makes right. */
  private static Map<String, byte[]> broken() throws IOException {
    BuiltImage built = image();
    long end = built.bytes().length + 16L * CLUSTER;
    long table = built.refcountTableOffset();
    long l1 = built.l1EntryOffset(0);
    long entry = built.l2EntryOffset(0);
    Map<String, byte[]> all = new LinkedHashMap<>();
    all.put("data beyond the end", stale().with(entry, COPIED | end).bytes());
    all.put("data between clusters", stale().with(entry, COPIED | 0x1200).bytes());
    all.put("data in the refcount table", stale().with(entry, COPIED | table).bytes());
    all.put("data in the L1 table", stale().with(entry, l1).bytes());
    all.put("data in an L2 table", stale().with(entry, entry & -CLUSTER).bytes());
    all.put("data in a refcount block", stale().with(entry, built.u64(table)).bytes());
    all.put("reserved bits", stale().with(entry, stale().at(entry) | 1L << 60).bytes());
    all.put("L2 table beyond the end", stale().with(l1, COPIED | end).bytes());
    all.put("L2 table between clusters", stale().with(l1, COPIED | 0x1200).bytes());
    all.put("L2 table in the header", stale().with(l1, COPIED | 0x200).bytes());
    all.put("block beyond the end", stale().with(table, end).bytes());
    all.put("block between clusters", stale().with(table, 0x1200).bytes());
    all.put("block that is data", stale().with(table, built.hostOffset(0)).bytes());
    all.put("block twice", stale().with(table + 8, built.u64(table)).bytes());
    all.put(
        "snapshot's L2 table beyond the end",
        stale().with(built.snapshotL1EntryOffset(0, 0), end).bytes());
    all.put(
        "snapshot's data beyond the end",
        stale().with(built.snapshotL2EntryOffset(0, 1), end).bytes());
    return all;
  }

  @Test
  void damageBeyondCountsIsRefusedBeforeAnythingIsWritten() throws IOException {
    for (Map.Entry<String, byte[]> each : broken().entrySet()) {
      RecordedFile file = new RecordedFile(each.getValue());
      assertThatThrownBy(() -> Qcow2Image.open(file).writable().build())
          .as(each.getKey())
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("was not closed")
          .hasMessageContaining("too broken to be repaired by counting");
      assertThat(file.writes()).as(each.getKey()).isEmpty();
    }
  }

  @Test
  void imageThatCannotBeRepairedCanStillBeRead() throws IOException {
    byte[] broken = broken().values().iterator().next();
    try (Qcow2Image image = Qcow2Image.open(HeapStorage.copyOf("image", broken)).build()) {
      ByteBuffer bytes = ByteBuffer.allocate(CLUSTER);
      image.read(bytes, 7 * CLUSTER);
      assertThat(bytes.array()).containsOnly(5);
    }
  }

  @Test
  void openingReadOnlyRepairsNothing() throws IOException {
    RecordedFile file = new RecordedFile(stale().withRandomCounts(new Random(1)).bytes());
    Qcow2Image.open(file).build().close();
    assertThat(file.events()).isEmpty();
  }

  @Test
  void everyOtherRefusalComesBeforeTheRepair() throws IOException {
    byte[] stale = stale().withRandomCounts(new Random(1)).bytes();
    byte[] corrupt = stale.clone();
    corrupt[79] |= 2;
    byte[] unknown = stale.clone();
    unknown[72] |= (byte) 0x80;
    assertRefused(CorruptImageException.class, corrupt, Limits.DEFAULT, -1);
    assertRefused(UnsupportedFeatureException.class, unknown, Limits.DEFAULT, -1);
    assertRefused(LimitExceededException.class, stale, Limits.DEFAULT.withSnapshots(0), -1);
    assertRefused(IllegalArgumentException.class, stale, Limits.DEFAULT, 100);
  }

  private static void assertRefused(
      Class<? extends Exception> type, byte[] image, Limits limits, int cacheEntrySize) {
    RecordedFile file = new RecordedFile(image);
    ImageOpener opener = Qcow2Image.open(file).writable().limits(limits);
    if (cacheEntrySize > 0) {
      opener.cacheEntrySize(cacheEntrySize);
    }
    assertThatThrownBy(opener::build).isInstanceOf(type);
    assertThat(file.writes()).isEmpty();
  }

  @Test
  void everyKindOfReferenceIsCounted() throws IOException {
    BuiltImage built = image();
    List<byte[]> contents = StaleImage.contents(built.bytes());
    byte[] repaired = StaleImage.repaired(stale(built).withRandomCounts(new Random(1)).bytes());
    StaleImage.assertSound(repaired, contents);
    SpecOracle oracle = SpecOracle.of(repaired);
    assertThat(oracle.header().snapshotCount()).isEqualTo(1);
    // Guest cluster 0 is shared with the snapshot: a write must copy it.
    HeapStorage storage = HeapStorage.copyOf("image", repaired);
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      image.write(ByteBuffer.wrap(filled(9)), 0);
    }
    assertThat(StaleImage.contents(storage.toByteArray()).get(1)).isEqualTo(contents.get(1));
  }

  @Test
  void flagsInTablesThatOnlySnapshotsUseStayAsTheyAre() throws IOException {
    BuiltImage built = image();
    long inactive = built.snapshotL2EntryOffset(0, 1);
    assertThat(inactive).isNotEqualTo(built.l2EntryOffset(1));
    StaleImage stale = stale(built).with(inactive, built.u64(inactive) ^ COPIED);
    byte[] repaired = StaleImage.repaired(stale.bytes());
    assertThat(ByteBuffer.wrap(repaired).getLong((int) inactive)).isEqualTo(stale.at(inactive));
  }

  @Test
  void fileGrowsByNoMoreThanTheBlocksThatAreMade() throws IOException {
    BuiltImage built = image();
    byte[] stale = stale(built).with(built.refcountTableOffset(), 0).bytes();
    byte[] repaired = StaleImage.repaired(stale);
    // The old block has no reference any more, so it is where the new one goes.
    assertThat(repaired).hasSameSizeAs(built.bytes());
    StaleImage.assertSound(repaired, StaleImage.contents(built.bytes()));

    ImageShape full = new ImageShape(3, 9, 6, false, 1 << 20, ImageShape.Backing.NONE, 0);
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, full.size()).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.allocate(200 << 10), 0);
    }
    byte[] bytes = storage.toByteArray();
    StaleImage without = StaleImage.of(bytes);
    without.with(without.header().refcountTableOffset() + 8, 0);
    repaired = StaleImage.repaired(without.bytes());
    assertThat(repaired.length).isLessThanOrEqualTo(bytes.length + 512);
    StaleImage.assertSound(repaired, StaleImage.contents(bytes));
  }

  /** An image whose refcount table says nothing about most of the file, and has no room to. */
  private static byte[] withShortTable() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, 8 << 20).clusterSize(512).refcountBits(64).build()) {
      byte[] bytes = new byte[3 << 20];
      new Random(5).nextBytes(bytes);
      image.write(ByteBuffer.wrap(bytes), 0);
      assertThat(image.header().refcountTableClusters()).isGreaterThan(1);
    }
    byte[] bytes = storage.toByteArray();
    ByteBuffer.wrap(bytes).putInt(56, 1);
    return StaleImage.of(bytes).bytes();
  }

  @Test
  void refcountTableThatIsTooShortIsReplaced() throws IOException {
    byte[] stale = withShortTable();
    byte[] repaired = StaleImage.repaired(stale);
    StaleImage.assertSound(repaired, StaleImage.contents(stale));
    assertThat(SpecOracle.of(repaired).header().refcountTableClusters()).isGreaterThan(1);
  }

  @Test
  void refcountTableDoesNotExceedItsLimit() throws IOException {
    byte[] stale = withShortTable();
    RecordedFile file = new RecordedFile(stale);
    ImageOpener opener =
        Qcow2Image.open(file).writable().limits(Limits.DEFAULT.withRefcountTableBytes(512));
    assertThatThrownBy(opener::build)
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("refcount table");
    assertThat(file.writes()).isEmpty();
  }

  @Test
  void whatADeadProcessLeftIsMadeDurableBeforeTheFirstWrite() throws IOException {
    RecordedFile file = new RecordedFile(stale().withRandomCounts(new Random(1)).bytes());
    Qcow2Image.open(file).writable().build().close();
    assertThat(file.events().get(0)).isInstanceOf(Barrier.class);
  }

  @Test
  void dirtyBitIsClearedWhenEverythingElseIsDurable() throws IOException {
    RecordedFile file = new RecordedFile(withShortTable());
    Qcow2Image.open(file).writable().build().close();
    List<Event> events = file.events();
    int last = events.size();
    assertThat(events.get(last - 1)).isInstanceOf(Barrier.class);
    assertThat(events.get(last - 2)).isInstanceOf(Write.class);
    assertThat(((Write) events.get(last - 2)).position()).isEqualTo(72);
    assertThat(events.get(last - 3)).isInstanceOf(Barrier.class);
  }

  @Test
  void repairHasNoBarriersWhereDurabilityIsUnsafe() throws IOException {
    RecordedFile file = new RecordedFile(stale().withRandomCounts(new Random(1)).bytes());
    Qcow2Image.open(file).writable().durability(Durability.UNSAFE).build().close();
    assertThat(file.barriers()).isZero();
    StaleImage.assertSound(file.toByteArray(), StaleImage.contents(image().bytes()));
  }

  @Test
  void unknownAutoclearBitIsClearedBeforeTheRepair() throws IOException {
    StaleImage stale = stale().withRandomCounts(new Random(1));
    stale.with(88, 1L << 40);
    RecordedFile file = new RecordedFile(stale.bytes());
    try (Qcow2Image image = Qcow2Image.open(file).writable().build()) {
      assertThat(image.header().autoclearFeatures()).isZero();
      assertThat(image.header().isDirty()).isFalse();
    }
    assertThat(file.writes().get(0).position()).isEqualTo(88);
  }

  @Test
  void repairThatFailsLeavesTheDirtyBit() throws IOException {
    byte[] stale = stale().withRandomCounts(new Random(1)).bytes();
    long writes = repairEvents(stale, Write.class);
    for (int i = 0; i < writes; i++) {
      assertFailureAt(stale, Write.class, i);
    }
    for (int i = 0; i < repairEvents(stale, Barrier.class) - 1; i++) {
      assertFailureAt(stale, Barrier.class, i);
    }
  }

  private static long repairEvents(byte[] stale, Class<? extends Event> type) throws IOException {
    RecordedFile file = new RecordedFile(stale);
    Qcow2Image.open(file).writable().build().close();
    return file.events().stream().filter(type::isInstance).count();
  }

  private static void assertFailureAt(byte[] stale, Class<? extends Event> type, int number)
      throws IOException {
    RecordedFile file = new RecordedFile(stale);
    int[] left = {number};
    file.listener(
        event -> {
          if (type.isInstance(event) && left[0]-- == 0) {
            throw new IOException("planted");
          }
        });
    assertThatThrownBy(() -> Qcow2Image.open(file).writable().build()).hasMessage("planted");
    assertThat(file.durable()[79] & 1).isEqualTo(1);
    StaleImage.assertSound(
        StaleImage.repaired(file.toByteArray()), StaleImage.contents(image().bytes()));
  }

  @Test
  void interruptedThreadGivesUpBeforeAnythingIsWritten() throws IOException {
    byte[] stale = stale().withRandomCounts(new Random(1)).bytes();
    RecordedFile file = new RecordedFile(stale);
    Thread.currentThread().interrupt();
    try {
      assertThatThrownBy(() -> Qcow2Image.open(file).writable().build())
          .isInstanceOf(io.github.qcow2.error.OperationCancelledException.class);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
    assertThat(file.writes()).isEmpty();
    assertThat(opener(stale).build()).isNotNull();
  }
}
