package io.github.qcow2.testkit.discard;

import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.testkit.qemu.QemuTools;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * An image of eight clusters, made by qemu-img and qemu-io, that has a cluster in each state. It
 * can be put back to how it was made, since data files are named by their full path.
 *
 * <pre>
 *   0  unallocated              4  compressed (data with a data file)
 *   1  data                     5  data in a part; with subclusters, in one of them
 *   2  zero (data in version 2) 6  unallocated
 *   3  zero, with its place     7  data, in the last cluster of the disk, which is not a whole one
 * </pre>
 */
final class TableImage {
  static final int CLUSTERS = 8;
  static final int LAST = CLUSTERS - 1;

  final Variant variant;
  final int clusterSize;
  final int size;
  private final Path directory;
  private final QemuTools qemu;
  private byte[] image = new byte[0];
  private byte[] data = new byte[0];

  /** Where guest data is. */
  enum Placement {
    IMAGE,
    DATA_FILE,
    RAW_DATA_FILE
  }

  /** What is below, and whether a snapshot holds what is there. */
  enum Around {
    NOTHING,
    BACKING,
    SNAPSHOT
  }

  /** What kind of image. */
  enum Variant {
    V3(16, "", Placement.IMAGE, Around.NOTHING),
    V3_BACKED(16, "", Placement.IMAGE, Around.BACKING),
    V3_SHARED(16, "", Placement.IMAGE, Around.SNAPSHOT),
    V3_OF_512_BYTES(9, "", Placement.IMAGE, Around.NOTHING),
    V3_OF_512_BYTES_BACKED(9, "", Placement.IMAGE, Around.BACKING),
    V3_OF_2_MIB(21, "", Placement.IMAGE, Around.NOTHING),
    V3_OF_2_MIB_BACKED(21, "", Placement.IMAGE, Around.BACKING),
    V2(16, "compat=0.10", Placement.IMAGE, Around.NOTHING),
    V2_BACKED(16, "compat=0.10", Placement.IMAGE, Around.BACKING),
    V2_OF_512_BYTES(9, "compat=0.10", Placement.IMAGE, Around.NOTHING),
    SUBCLUSTERS(16, "extended_l2=on", Placement.IMAGE, Around.NOTHING),
    SUBCLUSTERS_BACKED(16, "extended_l2=on", Placement.IMAGE, Around.BACKING),
    SUBCLUSTERS_SHARED(16, "extended_l2=on", Placement.IMAGE, Around.SNAPSHOT),
    SUBCLUSTERS_OF_512_BYTES(14, "extended_l2=on", Placement.IMAGE, Around.BACKING),
    SUBCLUSTERS_OF_2_MIB(21, "extended_l2=on", Placement.IMAGE, Around.NOTHING),
    DATA_FILE(16, "", Placement.DATA_FILE, Around.NOTHING),
    DATA_FILE_BACKED(16, "", Placement.DATA_FILE, Around.BACKING),
    DATA_FILE_SUBCLUSTERS(16, "extended_l2=on", Placement.DATA_FILE, Around.BACKING),
    RAW_DATA_FILE(16, "", Placement.RAW_DATA_FILE, Around.NOTHING),
    RAW_DATA_FILE_SUBCLUSTERS(16, "extended_l2=on", Placement.RAW_DATA_FILE, Around.NOTHING);

    final int clusterBits;
    final String options;
    final Placement placement;
    final Around around;

    Variant(int clusterBits, String options, Placement placement, Around around) {
      this.clusterBits = clusterBits;
      this.options = options;
      this.placement = placement;
      this.around = around;
    }

    boolean extended() {
      return options.startsWith("extended");
    }

    int version() {
      return options.startsWith("compat") ? 2 : 3;
    }
  }

  TableImage(Variant variant, Path directory, QemuTools qemu) throws IOException {
    this.variant = variant;
    this.clusterSize = 1 << variant.clusterBits;
    this.size = CLUSTERS * clusterSize - (variant.clusterBits > 9 ? 512 : 0);
    this.directory = directory;
    this.qemu = qemu;
    make();
  }

  Path path() {
    return directory.resolve("image.qcow2");
  }

  Path dataFile() {
    return directory.resolve("image.data");
  }

  private void make() throws IOException {
    List<String> options = new ArrayList<>();
    options.add("cluster_size=" + clusterSize);
    if (!variant.options.isEmpty()) {
      options.add(variant.options);
    }
    if (variant.around == Around.BACKING) {
      byte[] below = new byte[size];
      Arrays.fill(below, (byte) 9);
      Files.write(directory.resolve("base.raw"), below);
      options.add("backing_file=base.raw,backing_fmt=raw");
    }
    if (variant.placement != Placement.IMAGE) {
      options.add("data_file=" + dataFile());
      options.add("data_file_raw=" + (variant.placement == Placement.RAW_DATA_FILE ? "on" : "off"));
    }
    qemu.create(path(), size, options.toArray(String[]::new));
    boolean packs = variant.placement == Placement.IMAGE;
    List<String> commands = new ArrayList<>();
    commands.add("write -P 1 " + at(1) + " " + clusterSize);
    commands.add("write -P 2 " + at(2) + " " + clusterSize);
    if (variant.version() > 2) {
      commands.add("write -zu " + at(2) + " " + clusterSize);
    }
    commands.add("write -P 3 " + at(3) + " " + clusterSize);
    if (variant.version() > 2) {
      commands.add("write -z " + at(3) + " " + clusterSize);
    }
    commands.add("write " + (packs ? "-c " : "") + "-P 4 " + at(4) + " " + clusterSize);
    int unit = Math.max(16, clusterSize / 32);
    commands.add("write -P 5 " + (at(5) + unit) + " " + unit);
    commands.add("write -P 7 " + at(LAST) + " " + (size - at(LAST)));
    qemu.io(path(), commands.toArray(String[]::new)).orThrow();
    if (variant.around == Around.SNAPSHOT) {
      qemu.img("snapshot", "-c", "before", path().toString()).orThrow();
    }
    image = Files.readAllBytes(path());
    if (!packs) {
      data = Files.readAllBytes(dataFile());
    }
  }

  int at(int cluster) {
    return cluster * clusterSize;
  }

  /** How long a cluster is, which for the last one is up to the end of the disk. */
  int length(int cluster) {
    return Math.min(clusterSize, size - at(cluster));
  }

  L2Words before() {
    return words(image);
  }

  L2Words now() throws IOException {
    return words(Files.readAllBytes(path()));
  }

  private L2Words words(byte[] bytes) {
    return L2Words.of(bytes, CLUSTERS, variant.extended());
  }

  /** Puts everything back to how it was made. */
  void restore() throws IOException {
    Files.write(path(), image);
    if (variant.placement != Placement.IMAGE) {
      Files.write(dataFile(), data);
    }
  }

  ImageOpener opener() {
    return Qcow2Image.open(path()).writable().references(ReferencePolicy.within(directory));
  }

  /** What the guest sees now, as this library reads it. */
  byte[] content() throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(size);
    try (Qcow2Image now = opener().build()) {
      now.read(bytes, 0);
    }
    return bytes.array();
  }
}
