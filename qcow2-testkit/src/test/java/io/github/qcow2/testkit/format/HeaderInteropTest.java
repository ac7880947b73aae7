package io.github.qcow2.testkit.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.format.CompressionType;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderBuilder;
import io.github.qcow2.format.HeaderExtension;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.Limits;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.Tuple;
import net.jqwik.api.lifecycle.AfterTry;
import net.jqwik.api.lifecycle.BeforeTry;

/** Headers that qemu-img writes, and headers that qemu-img reads. */
@RequiresQemu
final class HeaderInteropTest {
  private static final long SIZE = 3 << 20;

  private Path directory = Path.of("");
  private Path image = Path.of("");

  /** What {@code qemu-img create} is asked for. */
  record Options(
      int version,
      int clusterBits,
      int refcountOrder,
      boolean extendedL2,
      boolean lazyRefcounts,
      CompressionType compression,
      boolean backing,
      boolean dataFile) {

    List<String> toQemu(Path directory) {
      List<String> options = new ArrayList<>();
      options.add("compat=" + (version == 2 ? "0.10" : "1.1"));
      options.add("cluster_size=" + (1 << clusterBits));
      if (version == 3) {
        options.add("refcount_bits=" + (1 << refcountOrder));
        options.add("extended_l2=" + extendedL2);
        options.add("lazy_refcounts=" + lazyRefcounts);
        options.add("compression_type=" + (compression == CompressionType.ZSTD ? "zstd" : "zlib"));
      }
      if (backing) {
        options.add("backing_file=base.raw,backing_fmt=raw");
      }
      if (dataFile) {
        options.add("data_file=" + directory.resolve("d"));
      }
      return options;
    }
  }

  @Provide
  Arbitrary<Options> options() {
    Arbitrary<CompressionType> compression = Arbitraries.of(CompressionType.class);
    Arbitrary<Boolean> flag = Arbitraries.of(true, false);
    Arbitrary<Options> version3 =
        Combinators.combine(
                Arbitraries.integers().between(9, 21),
                Arbitraries.integers().between(0, 6),
                flag,
                flag,
                compression,
                flag,
                flag)
            .as(
                (bits, order, extended, lazy, type, backing, dataFile) ->
                    new Options(
                        3,
                        bits,
                        order,
                        extended && bits >= 14,
                        lazy,
                        type,
                        backing,
                        // A temporary path needs room.
                        dataFile && bits > 9));
    Arbitrary<Options> version2 =
        Combinators.combine(Arbitraries.integers().between(9, 21), flag)
            .as(
                (bits, backing) ->
                    new Options(2, bits, 4, false, false, CompressionType.DEFLATE, backing, false));
    return Arbitraries.frequencyOf(Tuple.of(5, version3), Tuple.of(1, version2));
  }

