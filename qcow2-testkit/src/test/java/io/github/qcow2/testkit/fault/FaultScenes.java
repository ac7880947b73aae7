package io.github.qcow2.testkit.fault;

import static io.github.qcow2.testkit.generate.ImageShape.Backing.NONE;
import static io.github.qcow2.testkit.generate.ImageShape.Backing.RAW;

import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.DiskOperation;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * The images that faults are tried on. Together their workloads go through every way in which the
 * engine changes a file.
 */
final class FaultScenes {
  private static final int WHOLE = Integer.MAX_VALUE;
  private static final int RANDOM_OPERATIONS = 60;

  private static final List<ImageShape> RANDOM_SHAPES =
      List.of(
          new ImageShape(3, 9, 6, false, 64 << 10, NONE, 0),
          new ImageShape(3, 10, 0, false, 96 << 10, NONE, 0),
          new ImageShape(2, 11, 4, false, 96 << 10, NONE, 0),
          new ImageShape(3, 9, 4, false, 64 << 10, RAW, 48 << 10),
          new ImageShape(3, 12, 5, false, 128 << 10, RAW, 256 << 10),
          new ImageShape(3, 14, 6, true, 256 << 10, RAW, 128 << 10));

  private FaultScenes() {}

  static List<FaultScene> all() throws IOException {
    List<FaultScene> scenes = new ArrayList<>();
    scenes.add(smallestClusters());
    scenes.add(snapshotAndCompressed());
    scenes.add(shortTransfers());
    scenes.add(version2OverBacking());
    scenes.add(subclustersOverBacking());
    scenes.add(dataFile(false));
    scenes.add(dataFile(true));
    scenes.add(refcountTableGrows());
    for (long seed = 0; seed < 3L * RANDOM_SHAPES.size(); seed++) {
      scenes.add(random(seed, RANDOM_SHAPES.get((int) seed % RANDOM_SHAPES.size())));
    }
    return scenes;
  }

  /** Whatever comes up, on an image that has been written to before. */
  private static FaultScene random(long seed, ImageShape shape) {
    Random random = new Random(seed);
    ImageBuilder builder = ImageBuilder.of(shape);
    int cluster = shape.clusterSize();
    int clusters = (int) (shape.size() / cluster);
    byte[] backing = null;
    if (shape.backing() == RAW) {
      builder.backing("backing", "raw");
      backing = Content.bytes(seed, 0, (int) shape.backingSize());
    }
    for (int i = 0; i < clusters; i += 1 + random.nextInt(4)) {
      builder.data(i, Content.bytes(i, 0, cluster));
      if (i == clusters / 3 && shape.refcountOrder() > 0) {
        builder.snapshot("s");
      }
    }
    DiskOperation[] workload = new DiskOperation[RANDOM_OPERATIONS];
    for (int i = 0; i < workload.length; i++) {
      workload[i] = random(random, shape, i);
    }
    return new FaultScene(
        "random " + seed, builder.build().bytes(), backing, null, WHOLE, List.of(workload));
  }

  private static DiskOperation random(Random random, ImageShape shape, int number) {
    int cluster = shape.clusterSize();
    int length = 1 + random.nextInt(random.nextBoolean() ? cluster : 4 * cluster);
    int position = random.nextInt((int) shape.size() - length);
    int firstCluster = position / cluster * cluster;
    return switch (random.nextInt(16)) {
      case 0, 1 -> new DiskOperation.Flush();
      case 2 -> new DiskOperation.Reopen();
      case 3 -> new DiskOperation.WriteZeroes(position, length, ZeroMode.KEEP_ALLOCATED);
      case 4 -> new DiskOperation.WriteZeroes(position, length, ZeroMode.MAY_UNMAP);
      case 5, 6 -> new DiskOperation.WriteCompressed(firstCluster, cluster, number);
      case 7, 8 -> new DiskOperation.Discard(position, length);
      case 9 -> new DiskOperation.Read(position, length);
      default -> new DiskOperation.Write(position, length, number);
    };
  }

