package io.github.qcow2.check;

import static io.github.qcow2.check.HandMadeImage.COPIED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.IncompatibleFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.junit.jupiter.api.Test;

/** The tables beside the mapping: snapshots in cluster 5, bitmaps in cluster 8. */
final class ImageCheckTablesTest {
  private static final int ENTRY_BYTES = 64;

  /** Adds a snapshot whose L1 table, in cluster 6, shares the active L2 table. */
  private static HandMadeImage withSnapshot(HandMadeImage image) throws IOException {
    image.map(0, 7).refcount(7, 2).l2(0, image.cluster(7));
    image.l1(0, image.cluster(4)).refcount(4, 2);
    image.setLong(image.cluster(6), image.cluster(4)).refcount(6, 1);
    snapshotEntry(image, 0, image.cluster(6), 1);
    return image.setInt(60, 1).setLong(64, image.cluster(5)).refcount(5, 1);
  }

  private static void snapshotEntry(HandMadeImage image, int index, long l1, int l1Entries)
      throws IOException {
    long at = image.cluster(5) + (long) ENTRY_BYTES * index;
    image.setLong(at, l1).setInt(at + 8, l1Entries).setInt(at + 36, 24);
    image.setLong(at + 48, 64L * image.clusterSize);
  }

  /** Adds a bitmap with its directory in cluster 8, its table in 9 and its bits in 10. */
  private static HandMadeImage withBitmap(HandMadeImage image) throws IOException {
    image.setLong(88, 1).setInt(112, 0x23852875).setInt(116, 24).setInt(120, 1);
    image.setLong(128, 32).setLong(136, image.cluster(8));
    image.setLong(image.cluster(8), image.cluster(9)).setInt(image.cluster(8) + 8, 1);
    image.setInt(image.cluster(8) + 16, (1 << 24) | (16 << 16) | 1);
    image.storage.write(
        ByteBuffer.wrap(new byte[] {'b', 0, 0, 0, 0, 0, 0, 0}), image.cluster(8) + 24);
    image.setLong(image.cluster(9), image.cluster(10));
    return image.refcount(8, 1).refcount(9, 1).refcount(10, 1).grow(11);
  }

  @Test
  void snapshotsReferToEverythingTheyKeep() throws IOException {
    CheckReport report = withSnapshot(new HandMadeImage()).check();

    assertThat(report.findings()).isEmpty();
    assertThat(report.allocatedClusters()).isEqualTo(1);
  }

  @Test
  void copiedFlagsOfSnapshotsMayBeOutOfDate() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage());
    image.setLong(image.cluster(6), image.cluster(4) | COPIED);

    assertThat(image.check().isClean()).isTrue();
  }

  @Test
  void manySnapshotsOfOneTableReadItOnce() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage());
    for (int i = 1; i < 1000; i++) {
      snapshotEntry(image, i, image.cluster(6), 1);
    }
    image.setInt(60, 1000).refcount(4, 1001).refcount(7, 1001).refcount(6, 1000);

    CheckReport report = ImageCheck.of(image.storage).tables(1 << 20).run();

    assertThat(report.findings()).extracting(Finding::kind).containsExactly(Kind.OVERLAP);
  }

  @Test
  void snapshotTablesThatCannotBeFollowedAreReported() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage());
    snapshotEntry(image, 1, image.cluster(6) + 8, 1);
    snapshotEntry(image, 2, image.cluster(6), 5 << 20);
    snapshotEntry(image, 3, 1L << 62, 1);
    snapshotEntry(image, 4, 1L << 63, 1);
    image.setInt(60, 5);

    assertThat(image.check().findings())
        .extracting(Finding::kind)
        .containsExactly(
            Kind.UNALIGNED_OFFSET,
            Kind.SNAPSHOT_TABLE,
            Kind.BEYOND_END_OF_FILE,
            Kind.SNAPSHOT_TABLE,
            Kind.BEYOND_END_OF_FILE);
  }

  @Test
  void snapshotWithoutItsSizesIsIncompleteInVersion3() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage()).setInt(5 * 65536 + 36, 0);

    assertThat(image.check().findings())
        .extracting(Finding::message)
        .containsExactly("ERROR snapshot table entry 0 is incomplete");
  }

  @Test
  void snapshotTooShortForItsDiskIsReportedAsItCannotBeOpened() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage()).setLong(5 * 65536 + 48, 1L << 40);

    assertThat(image.check().findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.message()).contains("too few for its disk"));
  }

  @Test
  void snapshotTableThatIsTooLargeRefusesTheCheck() throws IOException {
    HandMadeImage image = withSnapshot(new HandMadeImage()).setInt(5 * 65536 + 36, 5000);

    assertThatExceptionOfType(LimitExceededException.class).isThrownBy(() -> image.check());
  }

  @Test
  void snapshotsNextToADataFileAreReported() throws IOException {
    Geometry geometry = new Geometry(3, 16, 4, false);
    HandMadeImage image = new HandMadeImage(geometry, IncompatibleFeature.DATA_FILE);
    image.setInt(60, 1).setLong(64, image.cluster(5)).refcount(5, 1).refcount(6, 1).grow(7);
    snapshotEntry(image, 0, image.cluster(6), 1);

    assertThat(image.check().findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.SNAPSHOT_TABLE);
  }

  @Test
  void bitmapsReferToDirectoryTableAndBits() throws IOException {
    HandMadeImage image = withBitmap(new HandMadeImage());
    assertThat(image.check().findings()).isEmpty();

    assertThat(image.refcount(10, 0).refcount(9, 0).refcount(8, 0).check().findings())
        .extracting(Finding::message)
        .containsExactly(
            "ERROR cluster 8 refcount=0 reference=1",
            "ERROR cluster 9 refcount=0 reference=1",
            "ERROR cluster 10 refcount=0 reference=1");
  }

  @Test
  void allOnesWithoutAnOffsetIsNoReference() throws IOException {
    HandMadeImage image = withBitmap(new HandMadeImage());
    image.setLong(image.cluster(9), 1).refcount(10, 0);

    assertThat(image.check().isClean()).isTrue();
  }

  @Test
  void bitmapsOutOfDateReferToNothing() throws IOException {
    assertThat(withBitmap(new HandMadeImage()).setLong(88, 0).check().leaks()).isEqualTo(3);
  }

  @Test
  void brokenBitmapKeepsLeaksFromBeingGuessed() throws IOException {
    HandMadeImage table = withBitmap(new HandMadeImage());
    table.setLong(table.cluster(8), table.cluster(9) + 512);
    HandMadeImage entry = withBitmap(new HandMadeImage());
    entry.setLong(entry.cluster(9), entry.cluster(10) | 1);
    HandMadeImage directory = withBitmap(new HandMadeImage()).setInt(120, 2);

    for (HandMadeImage image : new HandMadeImage[] {table, entry, directory}) {
      CheckReport report = image.check();
      assertThat(report.findings())
          .extracting(Finding::kind)
          .containsExactly(Kind.BITMAP, Kind.TABLE_UNREADABLE);
      assertThat(report.leaks()).isZero();
    }
  }
}
