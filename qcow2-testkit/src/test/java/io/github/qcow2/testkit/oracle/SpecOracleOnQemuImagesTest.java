package io.github.qcow2.testkit.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShape.Backing;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The oracle reads what QEMU wrote, and finds fault exactly where QEMU does. */
@RequiresQemu
final class SpecOracleOnQemuImagesTest {
  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  static List<ImageShape> shapes() {
    List<ImageShape> shapes = new ArrayList<>();
    int turn = 0;
    for (int clusterBits : new int[] {9, 12, 16, 21}) {
      long size = Math.max(300_000, 9L << clusterBits) / 512 * 512 + 512;
      shapes.add(shape(2, clusterBits, 4, false, size, turn++));
      for (int order : new int[] {0, 1, 4, 6}) {
        shapes.add(shape(3, clusterBits, order, false, size, turn++));
        if (clusterBits >= 14) {
          shapes.add(shape(3, clusterBits, order, true, size, turn++));
        }
      }
    }
    return shapes;
  }

  /** Every kind of backing in turn. */
  private static ImageShape shape(
      int version, int clusterBits, int order, boolean extended, long size, int turn) {
    Backing backing = List.of(Backing.NONE, Backing.RAW, Backing.QCOW2).get(turn % 3);
    long backingSize =
        backing == Backing.NONE ? 0 : turn % 2 == 0 ? size / 2 / 512 * 512 : size + 512;
    return new ImageShape(version, clusterBits, order, extended, size, backing, backingSize);
  }

  @ParameterizedTest
  @MethodSource("shapes")
  void contentAndVerdictAreThoseOfQemu(ImageShape shape) throws IOException {
    Path image = directory.resolve("image.qcow2");
    ByteSource backing = create(image, shape);
    qemu.io(image, firstCommands(shape)).orThrow();
    boolean snapshots = shape.refcountOrder() > 0;
    if (snapshots) {
      qemu.img("snapshot", "-c", "first", image.toString()).orThrow();
      qemu.io(image, secondCommands(shape)).orThrow();
      qemu.img("snapshot", "-c", "second", image.toString()).orThrow();
      qemu.io(image, "write -P 0x77 0 1k").orThrow();
    }

    SpecOracle oracle = SpecOracle.of(Files.readAllBytes(image)).withBacking(backing);

    assertThat(oracle.header().version()).isEqualTo(shape.version());
    assertThat(oracle.header().clusterBits()).isEqualTo(shape.clusterBits());
    assertThat(oracle.header().refcountOrder()).isEqualTo(shape.refcountOrder());
    assertThat(oracle.header().extendedL2()).isEqualTo(shape.extendedL2());
    assertThat(oracle.content().size()).isEqualTo(shape.size());
    assertSame(all(oracle.content()), qemu.content(image));
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(oracle.snapshots()).hasSize(snapshots ? 2 : 0);
    for (SnapshotFields snapshot : oracle.snapshots()) {
      int index = oracle.snapshots().indexOf(snapshot);
      assertSame(all(oracle.snapshotContent(index)), qemu.snapshotContent(image, snapshot.name()));
    }
  }

  @Test
  void contentInADataFileIsReadThere() throws IOException {
    for (boolean extended : new boolean[] {false, true}) {
      Path image = directory.resolve(extended + ".qcow2");
      Path data = directory.resolve(extended + ".raw");
      qemu.create(
          image, 1_000_448, "extended_l2=" + (extended ? "on" : "off"), "data_file=" + data);
      qemu.io(
              image,
              "write -P 1 0 64k",
              "write -P 2 200k 300k",
              "write -z 220k 100k",
              "write -zu 400k 70k",
              "discard 0 64k",
              "write -P 3 1k 1k")
          .orThrow();

      SpecOracle oracle =
          SpecOracle.of(Files.readAllBytes(image))
              .withDataFile(ByteSource.of(Files.readAllBytes(data)));

      assertSame(all(oracle.content()), qemu.content(image));
      assertThat(oracle.check().findings()).isEmpty();
      assertThat(qemu.check(image).isClean()).isTrue();
    }
  }

