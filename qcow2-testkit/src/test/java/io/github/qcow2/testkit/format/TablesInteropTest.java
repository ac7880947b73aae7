package io.github.qcow2.testkit.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.format.BitmapDirectory;
import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.BitmapTableEntry;
import io.github.qcow2.format.BitmapsExtension;
import io.github.qcow2.format.ClusterType;
import io.github.qcow2.format.CompressedDescriptor;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.RefcountWidth;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.format.SnapshotTableReader;
import io.github.qcow2.format.SubclusterBitmap;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The words of tables that qemu-img writes, and tables that qemu-img reads. */
@RequiresQemu
final class TablesInteropTest {
  @TempDir private Path directory;

  /** A whole image in memory. */
  private static final class Image {
    private final ByteBuffer bytes;
    private final Header header;

    private Image(ByteBuffer bytes, Header header) {
      this.bytes = bytes;
      this.header = header;
    }

    static Image read(Path file) throws IOException {
      ByteBuffer bytes = ByteBuffer.wrap(Arrays.copyOf(Files.readAllBytes(file), 16 << 20));
      int clusterSize = HeaderReader.clusterSize("image", bytes);
      return new Image(
          bytes, HeaderReader.read("image", bytes.slice(0, clusterSize), Limits.DEFAULT));
    }

    long[] words(long offset, int count) {
      long[] words = new long[count];
      bytes.slice((int) offset, count * Long.BYTES).asLongBuffer().get(words);
      return words;
    }

    /** The words of the L2 entry for a guest offset. */
    long[] entry(long guestOffset) {
      Geometry g = header.geometry();
      long l1 = words(header.l1TableOffset(), header.l1Entries())[(int) g.l1Index(guestOffset)];
      assertThat(l1 & L1Entry.RESERVED).isZero();
      assertThat(L1Entry.offset(l1)).isPositive();
      return words(
          L1Entry.offset(l1) + (long) g.l2Index(guestOffset) * g.l2EntryBytes(), g.l2EntryWords());
    }

    long refcount(long cluster) {
      Geometry g = header.geometry();
      long table = header.refcountTableOffset() + g.refcountTableIndex(cluster) * Long.BYTES;
      long block = words(table, 1)[0];
      return RefcountWidth.of(g.refcountOrder())
          .get(words(block, g.clusterSize() / Long.BYTES), g.refcountBlockIndex(cluster));
    }
  }

  /** Text that shrinks to about half. */
  private static byte[] compressible(int length) {
    byte[] content = new byte[length];
    new Random(7).nextBytes(content);
    for (int i = 0; i < length; i++) {
      content[i] = (byte) ('a' + (content[i] & 15));
    }
    return content;
  }

  @ParameterizedTest
  @CsvSource({
    "512,16,false",
    "4096,8,false",
    "65536,4,false",
    "65536,64,false",
    "65536,32,true",
    "16384,8,true",
    "2097152,16,false"
  })
  void compressedDescriptorsAccountForEveryRefcount(
      int clusterSize, int refcountBits, boolean extended) throws IOException {
    Path raw = directory.resolve("a.raw");
    Path file = directory.resolve("a.qcow2");
    int size = 4 << 20;
    Files.write(raw, compressible(size));
    QemuTools.required()
        .convert(
            raw,
            "raw",
            file,
            "qcow2",
            "-c",
            "cluster_size=" + clusterSize,
            "refcount_bits=" + refcountBits,
            "extended_l2=" + extended);

    Image image = Image.read(file);
    Geometry g = image.header.geometry();
    long[] references = new long[(16 << 20) / clusterSize];
    int compressed = 0;
    for (long guest = 0; guest < size; guest += clusterSize) {
      long[] words = image.entry(guest);
      long bitmap = words.length > 1 ? words[1] : 0;
      assertThat(L2Entry.brokenRule(words[0], bitmap, g, false, guest)).isNull();
      assertThat(L2Entry.reservedBits(words[0], g)).isZero();
      if (L2Entry.type(words[0], g, false) == ClusterType.COMPRESSED) {
        compressed++;
        long from = CompressedDescriptor.hostOffset(words[0], g.clusterBits());
        long last = from + CompressedDescriptor.byteLength(words[0], g.clusterBits()) - 1;
        for (long c = g.clusterIndex(from); c <= g.clusterIndex(last); c++) {
          references[(int) c]++;
        }
      }
    }
    assertThat(compressed).isGreaterThan(size / clusterSize / 2);
    for (int c = 0; c < references.length; c++) {
      if (references[c] > 0) {
        assertThat(image.refcount(c)).isEqualTo(references[c]);
      }
    }
  }

