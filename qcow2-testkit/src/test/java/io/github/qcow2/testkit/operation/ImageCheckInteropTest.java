package io.github.qcow2.testkit.operation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.Finding;
import io.github.qcow2.check.Finding.Kind;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The check gives the numbers and the words of {@code qemu-img check}. */
@RequiresQemu
final class ImageCheckInteropTest {
  private static final long COPIED = 1L << 63;

  @TempDir private Path directory;

  private static List<QemuMadeImage> images() {
    return QemuMadeImage.all();
  }

  @ParameterizedTest
  @MethodSource("images")
  void cleanImageIsCleanWithTheSameStatistics(QemuMadeImage made) throws IOException {
    Path image = made.make(QemuTools.required(), directory);

    assertThat(numbers(ImageCheck.of(image).run()))
        .isEqualTo(numbers(QemuTools.required().check(image)));
    assertThat(ImageCheck.of(image).run().findings()).isEmpty();
  }

  /** Pokes at random places of tables; what only this check reports is counted out. */
  @ParameterizedTest
  @MethodSource("images")
  void damagedImageGivesTheSameNumbers(QemuMadeImage made) throws IOException {
    QemuTools qemu = QemuTools.required();
    byte[] content = Files.readAllBytes(made.make(qemu, directory));
    Path poked = directory.resolve("poked.qcow2");
    Random random = new Random(made.name().hashCode());
    for (int round = 0; round < 6; round++) {
      PokedImage image = new PokedImage(content.clone());
      List<String> pokes = new ArrayList<>();
      for (int i = random.nextInt(3); i >= 0; i--) {
        pokes.add(poke(image, random));
      }
      image.write(poked);

      CheckReport report = ImageCheck.of(poked).run();

      if (report.findingsTotal() <= CheckReport.MAX_FINDINGS && !followsTheHeaderAsATable(image)) {
        List<Long> expected = new ArrayList<>(numbers(qemu.check(poked)));
        expected.set(0, expected.get(0) + onlyHere(report));
        assertThat(numbers(report))
            .as("%s %s%n%s", made, pokes, qemu.check(poked).output())
            .isEqualTo(expected);
      }
    }
  }

  private static String poke(PokedImage image, Random random) {
    List<Integer> places = image.tableWords();
    int place = places.get(random.nextInt(places.size()));
    long old = image.bytes.getLong(place);
    int clusters = image.bytes.capacity() / image.geometry.clusterSize() + 2;
    long[] flags = {0, COPIED, L2Entry.COMPRESSED, 1, COPIED | 1};
    long value =
        switch (random.nextInt(5)) {
          case 0, 1 -> old ^ (1L << random.nextInt(64));
          case 2 ->
              ((long) random.nextInt(clusters) << image.geometry.clusterBits())
                  | flags[random.nextInt(flags.length)];
          case 3 -> (random.nextInt(image.bytes.capacity()) & ~511L) | flags[random.nextInt(3)];
          default -> random.nextLong();
        };
    image.set(place, value);
    return String.format("[%x] %x -> %x", place, old, value);
  }

  /** An L1 entry without an offset but with a flag: qemu-img checks the header as an L2 table. */
  private static boolean followsTheHeaderAsATable(PokedImage image) {
    List<Long> entries = new ArrayList<>();
    for (int i = 0; i < Math.min(image.header.l1Entries(), 64); i++) {
      entries.add(image.bytes.getLong(image.l1Place(i)));
    }
    if (image.header.snapshots() > 0) {
      int l1 = (int) image.bytes.getLong(image.snapshotPlace());
      for (int i = 0; i < Math.min(image.bytes.getInt(image.snapshotPlace() + 8), 64); i++) {
        entries.add(image.bytes.getLong(l1 + 8 * i));
      }
    }
    return entries.stream().anyMatch(entry -> entry != 0 && L1Entry.offset(entry) == 0);
  }

  /**
   * How often rules are broken that a read checks and qemu-img check does not. Once a count cannot
   * be read, it does not look at COPIED flags any more either.
   */
  private static long onlyHere(CheckReport report) {
    return report.findings().stream()
        .filter(
            finding ->
                finding.kind() == Kind.OVERLAP
                    || (report.checkErrors() > 0 && finding.message().contains("OFLAG_COPIED"))
                    || (finding.kind() == Kind.UNREADABLE_ENTRY
                        && !finding.message().contains("with data file"))
                    || isBitZeroAlone(finding))
        .mapToLong(Finding::times)
        .sum();
  }

