package io.github.qcow2.testkit.interop;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.testkit.interop.ImageVariant.Placement;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.qemu.QemuTools;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The image of a variant in a directory of its own, with everything it names. Names of backing
 * files are recorded relative to the directory; those of data files are not, since QEMU would look
 * for them in the working directory.
 */
final class VariantImage {
  private static final String IMAGE = "image.qcow2";
  private static final String DATA_FILE = "image.data";

  private final ImageVariant variant;
  private final Path directory;
  private final QemuTools qemu;

  VariantImage(ImageVariant variant, Path directory, QemuTools qemu) {
    this.variant = variant;
    this.directory = directory;
    this.qemu = qemu;
  }

  Path path() {
    return directory.resolve(IMAGE);
  }

  Path dataFile() {
    return directory.resolve(DATA_FILE);
  }

  /** What may be opened: whatever lies beside the image. */
  ReferencePolicy policy() {
    return ReferencePolicy.within(directory);
  }

  Qcow2Image open() throws IOException {
    return Qcow2Image.open(path()).references(policy()).build();
  }

  Qcow2Image openWritable() throws IOException {
    return Qcow2Image.open(path()).writable().references(policy()).build();
  }

  /** The names of the snapshots, oldest first. */
  List<String> snapshots() {
    return variant.snapshots() ? List.of("one", "two") : List.of();
  }

  /** The depth at which the raw file at the bottom is, or -1. */
  int depthOfRaw() {
    return switch (variant.below()) {
      case RAW, RAW_SHORTER, RAW_LONGER -> 1;
      case CHAIN_OF_THREE -> 3;
      default -> -1;
    };
  }

  /** Has qemu-img and qemu-io make all of it. */
  void makeByQemu() throws IOException {
    List<String> options = variant.createOptions();
    Backing backing = makeBacking();
    if (backing != null) {
      options.add("backing_file=" + backing.name + ",backing_fmt=" + backing.format);
    }
    if (variant.placement() != Placement.IMAGE) {
      options.add("data_file=" + dataFile());
      options.add(
          "data_file_raw=" + (variant.placement() == Placement.RAW_DATA_FILE ? "on" : "off"));
    }
    qemu.create(path(), variant.layout().size(), options.toArray(String[]::new));
    run(firstCommands());
    if (!variant.snapshots()) {
      return;
    }
    qemu.img("snapshot", "-c", "one", path().toString()).orThrow();
    run(secondCommands());
    if (variant.layout().version > 2) {
      long grown = variant.layout().size() + 3L * variant.layout().clusterSize() + 512;
      qemu.img("resize", "-q", "-f", "qcow2", path().toString(), Long.toString(grown)).orThrow();
    }
    qemu.img("snapshot", "-c", "two", path().toString()).orThrow();
    run(thirdCommands());
  }

  /** Has this library make the image, and qemu-img what lies below. */
  Qcow2Image make() throws IOException {
    ImageCreator creator =
        Qcow2Image.create(path(), variant.layout().size())
            .version(variant.layout().version)
            .clusterSize(variant.layout().clusterSize())
            .refcountBits(variant.refcountBits())
            .extendedL2(variant.layout().extendedL2)
            .references(policy());
    Backing backing = makeBacking();
    if (backing != null) {
      creator.backing(backing.name, backing.format);
    }
    if (variant.placement() != Placement.IMAGE) {
      creator.dataFile(dataFile().toString(), variant.placement() == Placement.RAW_DATA_FILE);
    }
    return creator.build();
  }

  private record Backing(String name, String format) {}

  private @Nullable Backing makeBacking() throws IOException {
    long size = variant.layout().size();
    return switch (variant.below()) {
      case NOTHING -> null;
      case RAW -> raw(size);
      case RAW_SHORTER -> raw(size / 2 + 512);
      case RAW_LONGER -> raw(size + 2L * variant.layout().clusterSize() + 1024);
      case QCOW2 -> qcow2("base.qcow2", size, variant.layout().clusterSize(), null);
      case QCOW2_SHORTER ->
          qcow2("base.qcow2", size / 512 / 2 * 512, variant.layout().clusterSize(), null);
      case QCOW2_LONGER ->
          qcow2("base.qcow2", size + 100 * 1024, variant.layout().clusterSize(), null);
      case QCOW2_OF_OTHER_CLUSTERS ->
          qcow2("base.qcow2", size, variant.layout().clusterSize() == 4096 ? 65536 : 4096, null);
      case CHAIN_OF_THREE -> {
        Backing bottom = raw(size / 512 / 3 * 512);
        Backing middle = qcow2("middle.qcow2", size / 512 / 2 * 512, 8192, bottom);
        yield qcow2("top.qcow2", size - 512, 1024, middle);
      }
    };
  }

