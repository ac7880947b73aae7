package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.ReferenceDeniedException;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images whose data is in a file of its own (qcow2 spec, "External data file name"). */
@RequiresQemu
final class ExternalDataFileTest {
  private static final int CLUSTER = 64 << 10;
  private static final int SIZE = 1 << 20;
  private static final int EXTENSION_TYPE = 0x44415441;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  private Path image() {
    return directory.resolve("image.qcow2");
  }

  private Path data() {
    return directory.resolve("data");
  }

  /** The name is absolute: QEMU takes a relative one from the working directory. */
  private ImageCreator creator(boolean raw) {
    return Qcow2Image.create(image(), SIZE)
        .dataFile(data().toString(), raw)
        .references(ReferencePolicy.allowAll());
  }

  private Qcow2Image open() throws IOException {
    return Qcow2Image.open(image()).references(ReferencePolicy.allowAll()).writable().build();
  }

  private void theirs(String... options) throws IOException {
    String[] all = Arrays.copyOf(options, options.length + 1);
    all[options.length] = "data_file=" + data();
    qemu.create(image(), SIZE, all);
  }

  /** The words of the first L2 table. */
  private long[] entries(int count) throws IOException {
    try (Qcow2Image image = open()) {
      ByteBuffer word = ByteBuffer.allocate(8);
      image.hostStorage().read(word, image.header().l1TableOffset());
      ByteBuffer table = ByteBuffer.allocate(8 * count);
      image.hostStorage().read(table, word.getLong(0) & 0x00ff_ffff_ffff_fe00L);
      long[] words = new long[count];
      table.flip().asLongBuffer().get(words);
      return words;
    }
  }

  private void assertContent(byte[] expected) throws IOException {
    try (Qcow2Image image = open()) {
      assertSame(GuestBytes.of(image), expected, "guest content");
    }
    assertSame(qemu.content(image()), expected, "guest content as QEMU sees it");
    assertThat(qemu.check(image()).isClean()).isTrue();
  }

  @Test
  void clustersLieWhereTheGuestSeesThemAndPlaceZeroIsOne() throws IOException {
    theirs();
    qemu.io(image(), "write 0 64k", "write -z 64k 64k", "write 512k 64k").orThrow();
    long[] expected = entries(16);
    assertThat(expected).startsWith(1L << 63, 1).contains(0x8000_0000_0008_0000L);
    Files.delete(image());
    Files.delete(data());

    try (Qcow2Image image = creator(false).build()) {
      GuestBytes.fill(image, 0xcd, 0, CLUSTER);
      image.writeZeroes(CLUSTER, CLUSTER, ZeroMode.KEEP_ALLOCATED);
      GuestBytes.fill(image, 0xcd, 512 << 10, CLUSTER);
    }
    assertThat(entries(16)).isEqualTo(expected);
  }

  @Test
  void dataClustersAreNotInTheImageFile() throws IOException {
    try (Qcow2Image image = creator(false).build()) {
      GuestBytes.fill(image, 7, 0, SIZE);
    }
    assertThat(Files.size(image())).as("header, refcounts, L1, L2").isEqualTo(5 * CLUSTER);
    assertSame(Files.readAllBytes(data()), GuestBytes.repeat(7, SIZE), "data file");
    assertContent(GuestBytes.repeat(7, SIZE));
  }

  @Test
  void nameIsAPathAlsoIfItLooksLikeAProtocol() throws IOException {
    creator(false).dataFile("nbd:data", false).createOnly();
    assertThat(directory.resolve("nbd:data")).exists();
    try (Qcow2Image image = open()) {
      GuestBytes.fill(image, 7, 0, SIZE);
    }
    assertSame(
        Files.readAllBytes(directory.resolve("nbd:data")), GuestBytes.repeat(7, SIZE), "data file");
  }

  @Test
  void missingDataFileIsRefusedAndNotMade() throws IOException {
    creator(false).createOnly();
    Files.delete(data());
    assertThatThrownBy(this::open).isInstanceOf(NoSuchFileException.class);
    assertThat(qemu.io(image(), "read 0 512").succeeded()).isFalse();
    assertThat(data()).doesNotExist();
    assertThat(Qcow2Image.inspect(image()).header().dataFile()).isEqualTo(data().toString());
  }