  private static boolean isBitZeroAlone(Finding finding) {
    String words = "ERROR found l2 entry with reserved bits set: ";
    if (!finding.message().startsWith(words)) {
      return false;
    }
    long entry = Long.parseUnsignedLong(finding.message().substring(words.length()), 16);
    return (entry & L2Entry.RESERVED) == 0;
  }

  @Test
  void messagesAreThoseOfQemu() throws IOException {
    QemuMadeImage plain =
        QemuMadeImage.of("plain", 1 << 20, "cluster_size=65536", "write 0 128k", "write 256k 64k");
    byte[] content = Files.readAllBytes(plain.make(QemuTools.required(), directory));
    List<Consumer<PokedImage>> damages =
        List.of(
            image -> image.setRefcount16(5, 0),
            image -> image.setRefcount16(5, 2),
            image -> image.setRefcount16(4, 2),
            image -> image.flip(image.l1Place(0), COPIED),
            image -> image.flip(image.l2Place(0), COPIED),
            image -> image.flip(image.l1Place(0), 1L << 57),
            image -> image.flip(image.l2Place(0), 0x100),
            image -> image.flip(image.l2Place(0), 0x200),
            image -> image.flip(image.l2Place(0), 0x201),
            image -> image.set(image.l2Place(0), COPIED | (1L << 44)),
            image -> image.set(image.l2Place(0), COPIED | L2Entry.COMPRESSED | (5 << 16)),
            image -> image.set(image.l2Place(0), L2Entry.COMPRESSED | (1 << 24)),
            image -> image.set(image.l2Place(0), 2 << 16),
            image -> image.flip(image.refcountTablePlace(0), 1),
            image -> image.set(image.refcountTablePlace(1), (2 << 16) | 512),
            image -> image.set(image.refcountTablePlace(1), 1 << 24));
    for (Consumer<PokedImage> damage : damages) {
      PokedImage image = new PokedImage(content.clone());
      damage.accept(image);
      Path poked = image.write(directory.resolve("poked.qcow2"));

      assertThat(ImageCheck.of(poked).run().findings())
          .extracting(Finding::message)
          .containsExactlyInAnyOrderElementsOf(
              QemuTools.required()
                  .img("check", "-f", "qcow2", poked.toString())
                  .stderr()
                  .lines()
                  .filter(line -> !line.isEmpty())
                  .toList());
    }
  }

  @ParameterizedTest
  @ValueSource(longs = {1, 65536, 32768, 300_000})
  void truncatedFileGivesTheSameNumbers(long cut) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("cut", 1 << 20, "cluster_size=65536", "write 0 300k", "snapshot a")
            .make(qemu, directory);
    byte[] content = Files.readAllBytes(image);
    Files.write(image, Arrays.copyOf(content, content.length - (int) cut));

