package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.testkit.interop.ImageVariant.Layout;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuExtent;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Disks that have their clusters before anything is written, as qemu-img and qemu-io see them. */
@RequiresQemu
final class PreallocationInteropTest {
  private static final int MIB = 1 << 20;
  private static final long GIB = 1L << 30;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  /** One image. */
  record Wanted(Layout layout, int refcountBits, Preallocation preallocation) {
    ImageCreator create(Path path, long size) {
      return Qcow2Image.create(path, size)
          .version(layout.version)
          .clusterSize(layout.clusterSize())
          .refcountBits(refcountBits)
          .extendedL2(layout.extendedL2)
          .preallocation(preallocation);
    }
  }

  static List<Wanted> wanted() {
    List<Wanted> all = new ArrayList<>();
    int turn = 0;
    for (Layout layout : Layout.values()) {
      for (Preallocation mode : List.of(Preallocation.METADATA, Preallocation.FALLOC)) {
        int bits = layout.version == 2 ? 16 : 1 << (turn % 7);
        all.add(new Wanted(layout, bits, turn % 5 == 4 ? Preallocation.FULL : mode));
        turn++;
      }
    }
    return all;
  }

  private static Qcow2Image open(Path path) throws IOException {
    return Qcow2Image.open(path).references(ReferencePolicy.allowAll()).writable().build();
  }

  private QemuCheck checked(Path image) throws IOException {
    QemuCheck check = qemu.check(image);
    assertThat(check.isClean()).as("%s", check.output()).isTrue();
    assertThat(SpecOracle.of(Files.readAllBytes(image)).check().findings()).isEmpty();
    return check;
  }

  private static long clusters(long size, int cluster) {
    return (size + cluster - 1) / cluster;
  }

  @ParameterizedTest
  @MethodSource("wanted")
  void everyClusterOfANewDiskIsAllocatedAndReadsAsZeros(Wanted wanted) throws IOException {
    Path path = directory.resolve("new.qcow2");
    int cluster = wanted.layout.clusterSize();
    long size = wanted.layout.size();
    wanted.create(path, size).createOnly();

    QemuCheck check = checked(path);
    assertThat(check.allocatedClusters()).isEqualTo(clusters(size, cluster));
    assertThat(check.fragmentedClusters()).isZero();
    assertThat(Files.size(path)).isEqualTo(check.imageEndOffset());
    assertSame(qemu.content(path), new byte[(int) size], "new disk");

    byte[] expected = new byte[(int) size];
    try (Qcow2Image image = open(path)) {
      assertSame(GuestBytes.of(image), expected, "new disk");
      GuestBytes.fill(image, 3, cluster / 2, cluster);
    }
    qemu.io(path, "write -P 5 " + 3 * cluster + " 512").orThrow();
    Arrays.fill(expected, cluster / 2, cluster / 2 + cluster, (byte) 3);
    Arrays.fill(expected, 3 * cluster, 3 * cluster + 512, (byte) 5);
    assertThat(checked(path).imageEndOffset())
        .as("nothing is allocated")
        .isEqualTo(Files.size(path));
    assertSame(qemu.content(path), expected, "written disk");
  }

  @ParameterizedTest
  @MethodSource("wanted")
  void everyClusterThatADiskGrowsByIsAllocatedAndReadsAsZeros(Wanted wanted) throws IOException {
    Path path = directory.resolve("grown.qcow2");
    int cluster = wanted.layout.clusterSize();
    int old = (int) wanted.layout.size();
    int grown = 3 * old + 512;
    byte[] expected = new byte[grown];
    Arrays.fill(expected, old - 512, old, (byte) 7);
    try (Qcow2Image image = wanted.create(path, old).preallocation(Preallocation.OFF).build()) {
      GuestBytes.fill(image, 9, 0, 2 * cluster);
      GuestBytes.fill(image, 7, old - 512, 512);
      image.flush();
      image.discard(0, 2L * cluster);
      image.flush();
      image.grow(grown, wanted.preallocation);
      assertSame(GuestBytes.of(image), expected, "grown disk");
    }
    long whole = clusters(grown, cluster) - clusters(old, cluster);
    assertThat(checked(path).allocatedClusters()).isEqualTo(whole + 1);
    assertSame(qemu.content(path), expected, "grown disk");
    long end = Files.size(path);
    qemu.io(path, "write -P 5 " + (old + cluster) + " " + cluster).orThrow();
    assertThat(Files.size(path)).as("nothing is allocated").isEqualTo(end);
  }