  @Test
  void dataFileThatTheImageDoesNotNameIsTheCallersToGive() throws IOException {
    try (Qcow2Image image = creator(false).build()) {
      GuestBytes.fill(image, 7, 0, SIZE);
    }
    byte[] bytes = Files.readAllBytes(image());
    ByteBuffer header = ByteBuffer.wrap(bytes);
    int at = 112;
    while (header.getInt(at) != EXTENSION_TYPE) {
      at += 8 + (header.getInt(at + 4) + 7 & -8);
    }
    header.putInt(at, 0x1234_5678);
    Files.write(image(), bytes);

    assertThatThrownBy(this::open).isInstanceOf(ReferenceDeniedException.class);
    assertThat(qemu.io(image(), "read 0 512").succeeded()).isFalse();
    ReferencePolicy given =
        reference -> new ReferencePolicy.Answer.UseStorage(FileStorage.open(data()));
    try (Qcow2Image image = Qcow2Image.open(image()).references(given).build()) {
      assertSame(GuestBytes.of(image), GuestBytes.repeat(7, SIZE), "guest content");
    }
  }

  @Test
  void zerosAndDiscardsMayLieInTheImageAloneUnlessTheFileIsRaw() throws IOException {
    byte[] expected = GuestBytes.repeat(7, SIZE);
    Arrays.fill(expected, CLUSTER, 4 * CLUSTER, (byte) 0);
    for (boolean raw : new boolean[] {false, true}) {
      try (Qcow2Image image = creator(raw).overwriteExisting().build()) {
        GuestBytes.fill(image, 7, 0, SIZE);
        image.writeZeroes(CLUSTER, CLUSTER, ZeroMode.KEEP_ALLOCATED);
        image.writeZeroes(2L * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP);
        image.discard(3L * CLUSTER, CLUSTER);
      }
      assertContent(expected);
      boolean alike = Arrays.equals(Files.readAllBytes(data()), expected);
      assertThat(alike).as("the data file is the disk").isEqualTo(raw);
    }
  }