  @BeforeTry
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("headers");
    image = directory.resolve("i.qcow2");
    Files.write(directory.resolve("base.raw"), new byte[512]);
  }

  @AfterTry
  void deleteDirectory() throws IOException {
    try (var files = Files.list(directory)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
    Files.delete(directory);
  }

  private Header read() throws IOException {
    byte[] file = Files.readAllBytes(image);
    int clusterSize = HeaderReader.clusterSize("image", ByteBuffer.wrap(file));
    return HeaderReader.read(
        "image", ByteBuffer.wrap(Arrays.copyOf(file, clusterSize)), Limits.DEFAULT);
  }

  private byte[] firstCluster(int size) throws IOException {
    return Arrays.copyOf(Files.readAllBytes(image), size);
  }

  private void write(Header header) throws IOException {
    byte[] file = Files.readAllBytes(image);
    byte[] encoded = header.encode();
    Arrays.fill(file, 0, header.geometry().clusterSize(), (byte) 0);
    System.arraycopy(encoded, 0, file, 0, encoded.length);
    Files.write(image, file);
  }

  @Property(tries = 60)
  void newHeadersAreByteForByteThoseOfQemu(@ForAll("options") Options options) throws IOException {
    QemuTools.required().create(image, SIZE, options.toQemu(directory).toArray(String[]::new));
    Header header = read();
    int clusterSize = header.geometry().clusterSize();
    assertThat(Arrays.copyOf(header.encode(), clusterSize)).isEqualTo(firstCluster(clusterSize));
    assertThat(header.problems()).isEmpty();

    HeaderBuilder builder =
        new HeaderBuilder(options.version(), options.clusterBits(), SIZE)
            .refcountOrder(options.refcountOrder())
            .extendedL2(options.extendedL2())
            .lazyRefcounts(options.lazyRefcounts())
            .compressionType(options.compression())
            .l1Table(header.l1TableOffset(), header.l1Entries())
            .refcountTable(header.refcountTableOffset(), header.refcountTableClusters());
    if (options.backing()) {
      builder.backingFile("base.raw", "raw");
    }
    if (options.dataFile()) {
      builder.dataFile(directory.resolve("d").toString(), false);
    }
    assertThat(builder.build("image").encode()).isEqualTo(header.encode());
  }

  @Property(tries = 30)
  void qemuReadsAChangedHeader(@ForAll("options") Options options) throws IOException {
    QemuTools qemu = QemuTools.required();
    qemu.create(image, SIZE, options.toQemu(directory).toArray(String[]::new));
    Header header = read();
    Header changed =
        header
            .withExtension(
                "image",
                new HeaderExtension(0x12345678, "kept".getBytes(StandardCharsets.US_ASCII)))
            .withSize(SIZE - 512)
            .withBackingFile("image", "other.raw", "raw");
    write(changed);
    Files.write(directory.resolve("other.raw"), new byte[512]);

    Map<String, Object> info = qemu.info(image);
    assertThat(info)
        .containsEntry("virtual-size", (int) (SIZE - 512))
        .containsEntry("backing-filename", "other.raw")
        .containsEntry("backing-filename-format", "raw");
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  @Example
  void qemuKeepsWhatWeKeep() throws IOException {
    QemuTools qemu = QemuTools.required();
    qemu.create(image, SIZE);
    HeaderExtension unknown = new HeaderExtension(0x12345678, new byte[] {1, 2, 3});
    write(read().withExtension("image", unknown).withCompatibleFeatures(1L << 40));

    qemu.img("rebase", "-u", "-f", "qcow2", "-b", "base.raw", "-F", "raw", image.toString())
        .orThrow();

    Header header = read();
    assertThat(header.extension(0x12345678)).isEqualTo(unknown);
    assertThat(header.compatibleFeatures()).isEqualTo(1L << 40);
    assertThat(header.backingFile()).isEqualTo("base.raw");
    assertThat(header.backingFormat()).isEqualTo("raw");
  }

  @Example
  void qemuRefusesAnUnknownFeatureAsWeDo() throws IOException {
    QemuTools qemu = QemuTools.required();
    qemu.create(image, SIZE);
    write(read().withIncompatibleFeatures(1L << 5));

    assertThat(qemu.img("info", image.toString()).succeeded()).isFalse();
    assertThat(read().problems()).singleElement().matches(p -> p.kind().preventsReading());
  }

  @Example
  void qemuSeesTheDirtyBit() throws IOException {
    QemuTools qemu = QemuTools.required();
    qemu.create(image, SIZE);
    Header dirty = read().withIncompatibleFeatures(1);
    byte[] file = Files.readAllBytes(image);
    dirty
        .encode(Header.INCOMPATIBLE_FEATURES_OFFSET, Header.INCOMPATIBLE_FEATURES_LENGTH)
        .get(file, Header.INCOMPATIBLE_FEATURES_OFFSET, Header.INCOMPATIBLE_FEATURES_LENGTH);
    Files.write(image, file);

    assertThat(qemu.info(image)).containsEntry("dirty-flag", true);
  }
}