  @Test
  void diskOf20GibibytesHas54ClustersOfTablesAnd11RefcountBlocks() throws IOException {
    Path ours = directory.resolve("ours.qcow2");
    Path theirs = directory.resolve("qemu.qcow2");
    qemu.create(theirs, 20 * GIB, "preallocation=metadata");
    Qcow2Image.create(ours, 20 * GIB).preallocation(Preallocation.METADATA).createOnly();

    assertThat(Files.size(ours)).isEqualTo(20 * GIB + 54 * 65536).isEqualTo(Files.size(theirs));
    QemuCheck check = qemu.check(ours);
    assertThat(check.isClean()).isTrue();
    assertThat(check.allocatedClusters()).isEqualTo(327_680);
    try (Qcow2Image image = open(ours)) {
      ByteBuffer table = ByteBuffer.allocate(65536);
      image.hostStorage().read(table, image.header().refcountTableOffset());
      long blocks = 0;
      for (int i = 0; i < 8192; i++) {
        blocks += table.getLong(8 * i) == 0 ? 0 : 1;
      }
      assertThat(blocks).isEqualTo(11);
    }
  }

  @Test
  void diskThatGrowsTo20GibibytesIsAsLongAsOneCreatedSo() throws IOException {
    Path path = directory.resolve("grown.qcow2");
    try (Qcow2Image image = Qcow2Image.create(path, 512).build()) {
      image.grow(20 * GIB, Preallocation.METADATA);
    }
    assertThat(qemu.check(path).isClean()).isTrue();
    assertThat(Files.size(path)).isLessThan(20 * GIB + 60 * 65536);
  }

  @Test
  void refcountTableGrowsOnceWhereADiskBecomesMuchLarger() throws IOException {
    Path path = directory.resolve("grown.qcow2");
    long size = 256 * MIB;
    try (Qcow2Image image = Qcow2Image.create(path, 512).clusterSize(512).build()) {
      image.grow(size, Preallocation.METADATA);
    }
    QemuCheck check = qemu.check(path);
    assertThat(check.isClean()).isTrue();
    assertThat(check.allocatedClusters()).isEqualTo(size / 512 - 1);
    // 8 MiB are what the first refcount table can count.
    assertThat(Files.size(path)).isLessThan(size + size / 32 + 10 * MIB);
  }

  @Test
  void preallocatedImagesOfQemuAreReadAndWritten() throws IOException {
    for (String mode : List.of("metadata", "falloc", "full")) {
      for (String extended : List.of("off", "on")) {
        Path path = directory.resolve(mode + extended);
        qemu.create(path, 5 * MIB, "preallocation=" + mode, "extended_l2=" + extended);
        long end = Files.size(path);
        byte[] expected = new byte[5 * MIB];
        try (Qcow2Image image = open(path)) {
          assertSame(GuestBytes.of(image), expected, "new disk");
          GuestBytes.fill(image, 3, 100_000, 100_000);
        }
        Arrays.fill(expected, 100_000, 200_000, (byte) 3);
        assertThat(Files.size(path)).as("nothing is allocated").isEqualTo(end);
        checked(path);
        assertSame(qemu.content(path), expected, "written disk");
      }
    }
  }

  @Test
  void backingFileExcludesPreallocationWithoutSubclusters() throws IOException {
    qemu.create(directory.resolve("base.qcow2"), MIB);
    ImageCreator creator =
        Qcow2Image.create(directory.resolve("overlay.qcow2"), MIB)
            .backing("base.qcow2", "qcow2")
            .preallocation(Preallocation.METADATA);
    assertThatIllegalArgumentException().isThrownBy(creator::createOnly);
    assertThat(directory.resolve("overlay.qcow2")).doesNotExist();
    creator.extendedL2(true).createOnly();
  }

  @ParameterizedTest
  @EnumSource(
      value = Preallocation.class,
      names = {"METADATA", "FULL"})
  void subclustersThatArePreallocatedShowTheBackingFile(Preallocation mode) throws IOException {
    Path base = directory.resolve("base.qcow2");
    qemu.create(base, 5 * MIB);
    qemu.io(base, "write -P 7 0 5M").orThrow();
    Path path = directory.resolve("overlay.qcow2");
    byte[] expected = new byte[6 * MIB];
    Arrays.fill(expected, 0, 2 * MIB, (byte) 7);
    try (Qcow2Image image =
        Qcow2Image.create(path, 2 * MIB)
            .references(ReferencePolicy.allowAll())
            .backing("base.qcow2", "qcow2")
            .extendedL2(true)
            .preallocation(mode)
            .build()) {
      GuestBytes.fill(image, 3, 4096, 4096);
      Arrays.fill(expected, 4096, 8192, (byte) 3);
      // What the backing file has behind the old end does not come to light.
      image.grow(6 * MIB, mode);
      assertSame(GuestBytes.of(image), expected, "overlay");
    }
    assertThat(checked(path).allocatedClusters()).isEqualTo(96);
    assertSame(qemu.content(path), expected, "overlay");
  }

