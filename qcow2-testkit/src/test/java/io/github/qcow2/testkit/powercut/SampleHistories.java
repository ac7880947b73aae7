package io.github.qcow2.testkit.powercut;

import io.github.qcow2.Preallocation;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Thinks of things to do to a {@link SampleDisk}. Each content comes from the operation's place.
 */
final class SampleHistories {
  private static final int SECTOR = 512;

  private final SampleDisk disk;
  private final int cluster;
  private final long size;

  SampleHistories(SampleDisk disk) {
    this.disk = disk;
    this.cluster = disk.shape.clusterSize();
    this.size = disk.shape.size();
  }

  /** One operation and a flush: every operation on every target. */
  List<List<DiskOperation>> single() {
    List<List<DiskOperation>> histories = new ArrayList<>();
    for (long target : disk.targets()) {
      for (DiskOperation operation : onCluster(target, 1)) {
        histories.add(List.of(operation, new DiskOperation.Flush()));
      }
    }
    int rest = (int) (size % cluster);
    if (disk.compresses && rest > 0) {
      histories.add(List.of(new DiskOperation.WriteCompressed(size - rest, rest, 1)));
    }
    histories.add(List.of(new DiskOperation.Flush()));
    if (!disk.grows) {
      return histories;
    }
    for (long grown : new long[] {size + SECTOR, SampleDisk.grownSize(disk.shape)}) {
      histories.add(List.of(new DiskOperation.Grow(grown)));
    }
    for (long shrunk : shrunkSizes()) {
      histories.add(List.of(new DiskOperation.Shrink(shrunk)));
      histories.add(List.of(new DiskOperation.Shrink(shrunk), new DiskOperation.Grow(size)));
    }
    histories.add(List.of(preallocated()));
    return histories;
  }

  /**
   * Sizes to shrink to: inside a cluster, to the end of an L2 table, and to nothing. Of a large
   * disk nothing is cut off that is outside the windows.
   */
  private List<Long> shrunkSizes() {
    long table = disk.shape.bytesPerL2Table();
    if (size > 1 << 20) {
      return List.of(size - SECTOR, size / cluster * cluster - cluster);
    }
    return List.of(0L, 5L * cluster, 11L * cluster - SECTOR, table, table + cluster, size - SECTOR);
  }

  /** Into a new L2 table where that is small; every state holds the whole file in memory. */
  private DiskOperation preallocated() {
    long more = Math.min(SampleDisk.grownSize(disk.shape) - size, Math.max(2 * cluster, 64 << 10));
    return new DiskOperation.Grow(size + more, Preallocation.METADATA);
  }

  /** Two operations, with or without a flush in between. */
  List<DiskOperation> pair(Random random) {
    List<DiskOperation> history = new ArrayList<>();
    DiskOperation first = any(random, 1);
    history.add(first);
    if (random.nextBoolean()) {
      history.add(new DiskOperation.Flush());
    }
    history.add(any(random, 2));
    history.add(new DiskOperation.Flush());
    return history;
  }

  /** Many operations, with flushes now and then: often in some histories, hardly ever in others. */
  List<DiskOperation> random(Random random, int length) {
    List<DiskOperation> history = new ArrayList<>();
    int growAt = disk.grows ? random.nextInt(2 * length) : -1;
    // A disk that has grown stays large, since other operations rely on its size.
    int shrinkAt = disk.grows && growAt >= length ? random.nextInt(length) : -1;
    int flushes = 3 + random.nextInt(20);
    for (int i = 0; i < length; i++) {
      int kind = random.nextInt(100);
      if (i == growAt) {
        history.add(
            random.nextBoolean()
                ? new DiskOperation.Grow(SampleDisk.grownSize(disk.shape))
                : preallocated());
      } else if (i == shrinkAt) {
        List<Long> sizes = shrunkSizes();
        history.add(new DiskOperation.Shrink(sizes.get(random.nextInt(sizes.size()))));
        history.add(new DiskOperation.Grow(size));
      } else if (kind < flushes) {
        history.add(new DiskOperation.Flush());
      } else if (kind < flushes + 2) {
        history.add(new DiskOperation.Reopen());
      } else {
        history.add(any(random, i + 1));
      }
    }
    return history;
  }

  private DiskOperation any(Random random, long seed) {
    List<Long> targets = disk.targets();
    List<DiskOperation> choice = onCluster(targets.get(random.nextInt(targets.size())), seed);
    return choice.get(random.nextInt(choice.size()));
  }

  private List<DiskOperation> onCluster(long target, long seed) {
    long start = target * cluster;
    int whole = (int) Math.min(cluster, size - start);
    List<DiskOperation> operations = new ArrayList<>();
    operations.add(new DiskOperation.Write(start + whole / 4, Math.max(1, whole / 3), seed));
    operations.add(new DiskOperation.Write(start, whole, seed));
    if (start + cluster < size) {
      // Across the border of two clusters; for the last of a table, of two L2 tables.
      long half = start + cluster / 2;
      operations.add(new DiskOperation.Write(half, (int) Math.min(cluster, size - half), seed));
    }
    int two = (int) Math.min(2L * cluster, size - start);
    operations.add(new DiskOperation.WriteZeroes(start, whole, ZeroMode.KEEP_ALLOCATED));
    operations.add(new DiskOperation.WriteZeroes(start, two, ZeroMode.MAY_UNMAP));
    operations.add(new DiskOperation.WriteZeroes(start + whole / 2, whole / 4, ZeroMode.MAY_UNMAP));
    operations.add(new DiskOperation.Discard(start, whole));
    operations.add(new DiskOperation.Discard(start, two));
    if (disk.compresses && start + two <= size / cluster * cluster) {
      operations.add(new DiskOperation.WriteCompressed(start, whole, seed));
      operations.add(new DiskOperation.WriteCompressed(start, two, seed));
    }
    return operations;
  }
}