  @Test
  void rawDataFileIsTheContent() throws IOException {
    Path image = directory.resolve("a.qcow2");
    Path data = directory.resolve("a.raw");
    qemu.create(image, 1 << 20, "data_file=" + data, "data_file_raw=on");
    qemu.io(image, "write -P 1 0 64k", "write -z 32k 64k").orThrow();

    SpecOracle oracle =
        SpecOracle.of(Files.readAllBytes(image))
            .withDataFile(ByteSource.of(Files.readAllBytes(data)));

    assertSame(all(oracle.content()), Files.readAllBytes(data));
    assertThat(oracle.check().findings()).isEmpty();
  }

  @ParameterizedTest
  @ValueSource(ints = {512, 4096, 65536, 2097152})
  void compressedImagesAreInflated(int clusterSize) throws IOException {
    Path raw = directory.resolve("a.raw");
    Path image = directory.resolve("a.qcow2");
    Files.write(raw, text(3 * Math.max(clusterSize, 102_400) + 512));

    for (String extended : clusterSize < 16384 ? List.of("off") : List.of("off", "on")) {
      qemu.convert(
          raw,
          "raw",
          image,
          "qcow2",
          "-c",
          "cluster_size=" + clusterSize,
          "extended_l2=" + extended);
      SpecOracle oracle = SpecOracle.of(Files.readAllBytes(image));

      assertThat(qemu.check(image).compressedClusters()).isPositive();
      assertSame(all(oracle.content()), Files.readAllBytes(raw));
      assertThat(oracle.check().findings()).isEmpty();
    }
  }

  @Test
  void bitmapsAreAccountedFor() throws IOException {
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 10 << 20, "cluster_size=512");
    qemu.img("bitmap", "--add", "-g", "512", image.toString(), "one").orThrow();
    qemu.img("bitmap", "--add", "-g", "64k", image.toString(), "two").orThrow();
    qemu.io(image, "write -P 1 5M 64k").orThrow();
    qemu.img("bitmap", "--disable", image.toString(), "two").orThrow();

    SpecOracle oracle = SpecOracle.of(Files.readAllBytes(image));

    assertThat(oracle.header().extension(HeaderFields.BITMAPS)).isNotNull();
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  @Test
  void bitmapsOfAWriterWhoDidNotKnowThemAreLeaks() throws IOException {
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 10 << 20);
    qemu.img("bitmap", "--add", image.toString(), "one").orThrow();
    byte[] bytes = Files.readAllBytes(image);
    bytes[95] = 0;
    Files.write(image, bytes);

    CheckResult result = SpecOracle.of(bytes).check();

