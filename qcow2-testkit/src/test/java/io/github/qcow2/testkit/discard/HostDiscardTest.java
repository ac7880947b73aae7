package io.github.qcow2.testkit.discard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.DiscardCause;
import io.github.qcow2.Extent;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.discard.RecordingStorage.Event;
import io.github.qcow2.testkit.discard.RecordingStorage.Kind;
import io.github.qcow2.testkit.fault.Fault;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Which clusters the host is told of, for which causes and when. */
final class HostDiscardTest {
  private static final int CLUSTER = 4096;
  private static final int SIZE = 1 << 20;
  private static final Set<DiscardCause> ALL = EnumSet.allOf(DiscardCause.class);

  private final HeapStorage storage = new HeapStorage("image");
  private final RecordingStorage recorded = new RecordingStorage(storage);

  private ImageCreator creator() {
    return Qcow2Image.create(recorded, SIZE).clusterSize(CLUSTER);
  }

  private static byte[] content(long position, int length) {
    return Content.compressible(7, position, length);
  }

  private static void write(BlockDevice image, long position, int length) throws IOException {
    image.write(ByteBuffer.wrap(content(position, length)), position);
  }

  private static long place(BlockDevice image, long position) throws IOException {
    Extent extent = image.extents(position, 1).toList().get(0);
    assertThat(extent.hostOffset()).isNotEqualTo(Extent.NO_HOST_OFFSET);
    return extent.hostOffset();
  }

  private List<Event> discards() {
    return recorded.all(Kind.DISCARD);
  }

  private static Event discard(long position, long length) {
    return new Event(Kind.DISCARD, position, length);
  }