  /** A raw file with holes, whose last bytes are data. */
  private Backing raw(long size) throws IOException {
    Path file = directory.resolve("base.raw");
    byte[] content = new byte[(int) size];
    int stretch = Math.max(3000, variant.layout().clusterSize() / 2 + 700);
    for (int at = 0; at < content.length; at += 2 * stretch) {
      int length = Math.min(stretch, content.length - at);
      System.arraycopy(Content.bytes(7, at, length), 0, content, at, length);
    }
    System.arraycopy(Content.bytes(7, size - 100, 100), 0, content, (int) size - 100, 100);
    Files.write(file, content);
    return new Backing("base.raw", "raw");
  }

  private Backing qcow2(String name, long size, int clusterSize, @Nullable Backing below)
      throws IOException {
    Path file = directory.resolve(name);
    List<String> options = new ArrayList<>();
    options.add("cluster_size=" + clusterSize);
    if (below != null) {
      options.add("backing_file=" + below.name + ",backing_fmt=" + below.format);
    }
    qemu.create(file, size, options.toArray(String[]::new));
    long unit = Math.max(2048, size / 40 / 512 * 512);
    qemu.io(
            file,
            "write -c -P 0x72 " + 2L * clusterSize + " " + clusterSize,
            "write -P 0x71 0 " + unit,
            "write -P 0x73 " + (size - unit) + " " + unit,
            "write -P 0x74 " + size / 3 + " " + 3 * unit,
            "write -z " + (size / 3 + unit) + " " + unit,
            "write -zu " + size / 4 + " " + unit)
        .orThrow();
    return new Backing(name, "qcow2");
  }

  private void run(List<String> commands) throws IOException {
    qemu.io(path(), commands.toArray(String[]::new)).orThrow();
  }

  /** All that can become of a cluster: each on clusters of its own, and across borders. */
  private List<String> firstCommands() {
    int cluster = variant.layout().clusterSize();
    long size = variant.layout().size();
    List<String> commands = new ArrayList<>();
    commands.add("write -P 0x11 0 " + 2 * cluster);
    commands.add("write -P 0x12 " + (2 * cluster + cluster / 2) + " " + cluster);
    if (variant.compressed()) {
      commands.add("write -c -P 0x13 " + 4 * cluster + " " + cluster);
      // Two compressed clusters in one host cluster, and two snapshots of both, are more references
      // than two bits can count.
      String compressed = variant.refcountBits() == 2 ? "" : "-c ";
      commands.add("write " + compressed + "-P 0x14 " + 5 * cluster + " " + cluster);
    }
    commands.add("write -z " + cluster / 2 + " " + cluster);
    commands.add("write -zu " + 6 * cluster + " " + cluster);
    commands.add("write -P 0x15 " + 7 * cluster + " " + cluster);
    commands.add("discard " + 7 * cluster + " " + cluster);
    long table = (long) cluster * (cluster / (variant.layout().extendedL2 ? 16 : 8));
    if (table < size) {
      commands.add("write -P 0x16 " + (table - cluster - 300) + " " + (2 * cluster + 700));
    }
    commands.add("write -P 0x17 " + (size - 700) + " 700");
    if (variant.layout().extendedL2) {
      int subcluster = cluster / 32;
      commands.add("write -P 0x18 " + (3 * cluster + 5 * subcluster) + " " + 3 * subcluster);
      commands.add("write -z " + (3 * cluster + 7 * subcluster) + " " + 4 * subcluster);
      commands.add("write -z " + (7 * cluster + 2 * subcluster) + " " + 9 * subcluster);
    }
    return commands;
  }

  private List<String> secondCommands() {
    int cluster = variant.layout().clusterSize();
    return List.of(
        "write -P 0x21 256 512",
        "write -P 0x22 " + (4 * cluster + 100) + " 300",
        "write -z " + 5 * cluster + " " + cluster,
        "write -P 0x23 " + 6 * cluster + " 512");
  }

  private List<String> thirdCommands() {
    int cluster = variant.layout().clusterSize();
    return List.of(
        "write -P 0x31 " + cluster + " 700",
        "discard " + 2 * cluster + " " + cluster,
        "write -P 0x32 " + (variant.layout().size() - 600) + " 300");
  }
}
