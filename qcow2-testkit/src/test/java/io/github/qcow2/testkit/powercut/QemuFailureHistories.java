package io.github.qcow2.testkit.powercut;

import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.function.LongFunction;

/** What was done to images when QEMU 7.2 lost data, on a disk of a few clusters. */
final class QemuFailureHistories {
  private static final int CLUSTERS = 10;
  private static final int STEPS = 40;

  private final int clusterBits;
  private final int cluster;

  QemuFailureHistories(int clusterBits) {
    this.clusterBits = clusterBits;
    this.cluster = 1 << clusterBits;
  }

  PowerCutDisk disk() {
    byte[] image = ImageBuilder.of(clusterBits, (long) CLUSTERS * cluster).build().bytes();
    return PowerCutDisk.of(cluster + "-byte clusters", image);
  }

  /** Clusters are written, flushed, zeroed with unmap, and others are written in their place. */
  List<DiskOperation> unmapping(long seed) {
    return freeing(
        seed, start -> new DiskOperation.WriteZeroes(start, 2 * cluster, ZeroMode.MAY_UNMAP));
  }

  /** Likewise with discards. */
  List<DiskOperation> discarding(long seed) {
    return freeing(seed, start -> new DiskOperation.Discard(start, 2 * cluster));
  }

  private List<DiskOperation> freeing(long seed, LongFunction<DiskOperation> free) {
    Random random = new Random(seed);
    List<DiskOperation> history = new ArrayList<>();
    for (int i = 0; i < STEPS; i++) {
      long start = (long) random.nextInt(CLUSTERS - 1) * cluster;
      switch (random.nextInt(5)) {
        case 0, 1 -> history.add(new DiskOperation.Write(start, 2 * cluster, i));
        case 2, 3 -> history.add(free.apply(start));
        default -> history.add(new DiskOperation.Flush());
      }
    }
    return history;
  }

  /**
   * The four commands that damage an image without any crash: compressed data is overwritten, its
   * host cluster is freed and used for other data, and then more is compressed.
   */
  List<DiskOperation> appending() {
    return List.of(
        new DiskOperation.WriteCompressed(0, cluster, 1),
        new DiskOperation.Write(0, cluster, 2),
        new DiskOperation.Flush(),
        new DiskOperation.Write(cluster, cluster, 3),
        new DiskOperation.WriteCompressed(2L * cluster, cluster, 4),
        new DiskOperation.Flush(),
        new DiskOperation.Read(cluster, cluster));
  }

  /**
   * Compressed data that is durable is discarded. While the entry may still be there, zeros in its
   * place would not be zeros to the guest, but damage.
   */
  List<DiskOperation> discardingCompressed() {
    return List.of(
        new DiskOperation.WriteCompressed(0, 2 * cluster, 1),
        new DiskOperation.Write(4L * cluster, cluster, 2),
        new DiskOperation.Flush(),
        new DiskOperation.Discard(0, 2 * cluster),
        new DiskOperation.Flush());
  }
}