  /** L2 tables, refcount blocks and the L1 table all grow. */
  private static FaultScene smallestClusters() throws IOException {
    int size = 96 << 10;
    HeapStorage storage = new HeapStorage("image");
    Qcow2Image.create(storage, size).clusterSize(512).refcountBits(64).createOnly();
    List<DiskOperation> workload = mixed(size, 512, true);
    workload.addAll(growth(size, 512));
    return new FaultScene("512-byte clusters", storage.toByteArray(), null, null, WHOLE, workload);
  }

  /** Clusters and tables that a snapshot shares, compressed ones among them. */
  private static FaultScene snapshotAndCompressed() {
    int size = 256 << 10;
    List<DiskOperation> workload = mixed(size, 4096, true);
    workload.addAll(growth(size, 4096));
    return new FaultScene(
        "4 KiB clusters with a snapshot", populated(12, size).bytes(), null, null, WHOLE, workload);
  }

  /** As before, on a host that never moves more than some bytes. */
  private static FaultScene shortTransfers() {
    int size = 64 << 10;
    return new FaultScene(
        "short transfers", populated(11, size).bytes(), null, null, 700, mixed(size, 2048, true));
  }

  private static FaultScene version2OverBacking() {
    int size = 192 << 10;
    ImageShape shape = new ImageShape(2, 12, 4, false, size, RAW, size / 2);
    ImageBuilder builder = ImageBuilder.of(shape).backing("backing", "raw");
    return new FaultScene(
        "version 2 over a backing file",
        builder.data(1, Content.bytes(1, 0, 4096)).snapshot("s").build().bytes(),
        Content.bytes(2, 0, size / 2),
        null,
        WHOLE,
        mixed(size, 4096, true));
  }

  private static FaultScene subclustersOverBacking() {
    int size = 512 << 10;
    ImageShape shape = new ImageShape(3, 14, 4, true, size, RAW, size / 2);
    ImageBuilder builder =
        ImageBuilder.of(shape)
            .backing("backing", "raw")
            .data(1, Content.bytes(1, 0, 16 << 10))
            .compressed(2, Content.compressible(2, 0, 16 << 10))
            .subclusters(3, 0x0000_00f0_0000_0f0fL, Content.bytes(3, 0, 16 << 10))
            .snapshot("s")
            .subclusters(4, 0x0000_ff00_0000_00f1L, Content.bytes(4, 0, 16 << 10));
    List<DiskOperation> workload = mixed(size, 16 << 10, true);
    workload.addAll(growth(size, 16 << 10));
    return new FaultScene(
        "subclusters over a backing file",
        builder.build().bytes(),
        Content.bytes(5, 0, size / 2),
        null,
        WHOLE,
        workload);
  }

  private static FaultScene dataFile(boolean raw) {
    int size = 192 << 10;
    ImageBuilder builder = ImageBuilder.of(12, size).dataFile("data");
    if (raw) {
      builder.rawDataFile();
    }
    for (int i = 0; i < size / 4096; i++) {
      if (raw || i % 3 == 0) {
        builder.data(i, Content.bytes(6, i * 4096L, 4096));
      }
    }
    BuiltImage built = builder.build();
    List<DiskOperation> workload = mixed(size, 4096, false);
    workload.addAll(growth(size, 4096));
    return new FaultScene(
        raw ? "raw data file" : "data file",
        built.bytes(),
        null,
        Arrays.copyOf(built.dataFile(), size),
        WHOLE,
        workload);
  }