  @ParameterizedTest
  @EnumSource(
      value = Layout.class,
      names = {"V2_64K", "V3_64K", "EXTENDED_64K", "V3_512"})
  void overlayThatGrowsDoesNotShowALongerBackingFile(Layout layout) throws IOException {
    Path base = directory.resolve("base.raw");
    Files.write(base, GuestBytes.repeat(7, 3 * MIB));
    Path path = directory.resolve("overlay.qcow2");
    byte[] expected = new byte[4 * MIB];
    Arrays.fill(expected, 0, MIB + 512, (byte) 7);
    try (Qcow2Image image =
        new Wanted(layout, 16, Preallocation.OFF)
            .create(path, MIB + 512)
            .references(ReferencePolicy.allowAll())
            .backing("base.raw", "raw")
            .build()) {
      image.grow(4 * MIB, Preallocation.METADATA);
      assertSame(GuestBytes.of(image), expected, "overlay");
    }
    checked(path);
    assertSame(qemu.content(path), expected, "overlay");
    assertThat(qemu.map(path).stream().filter(extent -> extent.start() > 2 * MIB))
        .as("all clusters have a place")
        .allMatch(extent -> extent.depth() == 0 && extent.offset().isPresent())
        .isNotEmpty();
  }

  @Test
  void clustersThatQemuPreallocatesInAnOverlayReadTheSame() throws IOException {
    Files.write(directory.resolve("base.raw"), GuestBytes.repeat(7, 3 * MIB));
    Path path = directory.resolve("overlay.qcow2");
    qemu.create(path, MIB, "backing_file=base.raw,backing_fmt=raw");
    qemu.img("resize", "-q", "--preallocation=metadata", path.toString(), "4M").orThrow();
    byte[] expected = qemu.content(path);
    try (Qcow2Image image = open(path)) {
      assertSame(GuestBytes.of(image), expected, "overlay");
    }
  }

  @Test
  void diskWhoseClustersNoRefcountTableCountsIsRefusedBeforeAFileIsMade() {
    Path path = directory.resolve("large.qcow2");
    ImageCreator creator =
        Qcow2Image.create(path, 128 * GIB).clusterSize(512).preallocation(Preallocation.METADATA);
    assertThatThrownBy(creator::createOnly).isInstanceOf(LimitExceededException.class);
    assertThat(path).doesNotExist();
  }

  @Test
  void snapshotStaysWhatItIsWhileTheDiskGrows() throws IOException {
    Path path = directory.resolve("snapshot.qcow2");
    qemu.create(path, 3 * MIB / 2);
    qemu.io(path, "write -P 7 0 1536k").orThrow();
    qemu.img("snapshot", "-c", "s", path.toString()).orThrow();
    try (Qcow2Image image = open(path)) {
      image.grow(4 * MIB, Preallocation.METADATA);
      GuestBytes.fill(image, 1, 0, 4 * MIB);
    }
    checked(path);
    assertSame(
        Arrays.copyOf(qemu.snapshotContent(path, "s"), 3 * MIB / 2),
        GuestBytes.repeat(7, 3 * MIB / 2),
        "snapshot");
    assertSame(qemu.content(path), GuestBytes.repeat(1, 4 * MIB), "disk");
  }

  @Test
  void mapIsThatOfQemu() throws IOException {
    Path ours = directory.resolve("ours.qcow2");
    Path theirs = directory.resolve("theirs.qcow2");
    qemu.create(theirs, 5 * MIB, "preallocation=metadata", "extended_l2=on");
    Qcow2Image.create(ours, 5 * MIB)
        .extendedL2(true)
        .preallocation(Preallocation.METADATA)
        .createOnly();
    QemuExtent found = qemu.map(ours).get(0);
    QemuExtent expected = qemu.map(theirs).get(0);
    assertThat(found.zero()).isEqualTo(expected.zero());
    assertThat(found.present()).isEqualTo(expected.present());
    assertThat(found.length()).isEqualTo(expected.length());
    assertThat(found.offset()).isPresent();
  }
}