    assertThat(result.findings()).extracting(Finding::kind).containsOnly(FindingKind.LEAK);
    assertThat(qemu.check(image).leaks()).isEqualTo(result.count(FindingKind.LEAK));
  }

  @Test
  void preallocatedImagesAreClean() throws IOException {
    for (String preallocation : List.of("metadata", "falloc", "full")) {
      Path image = directory.resolve(preallocation + ".qcow2");
      qemu.create(image, 3_000_320, "cluster_size=4k", "preallocation=" + preallocation);

      assertThat(SpecOracle.of(Files.readAllBytes(image)).check().findings()).isEmpty();
    }
  }

  @Test
  void resizedImagesAreClean() throws IOException {
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 3 << 20, "cluster_size=512");
    qemu.io(image, "write -P 1 0 3M").orThrow();
    qemu.img("resize", "--shrink", image.toString(), "1M").orThrow();
    assertThat(SpecOracle.of(Files.readAllBytes(image)).check().findings()).isEmpty();
    qemu.img("resize", image.toString(), "9M").orThrow();

    SpecOracle oracle = SpecOracle.of(Files.readAllBytes(image));
    assertThat(oracle.check().findings()).isEmpty();
    assertSame(all(oracle.content()), qemu.content(image));
  }

  @Test
  void hugeSparseFilesCostOnlyWhatIsInThem() throws IOException {
    Path image = directory.resolve("a.qcow2");
    qemu.create(image, 20L << 30, "preallocation=metadata");

    try (FileSource source = FileSource.open(image)) {
      assertThat(source.size()).isEqualTo(21_478_375_424L);
      assertThat(SpecOracle.of(source).check().findings()).isEmpty();
      assertThat(SpecOracle.of(source).read((20L << 30) - 4096, 4096)).containsOnly(0);
    }
  }

  private ByteSource create(Path image, ImageShape shape) throws IOException {
    if (shape.backing() == Backing.NONE) {
      qemu.create(image, shape.size(), shape.createOptions());
      return ByteSource.of(new byte[0]);
    }
    byte[] content = Content.bytes(99, 0, (int) shape.backingSize());
    Path raw = directory.resolve("base.raw");
    Files.write(raw, content);
    Path base = raw;
    String format = "raw";
    if (shape.backing() == Backing.QCOW2) {
      base = directory.resolve("base.qcow2");
      format = "qcow2";
      qemu.convert(raw, "raw", base, "qcow2", "cluster_size=1k");
    }
    List<String> options = new ArrayList<>(Arrays.asList(shape.createOptions()));
    options.add("backing_file=" + base);
    options.add("backing_fmt=" + format);
    qemu.create(image, shape.size(), options.toArray(String[]::new));
    return shape.backing() == Backing.RAW
        ? ByteSource.of(content)
        : SpecOracle.of(Files.readAllBytes(base)).content();
  }

  /** All that can become of a cluster: each on clusters of its own, and across borders. */
  private static String[] firstCommands(ImageShape shape) {
    int cluster = shape.clusterSize();
    List<String> commands = new ArrayList<>();
    commands.add("write -P 0x11 0 " + 2 * cluster);
    commands.add("write -P 0x12 " + (2 * cluster + cluster / 2) + " " + cluster);
    commands.add("write -c -P 0x13 " + 4 * cluster + " " + cluster);
    // Two compressed clusters in one host cluster and two snapshots of both: more than two bits
    // hold.
    String compressed = shape.refcountOrder() == 1 ? "" : "-c ";
    commands.add("write " + compressed + "-P 0x14 " + 5 * cluster + " " + cluster);
    commands.add("write -z " + (cluster / 2) + " " + cluster);
    commands.add("write -zu " + 6 * cluster + " " + cluster);
    commands.add("write -P 0x15 " + 7 * cluster + " " + cluster);
    commands.add("discard " + 7 * cluster + " " + cluster);
    commands.add("write -P 0x16 " + (shape.size() - 700) + " 700");
    if (shape.extendedL2()) {
      int subcluster = shape.subclusterSize();
      commands.add("write -P 0x17 " + (3 * cluster + 5 * subcluster) + " " + 3 * subcluster);
      commands.add("write -z " + (3 * cluster + 7 * subcluster) + " " + 4 * subcluster);
    }
    return commands.toArray(String[]::new);
  }

  private static String[] secondCommands(ImageShape shape) {
    int cluster = shape.clusterSize();
    return new String[] {
      "write -P 0x21 256 512",
      "write -P 0x22 " + (4 * cluster + 100) + " 300",
      "write -z " + 5 * cluster + " " + cluster,
      "write -P 0x23 " + 6 * cluster + " 512"
    };
  }

  private static byte[] text(int length) {
    StringBuilder text = new StringBuilder(length + 20);
    for (int line = 0; text.length() < length; line++) {
      text.append("line ").append(line * 7919L % 104_729).append('\n');
    }
    return Arrays.copyOf(text.toString().getBytes(StandardCharsets.US_ASCII), length);
  }

  private static byte[] all(ByteSource source) throws IOException {
    byte[] bytes = new byte[(int) source.size()];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }

  private static void assertSame(byte[] actual, byte[] expected) {
    assertThat(actual.length).isEqualTo(expected.length);
    assertThat(Arrays.mismatch(actual, expected)).as("first byte that differs").isEqualTo(-1);
  }
}
