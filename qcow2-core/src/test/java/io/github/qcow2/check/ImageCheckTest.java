package io.github.qcow2.check;

import static io.github.qcow2.check.HandMadeImage.COPIED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowable;
import static org.assertj.core.api.Assertions.tuple;

import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.IncompatibleFeature;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

final class ImageCheckTest {
  private static final Geometry V2 = new Geometry(2, 16, 4, false);
  private static final Geometry EXTENDED = new Geometry(3, 16, 4, true);

  @Test
  void emptyImageIsClean() throws IOException {
    CheckReport report = new HandMadeImage().check();

    assertThat(report).isEqualTo(new CheckReport(0, 0, 0, 64, 0, 0, 0, 5 << 16, List.of(), 0));
    assertThat(report.isClean()).isTrue();
  }

  @Test
  void mappedClustersAreCounted() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5).map(1, 6).map(3, 9).map(4, 8).map(5, 7);
    image.l2(7, 1).l2(8, CompressedDescriptor.encode(image.cluster(10) + 3, 700, 16));
    image.refcount(10, 1).grow(11);

    assertThat(image.check())
        .isEqualTo(new CheckReport(0, 0, 0, 64, 6, 4, 1, 11 << 16, List.of(), 0));
  }

  @Test
  void storedCountAboveTheReferencesIsALeak() throws IOException {
    CheckReport report = new HandMadeImage().refcount(6, 1).grow(7).check();

    assertThat(report.leaks()).isEqualTo(1);
    assertThat(report.corruptions()).isZero();
    assertThat(report.findings())
        .containsExactly(
            new Finding(
                Kind.LEAKED_CLUSTER, 6 << 16, 1, "Leaked cluster 6 refcount=1 reference=0"));
  }

  @Test
  void storedCountBelowTheReferencesIsACorruption() throws IOException {
    CheckReport report = new HandMadeImage().map(0, 5).refcount(5, 0).check();

    assertThat(report.corruptions()).isEqualTo(2);
    assertThat(report.findings())
        .extracting(Finding::message)
        .containsExactly(
            "ERROR OFLAG_COPIED data cluster: l2_entry=8000000000050000 refcount=0",
            "ERROR cluster 5 refcount=0 reference=1");
  }

  @Test
  void leaksBeyondTheEndOfTheFileWasteNothing() throws IOException {
    assertThat(new HandMadeImage().refcount(20, 1).check().isClean()).isTrue();
  }

  @Test
  void everyClusterThatACompressedClusterTouchesIsReferred() throws IOException {
    HandMadeImage image = new HandMadeImage();
    image.l2(0, CompressedDescriptor.encode(image.cluster(6) - 100, 200, 16));
    image.refcount(5, 1).refcount(6, 1).grow(7);

    assertThat(image.check().isClean()).isTrue();
  }

  @Test
  void absentL1EntryIsNoTableEvenIfItsFlagIsSet() throws IOException {
    CheckReport report = new HandMadeImage().l1(0, COPIED).check();

    assertThat(report.findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.COPIED_FLAG, Kind.LEAKED_CLUSTER);
    assertThat(report.allocatedClusters()).isZero();
  }

  @Test
  void farOffsetsCostNoMemory() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5);
    image.l2(1, 0x00ff_ffff_ffff_0000L).l2(2, 0x7fff_ffff_ffff_ffffL);
    image.l1(1, 0x00ff_ffff_ffff_0000L).setInt(36, 2);
    image.setLong(image.cluster(1) + 8, 0x7fff_ffff_ffff_0000L);

    CheckReport report = ImageCheck.of(image.storage).memory(256 << 10).run();

    assertThat(report.findings())
        .extracting(Finding::kind)
        .containsExactly(
            Kind.BEYOND_END_OF_FILE,
            Kind.BEYOND_END_OF_FILE,
            Kind.BEYOND_END_OF_FILE,
            Kind.REFCOUNT_TABLE_ENTRY);
  }

  @Test
  void zeroFlagInVersion2IsReportedAsAReadRefusesIt() throws IOException {
    HandMadeImage image = new HandMadeImage(V2, 0).l2(3, L2Entry.ZERO);

    assertThat(image.check().findings())
        .singleElement()
        .satisfies(
            finding -> {
              assertThat(finding.kind()).isEqualTo(Kind.UNREADABLE_ENTRY);
              assertThat(finding.hostOffset()).isEqualTo((4 << 16) + 24);
              assertThat(finding.message()).contains("version 2");
            });
  }

  @Test
  void placeInTheDataFileOtherThanTheGuestOffsetIsReportedAsAReadRefusesIt() throws IOException {
    Geometry geometry = new Geometry(3, 16, 4, false);
    HandMadeImage image = new HandMadeImage(geometry, IncompatibleFeature.DATA_FILE);
    image.l2(0, COPIED).l2(1, COPIED | (1 << 16)).l2(2, COPIED | (3 << 16));

    CheckReport report = image.check();

    assertThat(report.allocatedClusters()).isEqualTo(3);
    assertThat(report.findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.message()).contains("l2_entry=8000000000030000"));
  }

  @Test
  void guestOffsetInTheDataFileCountsFromTheL1EntryOfTheTable() throws IOException {
    Geometry geometry = new Geometry(3, 9, 4, false);
    HandMadeImage image = new HandMadeImage(geometry, IncompatibleFeature.DATA_FILE);
    image.setLong(24, 128 * 512).setInt(36, 2).l1(1, image.cluster(4) | COPIED).l1(0, 0);
    image.l2(1, COPIED | (65 * 512));

    assertThat(image.check().isClean()).isTrue();
    assertThat(image.l2(1, COPIED | 512).check().corruptions()).isEqualTo(1);
  }

  @Test
  void tableSharedByTwoRangesOfADataFileIsReported() throws IOException {
    Geometry geometry = new Geometry(3, 9, 4, false);
    HandMadeImage image = new HandMadeImage(geometry, IncompatibleFeature.DATA_FILE);
    image.setLong(24, 128 * 512).setInt(36, 2).refcount(4, 2);
    image.l1(0, image.cluster(4)).l1(1, image.cluster(4)).l2(1, COPIED | 512);

    assertThat(image.check().findings())
        .singleElement()
        .satisfies(finding -> assertThat(finding.message()).contains("1 other ranges"));
  }

  @Test
  void compressedClusterInAnImageWithADataFileIsReported() throws IOException {
    Geometry geometry = new Geometry(3, 16, 4, false);
    HandMadeImage image = new HandMadeImage(geometry, IncompatibleFeature.DATA_FILE);
    image.l2(0, CompressedDescriptor.encode(image.cluster(4), 100, 16));

    assertThat(image.check().findings())
        .extracting(Finding::message)
        .containsExactly("ERROR compressed cluster 0 with data file, entry=0x4000000000040000");
  }

  @Test
  void bitZeroOfAnExtendedEntryIsReserved() throws IOException {
    HandMadeImage image = new HandMadeImage(EXTENDED, 0).map(0, 5);
    image.l2(0, image.cluster(5) | COPIED | 1);

    assertThat(image.check().findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.RESERVED_BITS);
  }

  @Test
  void subclusterBitmapsMustAgreeWithTheirEntry() throws IOException {
    HandMadeImage image = new HandMadeImage(EXTENDED, 0).map(0, 5);
    image.l2(0, image.cluster(5) | COPIED, 1 | (1L << 32));
    image.l2(1, 0, 1);
    image.l2(2, CompressedDescriptor.encode(image.cluster(5), 100, 16), 1);

    assertThat(image.check().findings())
        .extracting(Finding::message)
        .containsExactly(
            "ERROR offset=50000: Allocated cluster has corrupted subcluster allocation bitmap",
            "ERROR: Unallocated cluster has non-zero subcluster allocation map",
            "ERROR compressed cluster 2 with non-zero subcluster allocation bitmap,"
                + " entry=0x4000000000050000");
  }

  @Test
  void compressedDataInTheHeadersClusterIsReportedAsAReadRefusesIt() throws IOException {
    HandMadeImage image = new HandMadeImage().refcount(0, 2);
    image.l2(0, L2Entry.COMPRESSED | 512);

    assertThat(image.check().findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.UNREADABLE_ENTRY, Kind.OVERLAP);
  }

  @Test
  void overlapOfL1TableAndDataIsFoundThoughTheCountsAgree() throws IOException {
    HandMadeImage image = new HandMadeImage().l2(0, 3 << 16).refcount(3, 2);

    assertThat(image.check().findings())
        .extracting(Finding::kind, Finding::hostOffset)
        .containsExactly(tuple(Kind.OVERLAP, 3L << 16));
  }

  @Test
  void overlapOfL2TableAndDataIsFoundThoughTheCountsAgree() throws IOException {
    HandMadeImage image = new HandMadeImage().l1(0, 4 << 16).l2(0, 4 << 16).refcount(4, 2);

    assertThat(image.check().findings())
        .extracting(Finding::kind, Finding::hostOffset)
        .containsExactly(tuple(Kind.OVERLAP, 4L << 16));
  }

  @Test
  void tableThatTwoL1EntriesShareIsNoOverlap() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(36, 2);
    image.l1(0, 4 << 16).l1(1, 4 << 16).refcount(4, 2).map(0, 5).refcount(5, 2).l2(0, 5 << 16);

    CheckReport report = image.check();

    assertThat(report.isClean()).isTrue();
    assertThat(report.allocatedClusters()).isEqualTo(2);
  }

  @Test
  void findingInATableThatIsSharedCountsOncePerReference() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(36, 3);
    image.l1(0, 4 << 16).l1(1, 4 << 16).l1(2, 4 << 16).refcount(4, 3).l2(0, 0x100);

    CheckReport report = image.check();

    assertThat(report.corruptions()).isEqualTo(3);
    assertThat(report.findings()).extracting(Finding::times).containsExactly(3L);
  }

  @Test
  void aTableIsReadOnceHoweverManyEntriesShareIt() throws IOException {
    HandMadeImage image = new HandMadeImage(new Geometry(3, 21, 6, false), 0);
    int entries = 4 << 20;
    image.setInt(36, entries).setLong(40, image.cluster(5)).refcount(3, 0);
    ByteBuffer l1 = ByteBuffer.allocate(entries * 8);
    while (l1.hasRemaining()) {
      l1.putLong(image.cluster(4));
    }
    image.storage.write(l1.rewind(), image.cluster(5));
    for (int i = 0; i < 16; i++) {
      image.refcount(5 + i, 1);
    }
    image.refcount(4, entries);
    image.l2(0, 0x100);

    CheckReport report = ImageCheck.of(image.storage).tables(64 << 20).run();

    assertThat(report.corruptions()).isEqualTo(entries);
    assertThat(report.leaks()).isZero();
  }

  @Test
  void workBeyondTheAllowanceIsRefused() throws IOException {
    HandMadeImage image = new HandMadeImage();

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> ImageCheck.of(image.storage).tables(100_000).run())
        .withMessageContaining("100000");
    assertThatIllegalArgumentException().isThrownBy(() -> ImageCheck.of(image.storage).tables(0));
  }

  @Test
  void memoryBeyondTheAllowanceIsRefused() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(56, 16);

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> ImageCheck.of(image.storage).memory(1 << 20).run())
        .withMessageContaining("1048576 bytes of memory");
    assertThatIllegalArgumentException().isThrownBy(() -> ImageCheck.of(image.storage).memory(-1));
  }

  @Test
  void lengthOfASparseFileCostsNoMemory() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5);
    image.storage.setSize(1L << 46);

    assertThat(ImageCheck.of(image.storage).memory(2 << 20).run().isClean()).isTrue();
  }

  @Test
  void fileOfTooManyClustersIsRefused() throws IOException {
    HandMadeImage image = new HandMadeImage(new Geometry(3, 9, 4, false), 0);
    image.storage.setSize(1L << 40);

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> image.check())
        .withMessageContaining("2147483648 clusters");
  }

  @Test
  void onlyTheFirstFindingsAreKeptButAllAreCounted() throws IOException {
    HandMadeImage image = new HandMadeImage();
    for (int i = 0; i < 3000; i++) {
      image.l2(i, 0x100);
    }

    CheckReport report = image.check();

    assertThat(report.corruptions()).isEqualTo(3000);
    assertThat(report.findingsTotal()).isEqualTo(3000);
    assertThat(report.findings()).hasSize(CheckReport.MAX_FINDINGS);
  }

  @Test
  void refcountTableEntriesThatCannotBeFollowedAreCheckErrors() throws IOException {
    HandMadeImage image = new HandMadeImage();
    image.setLong(image.cluster(1), image.cluster(2) + 512);

    CheckReport report = image.check();

    assertThat(report.checkErrors()).isEqualTo(5);
    assertThat(report.findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.UNALIGNED_OFFSET, Kind.REFCOUNT_UNREADABLE);
  }

  @Test
  void moreReferencesThanACountHoldsAreAnOverflow() throws IOException {
    HandMadeImage image = new HandMadeImage(new Geometry(3, 16, 0, false), 0).map(0, 5);
    image.l2(1, image.cluster(5) | COPIED).l2(2, image.cluster(5) | COPIED);

    CheckReport report = image.check();

    assertThat(report.corruptions()).isEqualTo(2);
    assertThat(report.findings())
        .extracting(Finding::message)
        .containsOnly("ERROR: overflow cluster offset=0x50000");
  }

  @Test
  void unknownIncompatibleFeatureRefusesTheCheck() throws IOException {
    HandMadeImage image = new HandMadeImage().setLong(72, 1L << 40);

    assertThatExceptionOfType(UnsupportedFeatureException.class)
        .isThrownBy(() -> image.check())
        .withMessageContaining("40");
  }

  @Test
  void fileThatIsNoImageRefusesTheCheck() {
    assertThatExceptionOfType(UnsupportedFeatureException.class)
        .isThrownBy(() -> ImageCheck.of(new HeapStorage("empty")).run());
  }

  @Test
  void dirtyAndCorruptMarksDoNotPreventACheck() throws IOException {
    long marks = IncompatibleFeature.DIRTY | IncompatibleFeature.CORRUPT;

    assertThat(new HandMadeImage().setLong(72, marks).check().isClean()).isTrue();
  }

  @Test
  void encryptedImageIsCheckedWithoutItsKey() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(32, 2).refcount(5, 1).refcount(6, 1).grow(7);
    image.setInt(112, 0x0537BE77).setInt(116, 16).setLong(120, image.cluster(5));
    image.setLong(128, 70_000);

    assertThat(image.check().isClean()).isTrue();
    assertThat(image.refcount(6, 0).check().corruptions()).isEqualTo(1);
  }

  @Test
  void encryptionHeaderAtAnImpossiblePlaceIsACorruption() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(32, 2);
    image.setInt(112, 0x0537BE77).setInt(116, 16).setLong(120, 1L << 62).setLong(128, -1);

    assertThat(image.check().findings())
        .extracting(Finding::kind)
        .containsExactly(Kind.BEYOND_END_OF_FILE);
  }

  @Test
  void limitsOfTheCallerHold() throws IOException {
    HandMadeImage image = new HandMadeImage();
    Limits limits = Limits.DEFAULT.withRefcountTableBytes(1024);

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> ImageCheck.of(image.storage).limits(limits).run());
  }

  @Test
  void headerThatBreaksARuleRefusesTheCheck() throws IOException {
    HandMadeImage image = new HandMadeImage().setInt(96, 7);

    assertThatExceptionOfType(CorruptImageException.class).isThrownBy(() -> image.check());
  }

  @Test
  void storageOfTheCallerStaysOpenAndUnchanged() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5).refcount(5, 3);
    byte[] before = image.storage.toByteArray();

    image.check();

    assertThat(image.storage.size()).isEqualTo(before.length);
    assertThat(image.storage.toByteArray()).isEqualTo(before);
  }

  @Test
  void onlyTheFileItselfIsOpened(@TempDir Path directory) throws IOException {
    HandMadeImage image = new HandMadeImage(new Geometry(3, 16, 4, false), 4);
    byte[] name = "/does/not/exist".getBytes(StandardCharsets.US_ASCII);
    image.storage.write(ByteBuffer.wrap(name), 4096);
    image.setLong(8, 4096).setInt(16, name.length);
    Path file = directory.resolve("image.qcow2");
    Files.write(file, image.storage.toByteArray());

    assertThat(ImageCheck.of(file).run().isClean()).isTrue();
    Files.delete(file);
  }

  @Test
  void progressRisesToTheTotalAndMayCancel() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5);
    List<Long> seen = new ArrayList<>();

    ImageCheck.of(image.storage)
        .progress(
            (done, total) -> {
              assertThat(total).isEqualTo(2 << 16);
              return seen.add(done);
            })
        .run();

    assertThat(seen).containsExactly(0L, 1L << 16, 2L << 16);
    assertThatExceptionOfType(OperationCancelledException.class)
        .isThrownBy(() -> ImageCheck.of(image.storage).progress((done, total) -> done == 0).run());
  }

  @Test
  void interruptCancelsAndTheFlagStaysSet() throws IOException {
    HandMadeImage image = new HandMadeImage().map(0, 5);

    Thread.currentThread().interrupt();
    Throwable thrown = catchThrowable(() -> image.check());

    assertThat(Thread.interrupted()).isTrue();
    assertThat(thrown).isInstanceOf(OperationCancelledException.class);
  }
}