    assertThat(numbersOrRefusal(image)).isEqualTo(qemuNumbersOrRefusal(image));
  }

  @Test
  void snapshotTablesAreJudgedAlike() throws IOException {
    QemuTools qemu = QemuTools.required();
    byte[] content =
        Files.readAllBytes(
            QemuMadeImage.of(
                    "s", 1 << 20, "cluster_size=65536", "write 0 300k", "snapshot a", "snapshot b")
                .make(qemu, directory));
    List<Consumer<PokedImage>> damages =
        List.of(
            image -> image.flip(image.snapshotPlace(), 0x200),
            image -> image.flip(image.snapshotPlace(), 8),
            image -> image.set(image.snapshotPlace(), 1 << 28),
            image -> image.bytes.putInt(image.snapshotPlace() + 8, 5_000_000),
            image -> image.bytes.putInt(image.snapshotPlace() + 8, 10_000),
            image -> image.bytes.putInt(image.snapshotPlace() + 36, 2000),
            image -> image.bytes.putInt(60, 1),
            image -> image.bytes.putInt(60, 0),
            image -> image.bytes.putInt(60, 3),
            image -> image.bytes.putLong(64, 1 << 28),
            image -> image.bytes.putLong(64, image.snapshotPlace() + 512L),
            image -> image.bytes.putInt(60, 65_537));
    for (Consumer<PokedImage> damage : damages) {
      PokedImage image = new PokedImage(content.clone());
      damage.accept(image);
      Path poked = image.write(directory.resolve("poked.qcow2"));

      assertThat(numbersOrRefusal(poked)).isEqualTo(qemuNumbersOrRefusal(poked));
    }
  }

  @Test
  void bitmapsThatAreNotToBeTrustedAreLeaks() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("b", 16 << 20, "cluster_size=4096", "bitmap a", "write 0 64k")
            .make(qemu, directory);
    PokedImage.read(image).set(88, 0).write(image);

    assertThat(ImageCheck.of(image).run().leaks()).isEqualTo(3);
    assertThat(numbers(ImageCheck.of(image).run())).isEqualTo(numbers(qemu.check(image)));
  }

  @Test
  void unlikeQemuZeroFlagInVersion2IsReported() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("v2", 1 << 20, "compat=0.10", "write 0 128k").make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    poked.flip(poked.l2Place(0), 1).write(image);

    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(qemu.io(image, "read 0 64k").succeeded()).isFalse();
    assertThat(kinds(image)).containsExactly(Kind.UNREADABLE_ENTRY);
  }

  @Test
  void unlikeQemuWrongPlaceInTheDataFileIsReported() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("df", 1 << 20, "data_file=%s.data", "write 0 128k").make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    poked.set(poked.l2Place(1), COPIED | (5 << 16)).write(image);

    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(qemu.io(image, "read 64k 64k").succeeded()).isFalse();
    assertThat(kinds(image)).containsExactly(Kind.UNREADABLE_ENTRY);
  }

  @Test
  void unlikeQemuBitZeroOfAnExtendedEntryIsReported() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("x", 1 << 20, "extended_l2=on", "write 0 128k").make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    poked.flip(poked.l2Place(0), 1).write(image);

    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(kinds(image)).containsExactly(Kind.RESERVED_BITS);
  }

  @Test
  void unlikeQemuOverlapUnderAgreeingCountsIsReported() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("o", 1 << 20, "cluster_size=65536", "write 0 64k").make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    poked.set(poked.l2Place(1), 3 << 16).setRefcount16(3, 2).write(image);

    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(kinds(image)).containsExactly(Kind.OVERLAP);
  }

  @Test
  void unlikeQemuTheHeaderIsNeverTakenForAnL2Table() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("h", 1 << 20, "cluster_size=65536", "write 0 64k").make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    poked.set(poked.l1Place(0), COPIED).write(image);

    assertThat(qemu.check(image).corruptions()).isGreaterThan(10);
    assertThat(kinds(image))
        .containsExactly(Kind.COPIED_FLAG, Kind.LEAKED_CLUSTER, Kind.LEAKED_CLUSTER);
  }

  @Test
  void unlikeQemuABitmapThatBreaksARuleIsReportedAndLeaksAreNotGuessed() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image =
        QemuMadeImage.of("b", 16 << 20, "cluster_size=4096", "bitmap a", "write 0 64k")
            .make(qemu, directory);
    PokedImage poked = PokedImage.read(image);
    int directoryPlace = (int) poked.header.bitmaps().directoryOffset();
    poked.bytes.put(directoryPlace + 17, (byte) 5);
    poked.write(image);

    assertThat(qemu.img("check", "-f", "qcow2", image.toString()).exitCode()).isEqualTo(1);
    assertThat(kinds(image)).containsExactly(Kind.BITMAP, Kind.TABLE_UNREADABLE);
  }

  private static List<Kind> kinds(Path image) throws IOException {
    return ImageCheck.of(image).run().findings().stream().map(Finding::kind).toList();
  }

  private static Object numbersOrRefusal(Path image) throws IOException {
    try {
      return numbers(ImageCheck.of(image).run());
    } catch (Qcow2Exception e) {
      return "refused";
    }
  }

  private static Object qemuNumbersOrRefusal(Path image) throws IOException {
    boolean refused =
        QemuTools.required()
            .img("check", "--output=json", "-f", "qcow2", image.toString())
            .stdout()
            .isEmpty();
    return refused ? "refused" : numbers(QemuTools.required().check(image));
  }

  private static List<Long> numbers(CheckReport report) {
    return List.of(
        report.corruptions(),
        report.leaks(),
        report.checkErrors(),
        report.totalClusters(),
        report.allocatedClusters(),
        report.fragmentedClusters(),
        report.compressedClusters(),
        report.imageEndOffset());
  }

  private static List<Long> numbers(QemuCheck check) {
    return List.of(
        check.corruptions(),
        check.leaks(),
        check.checkErrors(),
        check.totalClusters(),
        check.allocatedClusters(),
        check.fragmentedClusters(),
        check.compressedClusters(),
        check.imageEndOffset());
  }
}