  /**
   * Few clusters are left of those that the refcount table can cover: 64 counts in a block, 64
   * blocks in a table of one cluster, 2 MiB in all.
   */
  private static FaultScene refcountTableGrows() throws IOException {
    int size = 3 << 20;
    int filled = (1 << 20) + (900 << 10);
    HeapStorage storage = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(storage, size).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.wrap(Content.bytes(1, 0, filled)), 0);
    }
    List<DiskOperation> workload = new ArrayList<>();
    for (int at = filled; at < filled + (80 << 10); at += 20 << 10) {
      workload.add(new DiskOperation.Write(at, 20 << 10, at));
    }
    workload.add(new DiskOperation.Discard(0, 64 << 10));
    workload.add(new DiskOperation.Flush());
    workload.add(new DiskOperation.Write(100, 30 << 10, 7));
    return new FaultScene(
        "the refcount table grows", storage.toByteArray(), null, null, WHOLE, workload);
  }

  /** An image with a bit of everything, below and above a snapshot. */
  private static BuiltImage populated(int clusterBits, int size) {
    ImageBuilder builder = ImageBuilder.of(clusterBits, size);
    int bytes = 1 << clusterBits;
    int cluster = 0;
    for (; (long) cluster * bytes < size / 2; cluster += 4) {
      builder.data(cluster, Content.bytes(1, cluster, bytes));
      builder.compressed(cluster + 1, Content.compressible(2, 0, bytes));
      builder.zeroAllocated(cluster + 2, Content.bytes(3, cluster, bytes));
    }
    builder.snapshot("s");
    builder.data(0, Content.bytes(4, 0, bytes));
    builder.data(cluster, Content.bytes(5, 0, bytes));
    builder.compressed(cluster + 1, Content.compressible(6, 0, bytes));
    return builder.build();
  }

  private static List<DiskOperation> mixed(int size, int cluster, boolean compresses) {
    List<DiskOperation> workload = new ArrayList<>();
    workload.add(new DiskOperation.Read(0, size));
    workload.add(new DiskOperation.Write(cluster / 2, 3 * cluster, 11));
    workload.add(new DiskOperation.Write(size - 700, 700, 12));
    workload.add(new DiskOperation.WriteZeroes(cluster, cluster, ZeroMode.MAY_UNMAP));
    workload.add(new DiskOperation.Flush());
    workload.add(new DiskOperation.Write(cluster + 37, 100, 13));
    workload.add(new DiskOperation.Write(6L * cluster - 300, 5 * cluster, 14));
    workload.add(new DiskOperation.WriteZeroes(7L * cluster, 2 * cluster, ZeroMode.KEEP_ALLOCATED));
    workload.add(new DiskOperation.WriteZeroes(20L * cluster + 100, 300, ZeroMode.MAY_UNMAP));
    workload.add(new DiskOperation.Write(7L * cluster + 50, cluster, 15));
    workload.add(new DiskOperation.Discard(2L * cluster, 6 * cluster));
    if (compresses) {
      workload.add(new DiskOperation.WriteCompressed(12L * cluster, 3 * cluster, 16));
      workload.add(new DiskOperation.WriteCompressed(3L * cluster, cluster, 17));
    }
    workload.add(new DiskOperation.Flush());
    workload.add(new DiskOperation.Write(3L * cluster - 20, 512, 18));
    workload.add(new DiskOperation.Discard(10L * cluster, 4 * cluster));
    if (compresses) {
      workload.add(new DiskOperation.WriteCompressed(13L * cluster, 2 * cluster, 19));
    }
    workload.add(new DiskOperation.Reopen());
    for (int i = 0; i < 6; i++) {
      workload.add(new DiskOperation.Write((long) size / 7 * i, cluster + 77, 20 + i));
    }
    workload.add(new DiskOperation.Read(size / 3, size / 3));
    workload.add(new DiskOperation.Flush());
    workload.add(new DiskOperation.Discard(0, 4 * cluster));
    workload.add(new DiskOperation.Write(0, 512, 30));
    return workload;
  }

  private static List<DiskOperation> growth(int size, int cluster) {
    int grown = 2 * size + 512;
    return List.of(
        new DiskOperation.Grow(grown),
        new DiskOperation.Write(size - 200, 2 * cluster, 40),
        new DiskOperation.Write(grown - cluster - 100, cluster + 100, 41),
        new DiskOperation.Flush(),
        new DiskOperation.Grow(grown + 4 * cluster, Preallocation.METADATA),
        new DiskOperation.Write(grown + cluster, cluster, 42));
  }
}