  @ParameterizedTest
  @CsvSource({"off, off", "off, on", "on, off", "on, on"})
  void imagesOfQemuAreChangedAndReadBack(String raw, String extended) throws IOException {
    theirs("data_file_raw=" + raw, "extended_l2=" + extended);
    qemu.io(image(), "write -P 1 0 300k", "write -z 100k 100k").orThrow();
    byte[] expected = qemu.content(image());
    try (Qcow2Image image = open()) {
      GuestBytes.fill(image, 3, 90_000, 20_000);
      image.writeZeroes(200_000, 70_000, ZeroMode.MAY_UNMAP);
      GuestBytes.fill(image, 4, 800_000, 5_000);
    }
    Arrays.fill(expected, 90_000, 110_000, (byte) 3);
    Arrays.fill(expected, 200_000, 270_000, (byte) 0);
    Arrays.fill(expected, 800_000, 805_000, (byte) 4);
    assertContent(expected);
    if (raw.equals("on")) {
      assertSame(Files.readAllBytes(data()), expected, "raw data file");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void everyClusterOfARawDataFileIsMappedAlsoWhereTheDiskGrows(boolean extended)
      throws IOException {
    try (Qcow2Image image = creator(true).extendedL2(extended).build()) {
      image.grow(2L * SIZE);
    }
    assertThat(qemu.check(image()).allocatedClusters()).isEqualTo(2 * SIZE / CLUSTER);
    byte[] expected = GuestBytes.repeat(9, 2 * SIZE);
    Files.write(data(), expected);
    assertContent(expected);
  }

  @ParameterizedTest
  @EnumSource(Preallocation.class)
  void preallocationPutsTablesIntoTheImageAndRoomIntoTheDataFile(Preallocation mode)
      throws IOException {
    try (Qcow2Image image = creator(false).preallocation(mode).build()) {
      GuestBytes.fill(image, 3, 1000, 1000);
      image.grow(2L * SIZE, mode);
    }
    assertThat(Files.size(data())).isEqualTo(2 * SIZE);
    assertThat(qemu.check(image()).allocatedClusters())
        .isEqualTo(mode == Preallocation.OFF ? 1 : 2 * SIZE / CLUSTER);
    byte[] expected = new byte[2 * SIZE];
    Arrays.fill(expected, 1000, 2000, (byte) 3);
    assertContent(expected);
  }

  @ParameterizedTest
  @CsvSource({"false, OFF", "false, METADATA", "false, FALLOC", "true, OFF", "true, FULL"})
  void whatADataFileHasBehindTheEndOfTheDiskDoesNotShowWhenItGrows(boolean raw, Preallocation mode)
      throws IOException {
    creator(raw).createOnly();
    try (FileChannel file = FileChannel.open(data(), StandardOpenOption.WRITE)) {
      file.write(ByteBuffer.wrap(GuestBytes.repeat(5, SIZE)), SIZE);
    }
    try (Qcow2Image image = open()) {
      image.grow(3L * SIZE, mode);
    }
    assertContent(new byte[3 * SIZE]);
  }

  @Test
  void dataFileThatIsTooShortReadsAsZerosAndBecomesLongerWhereItIsWritten() throws IOException {
    try (Qcow2Image image = creator(true).build()) {
      GuestBytes.fill(image, 7, 0, SIZE);
    }
    try (FileChannel file = FileChannel.open(data(), StandardOpenOption.WRITE)) {
      file.truncate(SIZE / 4);
    }
    byte[] expected = new byte[SIZE];
    Arrays.fill(expected, 0, SIZE / 4, (byte) 7);
    assertContent(expected);
    try (Qcow2Image image = open()) {
      GuestBytes.fill(image, 8, SIZE / 2, CLUSTER);
    }
    Arrays.fill(expected, SIZE / 2, SIZE / 2 + CLUSTER, (byte) 8);
    assertContent(expected);
  }

  @Test
  void existingDataFileKeepsItsContentUnlessItIsToBeOverwritten() throws IOException {
    byte[] content = GuestBytes.repeat(7, SIZE);
    Files.write(data(), content);
    assertThatThrownBy(() -> creator(true).createOnly())
        .isInstanceOf(FileAlreadyExistsException.class);
    assertThat(image()).doesNotExist();
    assertSame(Files.readAllBytes(data()), content, "data file");
    creator(true).overwriteExisting().createOnly();
    assertContent(new byte[SIZE]);
  }

  @ParameterizedTest
  @CsvSource({"false, false", "false, true", "true, false", "true, true"})
  void diskShowsWhatAnAdoptedDataFileHolds(boolean raw, boolean extended) throws IOException {
    byte[] expected = new byte[SIZE];
    Arrays.fill(expected, 0, SIZE / 2, (byte) 7);
    Files.write(data(), Arrays.copyOf(expected, SIZE / 2));
    try (Qcow2Image image = creator(raw).extendedL2(extended).adoptDataFile().build()) {
      assertSame(GuestBytes.of(image), expected, "guest content");
      GuestBytes.fill(image, 1, SIZE / 2 - 100, 200);
    }
    Arrays.fill(expected, SIZE / 2 - 100, SIZE / 2 + 100, (byte) 1);
    assertContent(expected);
    assertSame(Files.readAllBytes(data()), expected, "data file");
  }

  @Test
  void dataFileThatCannotBeAdoptedIsLeftAlone() throws IOException {
    assertThatThrownBy(() -> creator(false).adoptDataFile().createOnly())
        .isInstanceOf(NoSuchFileException.class);
    byte[] content = GuestBytes.repeat(7, SIZE + 512);
    Files.write(data(), content);
    assertThatThrownBy(() -> creator(false).adoptDataFile().createOnly())
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("hide");
    assertThat(image()).doesNotExist();
    assertSame(Files.readAllBytes(data()), content, "data file");
    assertThatIllegalArgumentException()
        .isThrownBy(() -> Qcow2Image.create(image(), SIZE).adoptDataFile().createOnly());
  }

  @Test
  void whatADataFileExcludesIsRefused() throws IOException {
    assertThatIllegalArgumentException().isThrownBy(() -> creator(false).version(2).createOnly());
    assertThatIllegalArgumentException()
        .isThrownBy(() -> creator(true).backing("base", "raw").createOnly());
    try (Qcow2Image image = creator(false).build()) {
      assertThatThrownBy(() -> image.writeCompressed(ByteBuffer.allocate(CLUSTER), 0))
          .isInstanceOf(UnsupportedFeatureException.class);
    }
    assertThat(qemu.io(image(), "write -c 0 64k").succeeded()).isFalse();
  }

  @Test
  void overlayWithADataFileShowsTheBackingFileWhereItHasNothing() throws IOException {
    Files.write(directory.resolve("base.raw"), GuestBytes.repeat(7, SIZE));
    byte[] expected = GuestBytes.repeat(7, SIZE);
    try (Qcow2Image image = creator(false).backing("base.raw", "raw").build()) {
      GuestBytes.fill(image, 1, 5000, 5000);
      image.discard(2L * CLUSTER, CLUSTER);
      Arrays.fill(expected, 5000, 10_000, (byte) 1);
      Arrays.fill(expected, 2 * CLUSTER, 3 * CLUSTER, (byte) 0);
      assertSame(GuestBytes.of(image), expected, "guest content");
    }
    assertContent(expected);
  }
}