  private void assertSound() throws IOException {
    assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).isEmpty();
  }

  @Test
  void discardedClustersArePassedOnInOnePieceOnceTheirUnlinkingIsDurable() throws IOException {
    try (Qcow2Image image = creator().build()) {
      write(image, 0, 16 * CLUSTER);
      image.flush();
      long first = place(image, 0);
      long table = L2Words.tableOffset(storage.toByteArray());
      recorded.forget();
      for (int cluster : new int[] {7, 4, 6, 5}) {
        image.discard((long) cluster * CLUSTER, CLUSTER);
      }
      assertThat(discards()).isEmpty();

      image.flush();

      List<Event> events = recorded.events();
      int unlinked = lastIndexOf(events, Kind.WRITE, table);
      int passed = events.indexOf(discard(first + 4 * CLUSTER, 4 * CLUSTER));
      assertThat(discards()).hasSize(1);
      assertThat(unlinked).isNotNegative().isLessThan(passed);
      assertThat(events.subList(unlinked, passed)).contains(new Event(Kind.BARRIER, 0, 0));
    }
    assertSound();
  }

  private static int lastIndexOf(List<Event> events, Kind kind, long place) {
    int found = -1;
    for (int i = 0; i < events.size(); i++) {
      if (events.get(i).kind() == kind && events.get(i).contains(place)) {
        found = i;
      }
    }
    return found;
  }

  @Test
  void closeLeavesNothingBehindThatTheHostWasNotToldOf() throws IOException {
    long first;
    try (Qcow2Image image = creator().build()) {
      write(image, 0, 4 * CLUSTER);
      first = place(image, 0);
      image.discard(0, 3 * CLUSTER);
    }
    assertThat(discards()).containsExactly(discard(first, 3 * CLUSTER));
    assertSound();
  }

  @ParameterizedTest
  @EnumSource(ZeroMode.class)
  void zeroedClustersArePassedOnWhereTheyMayBeUnmapped(ZeroMode mode) throws IOException {
    try (Qcow2Image image = creator().build()) {
      write(image, 0, 4 * CLUSTER);
      long first = place(image, 0);
      image.writeZeroes(CLUSTER, 2 * CLUSTER, mode);
      image.flush();
      if (mode == ZeroMode.MAY_UNMAP) {
        assertThat(discards()).containsExactly(discard(first + CLUSTER, 2 * CLUSTER));
      } else {
        assertThat(discards()).isEmpty();
      }
    }
  }

  @Test
  void nothingIsPassedOnForOtherCausesThanThoseAsked() throws IOException {
    try (Qcow2Image image =
        creator().hostDiscard(EnumSet.complementOf(EnumSet.of(DiscardCause.REQUEST))).build()) {
      write(image, 0, 4 * CLUSTER);
      image.discard(0, 4 * CLUSTER);
      image.flush();
    }
    assertThat(discards()).isEmpty();
    assertSound();
  }

  @Test
  void placeThatAWriteHasLeftIsNeverPassedOn() throws IOException {
    try (Qcow2Image image = creator().hostDiscard(ALL).build()) {
      image.writeCompressed(ByteBuffer.wrap(content(0, 4 * CLUSTER)), 0);
      image.flush();
      write(image, 0, 4 * CLUSTER);
      image.flush();
    }
    assertThat(discards()).isEmpty();
    assertSound();
  }

  @Test
  void clusterThatASnapshotHoldsIsNotPassedOn() throws IOException {
    byte[] data = content(0, CLUSTER);
    byte[] built =
        ImageBuilder.of(12, SIZE).data(0, data).snapshot("kept").data(1, data).build().bytes();
    for (boolean keeps : new boolean[] {false, true}) {
      HeapStorage shared = HeapStorage.copyOf("image", built);
      RecordingStorage recorder = new RecordingStorage(shared);
      long own;
      try (Qcow2Image image =
          opener(recorder).hostDiscard(ALL).discardKeepsClusters(keeps).build()) {
        write(image, CLUSTER, CLUSTER);
        own = place(image, CLUSTER);
        image.discard(0, 2 * CLUSTER);
      }
      assertThat(recorder.all(Kind.DISCARD)).containsExactly(discard(own, CLUSTER));
      byte[] kept = new byte[CLUSTER];
      SpecOracle.of(shared.toByteArray()).snapshotContent(0).read(0, kept, 0, CLUSTER);
      assertThat(kept).isEqualTo(data);
    }
  }

  private static ImageOpener opener(RecordingStorage recorder) {
    return Qcow2Image.open(recorder).writable();
  }

  @Test
  void hostClusterOfCompressedDataIsPassedOnWithItsLastPiece() throws IOException {
    byte[] uniform = new byte[3 * CLUSTER];
    Arrays.fill(uniform, (byte) 5);
    try (Qcow2Image image = creator().build()) {
      image.writeCompressed(ByteBuffer.wrap(uniform), 0);
      write(image, 8 * CLUSTER, CLUSTER);
      image.flush();
      long packed = place(image, 8 * CLUSTER) - CLUSTER;
      image.discard(0, CLUSTER);
      image.flush();
      image.discard(2 * CLUSTER, CLUSTER);
      image.flush();
      assertThat(discards()).isEmpty();
      byte[] middle = new byte[CLUSTER];
      image.read(ByteBuffer.wrap(middle), CLUSTER);
      assertThat(middle).containsOnly(5);

      image.discard(CLUSTER, CLUSTER);
      image.flush();
      assertThat(discards()).containsExactly(discard(packed, CLUSTER));
    }
    assertSound();
  }

  @Test
  void tablesThatHaveMovedArePassedOnOnlyIfOtherCausesAre() throws IOException {
    for (boolean passes : new boolean[] {false, true}) {
      HeapStorage file = new HeapStorage("image");
      RecordingStorage recorder = new RecordingStorage(file);
      try (Qcow2Image image =
          Qcow2Image.create(recorder, 64 << 10)
              .clusterSize(512)
              .hostDiscard(passes ? EnumSet.of(DiscardCause.OTHER) : Set.of())
              .build()) {
        long table = image.header().l1TableOffset();
        image.grow(8 << 20);
        assertThat(recorder.all(Kind.DISCARD))
            .containsExactlyElementsOf(passes ? List.of(discard(table, 512)) : List.of());
      }
      assertThat(SpecOracle.of(file.toByteArray()).check().findings()).isEmpty();
    }
  }

  @Test
  void whatAFailedWriteHadTakenIsPassedOnWhateverWasAsked() throws IOException {
    FaultyStorage faulty = new FaultyStorage(recorded);
    try (Qcow2Image image =
        Qcow2Image.create(faulty, SIZE).clusterSize(CLUSTER).hostDiscard(Set.of()).build()) {
      write(image, 0, CLUSTER);
      long next = place(image, 0) + CLUSTER;
      faulty.faults().plan(Fault.at(1).of(StorageCall.WRITE).afterSectors(3));
      assertThatExceptionOfType(IOException.class)
          .isThrownBy(() -> write(image, 4 * CLUSTER, 2 * CLUSTER));
      assertThat(discards()).containsExactly(discard(next, 3 * 512));
    }
    assertSound();
  }

  @Test
  void hostThatFailsToTakeBackSpaceIsNoError() throws IOException {
    FaultyStorage faulty = new FaultyStorage(recorded);
    try (Qcow2Image image = Qcow2Image.create(faulty, SIZE).clusterSize(CLUSTER).build()) {
      faulty.faults().plan(Fault.at(1).of(StorageCall.DISCARD).forGood());
      write(image, 0, 8 * CLUSTER);
      image.discard(0, 4 * CLUSTER);
      image.flush();
      image.discard(4 * CLUSTER, 2 * CLUSTER);
      write(image, 0, CLUSTER);
    }
    assertThat(faulty.faults().hits()).isPositive();
    assertSound();
  }

  @Test
  void keptClustersStayWhereTheyAreAndArePassedOnAtOnce() throws IOException {
    try (Qcow2Image image = creator().discardKeepsClusters(true).build()) {
      write(image, 0, 8 * CLUSTER);
      long first = place(image, 0);
      image.discard(0, 2 * CLUSTER);
      image.writeZeroes(4 * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP);
      assertThat(discards())
          .containsExactly(discard(first, 2 * CLUSTER), discard(first + 4 * CLUSTER, CLUSTER));
      assertThat(place(image, CLUSTER)).isEqualTo(first + CLUSTER);
      image.flush();
      recorded.forget();

      write(image, CLUSTER + 100, 200);
      assertThat(place(image, CLUSTER)).isEqualTo(first + CLUSTER);
      image.writeZeroes(6 * CLUSTER, CLUSTER, ZeroMode.KEEP_ALLOCATED);
      image.flush();
      assertThat(discards()).isEmpty();
    }
    assertSound();
  }

  @Test
  void clustersCannotBeKeptInVersion2() throws IOException {
    HeapStorage old = new HeapStorage("image");
    Qcow2Image.create(old, SIZE).version(2).createOnly();
    byte[] before = old.toByteArray();
    HeapStorage file = HeapStorage.copyOf("image", before);
    assertThatExceptionOfType(UnsupportedFeatureException.class)
        .isThrownBy(() -> Qcow2Image.open(file).writable().discardKeepsClusters(true).build());
    assertThat(file.toByteArray()).isEqualTo(before);
    assertThatExceptionOfType(IllegalArgumentException.class)
        .isThrownBy(() -> creator().version(2).discardKeepsClusters(true).build());
    assertThat(recorded.events()).isEmpty();
  }

  @Test
  void clustersOfADataFileArePassedOnAtOnce() throws IOException {
    HeapStorage bytes = new HeapStorage("data");
    RecordingStorage data = new RecordingStorage(bytes);
    try (Qcow2Image image =
        creator()
            .dataFile("data", false)
            .references(file -> new ReferencePolicy.Answer.UseStorage(data))
            .build()) {
      write(image, 0, 8 * CLUSTER);
      image.writeZeroes(0, CLUSTER, ZeroMode.KEEP_ALLOCATED);
      assertThat(data.all(Kind.DISCARD)).isEmpty();
      image.discard(2 * CLUSTER, 2 * CLUSTER);
      image.writeZeroes(0, CLUSTER, ZeroMode.MAY_UNMAP);
      assertThat(data.all(Kind.DISCARD))
          .containsExactly(discard(2 * CLUSTER, 2 * CLUSTER), discard(0, CLUSTER));
      image.discard(2 * CLUSTER, 2 * CLUSTER);
      assertThat(data.all(Kind.DISCARD)).as("there was nothing left").hasSize(2);
    }
    assertThat(discards()).isEmpty();
  }

  @Test
  void zeroesGoToARawDataFileAsZeroes() throws IOException {
    HeapStorage bytes = new HeapStorage("data");
    RecordingStorage data = new RecordingStorage(bytes);
    try (Qcow2Image image =
        creator()
            .dataFile("data", true)
            .references(file -> new ReferencePolicy.Answer.UseStorage(data))
            .build()) {
      write(image, 0, 8 * CLUSTER);
      data.forget();
      image.writeZeroes(100, CLUSTER, ZeroMode.KEEP_ALLOCATED);
      image.writeZeroes(2 * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP);
      image.discard(4 * CLUSTER + 1, 2 * CLUSTER);
    }
    assertThat(data.events())
        .filteredOn(event -> event.kind() != Kind.BARRIER)
        .containsExactly(
            new Event(Kind.FILL, 100, CLUSTER),
            new Event(Kind.UNMAP, 2 * CLUSTER, CLUSTER),
            new Event(Kind.UNMAP, 5 * CLUSTER, CLUSTER));
    byte[] raw = bytes.toByteArray();
    assertThat(Arrays.copyOfRange(raw, 2 * CLUSTER, 3 * CLUSTER)).containsOnly(0);
    assertThat(Arrays.copyOfRange(raw, 5 * CLUSTER, 6 * CLUSTER)).containsOnly(0);
  }
}