  @Test
  void typesOfStandardEntries() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20);
    qemu.io(
            file,
            "write 0 256k",
            "write -z 64k 64k",
            "write -z -u 128k 64k",
            "discard 192k 64k",
            "write -c 256k 64k")
        .orThrow();

    Image image = Image.read(file);
    List<ClusterType> types = new ArrayList<>();
    for (long guest = 0; guest < 6 << 16; guest += 1 << 16) {
      long entry = image.entry(guest)[0];
      types.add(L2Entry.type(entry, image.header.geometry(), false));
      assertThat(L2Entry.brokenRule(entry, 0, image.header.geometry(), false, guest)).isNull();
    }
    assertThat(types)
        .containsExactly(
            ClusterType.NORMAL,
            ClusterType.ZERO_ALLOCATED,
            ClusterType.ZERO_PLAIN,
            ClusterType.ZERO_PLAIN,
            ClusterType.COMPRESSED,
            ClusterType.UNALLOCATED);
  }

  @Test
  void typesOfSubclusters() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20, "cluster_size=128k", "extended_l2=on");
    qemu.io(file, "write 4k 4k", "write -z 16k 8k", "write -z 128k 4k").orThrow();

    Image image = Image.read(file);
    Geometry g = image.header.geometry();
    long[] first = image.entry(0);
    assertThat(first[1]).isEqualTo(0x0000_0030_0000_0002L);
    ClusterType cluster = L2Entry.type(first[0], g, false);
    assertThat(cluster).isEqualTo(ClusterType.NORMAL);
    assertThat(Stream.of(0, 1, 2, 3, 4, 5, 6).map(i -> SubclusterBitmap.type(cluster, first[1], i)))
        .containsExactly(
            ClusterType.UNALLOCATED,
            ClusterType.NORMAL,
            ClusterType.UNALLOCATED,
            ClusterType.UNALLOCATED,
            ClusterType.ZERO_ALLOCATED,
            ClusterType.ZERO_ALLOCATED,
            ClusterType.UNALLOCATED);
    long[] second = image.entry(128 << 10);
    assertThat(SubclusterBitmap.type(L2Entry.type(second[0], g, false), second[1], 0))
        .isEqualTo(ClusterType.ZERO_PLAIN);
  }

  @Test
  void clustersOfADataFileMapToThemselves() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20, "data_file=" + directory.resolve("a.raw"));
    qemu.io(file, "write 0 64k", "write 512k 64k").orThrow();

    Image image = Image.read(file);
    Geometry g = image.header.geometry();
    assertThat(image.entry(0)).containsExactly(L2Entry.normal(0, true));
    for (long guest = 0; guest < 1 << 20; guest += 1 << 16) {
      long entry = image.entry(guest)[0];
      assertThat(L2Entry.brokenRule(entry, 0, g, true, guest)).isNull();
      assertThat(L2Entry.type(entry, g, true))
          .isEqualTo(
              guest == 0 || guest == 512 << 10 ? ClusterType.NORMAL : ClusterType.UNALLOCATED);
    }
  }

  private static SnapshotTable snapshots(Image image) throws IOException {
    SnapshotTableReader reader = new SnapshotTableReader("image", image.header, Limits.DEFAULT);
    while (!reader.isComplete()) {
      reader.accept(image.bytes.slice((int) reader.position(), reader.bytesWanted()));
    }
    return reader.table();
  }

  @ParameterizedTest
  @CsvSource({"0.10", "1.1"})
  void snapshotTablesOfQemuAreKeptByteForByte(String compat) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20, "compat=" + compat);
    for (String name : List.of("first", "größer", "first")) {
      qemu.img("snapshot", "-c", name, file.toString()).orThrow();
    }

    Image image = Image.read(file);
    SnapshotTable table = snapshots(image);
    assertThat(table.records()).extracting(SnapshotRecord::id).containsExactly("1", "2", "3");
    assertThat(table.records())
        .extracting(SnapshotRecord::name)
        .containsExactly("first", "größer", "first");
    byte[] stored = new byte[(int) table.byteLength()];
    image.bytes.get((int) image.header.snapshotTableOffset(), stored);
    assertThat(table.encode("image", Limits.DEFAULT)).isEqualTo(stored);
    for (int i = 0; i < 3; i++) {
      table.requireUsable(i, "image", image.header, Limits.DEFAULT);
      SnapshotRecord record = table.records().get(i);
      SnapshotRecord made =
          SnapshotRecord.ofDisk(
              record.id(),
              record.name(),
              record.date(),
              record.l1TableOffset(),
              (int) record.l1Entries(),
              record.diskSize().orElseThrow());
      assertThat(made).isEqualTo(record);
    }
  }

  @Test
  void qemuReadsASnapshotTableOfOurs() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20);
    qemu.img("snapshot", "-c", "first", file.toString()).orThrow();
    Image image = Image.read(file);
    SnapshotRecord first = snapshots(image).records().get(0);
    SnapshotRecord renamed =
        SnapshotRecord.ofDisk(
            "17",
            "a name of ours",
            Instant.ofEpochSecond(1_000_000_000L, 5),
            first.l1TableOffset(),
            (int) first.l1Entries(),
            first.diskSize().orElseThrow());
    byte[] table = new SnapshotTable(List.of(renamed)).encode("image", Limits.DEFAULT);
    byte[] bytes = Arrays.copyOf(Files.readAllBytes(file), 1 << 20);
    System.arraycopy(table, 0, bytes, (int) image.header.snapshotTableOffset(), table.length);
    Files.write(file, bytes);

    assertThat(qemu.info(file).get("snapshots").toString())
        .contains("a name of ours", "id=17", "date-sec=1000000000", "date-nsec=5");
    assertThat(qemu.check(file).isClean()).isTrue();
  }

  @Test
  void bitmapsOfQemuAreListed() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = directory.resolve("a.qcow2");
    qemu.create(file, 1 << 20);
    qemu.img("bitmap", "--add", file.toString(), "b0").orThrow();
    qemu.img("bitmap", "--add", "--disable", "-g", "4k", file.toString(), "längerer Name")
        .orThrow();
    qemu.io(file, "write 128k 64k").orThrow();

    Image image = Image.read(file);
    BitmapsExtension extension = Objects.requireNonNull(image.header.bitmaps());
    List<BitmapRecord> records =
        BitmapDirectory.read(
            "image",
            extension,
            image.bytes.slice((int) extension.directoryOffset(), (int) extension.directoryBytes()));
    assertThat(records).extracting(BitmapRecord::name).containsExactly("b0", "längerer Name");
    assertThat(records).extracting(BitmapRecord::isAuto).containsExactly(true, false);
    assertThat(records).extracting(BitmapRecord::granularity).containsExactly(65_536L, 4096L);
    assertThat(records).allMatch(BitmapRecord::isUsable);
    assertThat(records).allMatch(r -> r.brokenRule(image.header, Limits.DEFAULT) == null);
    long entry = image.words(records.get(0).tableOffset(), 1)[0];
    assertThat(BitmapTableEntry.brokenRule(entry, image.header.geometry())).isNull();
    assertThat(image.bytes.get((int) BitmapTableEntry.offset(entry))).isEqualTo((byte) 0b100);
  }
}
