package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.interop.ImageVariant.Below;
import io.github.qcow2.testkit.interop.ImageVariant.Layout;
import io.github.qcow2.testkit.interop.ImageVariant.Placement;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Running out of space: wherever in a run of writes the disk becomes full, the write that does not
 * fit fails, nothing that succeeded is lost, and the tables stay in order (I8).
 */
final class FullDiskRulesTest {
  private static final int SECTOR = 512;

  @TempDir Path directory;

  /** An image to run out of space with. */
  private static final class Start {
    final byte[] file;
    final byte @Nullable [] backing;
    final byte[] content;
    final List<byte[]> snapshots;

    Start(byte[] file, byte @Nullable [] backing, byte[] content, List<byte[]> snapshots) {
      this.file = file;
      this.backing = backing;
      this.content = content;
      this.snapshots = snapshots;
    }

    SpecOracle oracle(byte[] now) {
      SpecOracle oracle = SpecOracle.of(now);
      return backing == null ? oracle : oracle.withBacking(ByteSource.of(backing));
    }

    ReferencePolicy policy() throws IOException {
      return backing == null
          ? ReferencePolicy.deny()
          : ReferencePolicy.explicit(RawImage.over(HeapStorage.copyOf("base", backing)));
    }
  }

  @ParameterizedTest
  @CsvSource({
    "3, 512, 16, false, 90000, false",
    "3, 512, 64, false, 90000, true",
    "2, 512, 16, false, 90000, true",
    "3, 4096, 1, false, 400000, false",
    "3, 16384, 16, true, 800000, true"
  })
  void whereverSpaceRunsOutNothingAcknowledgedIsLost(
      int version, int clusterSize, int refcountBits, boolean extendedL2, int size, boolean overlay)
      throws IOException {
    byte[] backing = overlay ? Content.bytes(5, 0, size / 2 / SECTOR * SECTOR) : null;
    HeapStorage storage = new HeapStorage("new");
    long bytes = size & -(long) SECTOR;
    var creator =
        Qcow2Image.create(storage, bytes)
            .version(version)
            .clusterSize(clusterSize)
            .refcountBits(refcountBits)
            .extendedL2(extendedL2);
    if (overlay) {
      creator.backing("base", "raw");
    }
    creator.createOnly();
    byte[] content = Arrays.copyOf(backing == null ? new byte[0] : backing, (int) bytes);
    Start start = new Start(storage.toByteArray(), backing, content, List.of());

    runOutEverywhere(start, workload(bytes, clusterSize), Math.max(SECTOR, clusterSize / 8));
  }

  @Test
  void growthOfTheRefcountTableFailsWithoutHarmToo() throws IOException {
    // 64 counts in a block and 64 blocks in a table of one cluster: 2 MiB, less what is used up.
    int size = 3 << 20;
    HeapStorage storage = new HeapStorage("new");
    int filled = (1 << 20) + (860 << 10);
    try (Qcow2Image image =
        Qcow2Image.create(storage, size).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.wrap(Content.bytes(1, 0, filled)), 0);
    }
    byte[] content = Arrays.copyOf(Content.bytes(1, 0, filled), size);
    Start start = new Start(storage.toByteArray(), null, content, List.of());
    List<DiskOperation> workload = new ArrayList<>();
    for (int at = filled; at < filled + (120 << 10); at += 12 << 10) {
      workload.add(new DiskOperation.Write(at, 12 << 10, at));
    }
    workload.add(new DiskOperation.Flush());
    HeapStorage roomy = HeapStorage.copyOf("roomy", start.file);
    try (Qcow2Image image = Qcow2Image.open(roomy).writable().build()) {
      for (DiskOperation operation : workload) {
        apply(image, operation);
      }
      assertThat(image.header().refcountTableClusters()).as("the table grows").isGreaterThan(1);
    }

    runOutEverywhere(start, workload, 4 * SECTOR);
  }

  @Test
  @RequiresQemu
  void snapshotsSurviveRunningOutOfSpaceDuringCopyOnWrite() throws IOException {
    for (Layout layout : new Layout[] {Layout.V3_512, Layout.EXTENDED_16K}) {
      Path place = Files.createDirectory(directory.resolve(layout.name()));
      QemuTools qemu = QemuTools.required();
      VariantImage made =
          new VariantImage(
              new ImageVariant(layout, 16, Below.NOTHING, Placement.IMAGE, true, true),
              place,
              qemu);
      made.makeByQemu();
      List<byte[]> snapshots = new ArrayList<>();
      SpecOracle oracle = SpecOracle.of(Files.readAllBytes(made.path()));
      for (int i = 0; i < oracle.snapshots().size(); i++) {
        snapshots.add(all(oracle.snapshotContent(i)));
      }
      byte[] content = qemu.content(made.path());
      Start start = new Start(Files.readAllBytes(made.path()), null, content, snapshots);

      runOutEverywhere(
          start, workload(content.length, layout.clusterSize()), layout.clusterSize() / 2);
    }
  }

  /** Runs the workload with every size of disk between too small for anything and large enough. */
  private static void runOutEverywhere(Start start, List<DiskOperation> workload, int step)
      throws IOException {
    long limit = start.file.length;
    boolean fits = false;
    while (!fits) {
      fits = runOut(start, workload, limit, false);
      runOut(start, workload, limit, true);
      limit += step;
    }
    assertThat(limit).as("a workload that needs space").isGreaterThan(start.file.length + step);
  }

  /**
   * Runs the workload.
   *
   * @param makesRoom whether there is space again after the first failure
   * @return whether nothing failed
   */
  private static boolean runOut(
      Start start, List<DiskOperation> workload, long limit, boolean makesRoom) throws IOException {
    String what = "limit " + limit + (makesRoom ? ", then room" : "");
    HeapStorage heap = HeapStorage.copyOf("full disk", start.file);
    FaultyStorage disk = new FaultyStorage(heap);
    disk.fullAt(limit);
    byte[] model = start.content.clone();
    Qcow2Image image =
        Qcow2Image.open(disk).writable().references(start.policy()).cacheSize(8 << 10).build();
    boolean closed = false;
    try {
      for (DiskOperation operation : workload) {
        boolean refusedBefore = disk.faults().hits() > 0;
        try {
          apply(image, operation);
          note(model, operation);
        } catch (IOException e) {
          assertThat(disk.faults().hits() > 0).as("%s: %s fails: %s", what, operation, e).isTrue();
          assertThat(refusedBefore && makesRoom)
              .as("%s: %s fails: %s", what, operation, e)
              .isFalse();
          settle(image, operation, model);
          if (makesRoom) {
            disk.fullAt(Long.MAX_VALUE);
          }
        }
      }
      assertSame(GuestBytes.of(image), model, what);
      image.close();
      closed = true;
    } finally {
      if (!closed) {
        image.close();
      }
    }
    byte[] file = heap.toByteArray();
    SpecOracle oracle = start.oracle(file);
    assertThat(oracle.check().isSafe()).as("%s: %s", what, oracle.check()).isTrue();
    assertSame(all(oracle.content()), model, what + ", closed");
    for (int i = 0; i < start.snapshots.size(); i++) {
      assertSame(all(oracle.snapshotContent(i)), start.snapshots.get(i), what + ", snapshot " + i);
    }
    return disk.faults().hits() == 0;
  }

  private static List<DiskOperation> workload(long size, int cluster) {
    int end = (int) size;
    List<DiskOperation> workload = new ArrayList<>();
    workload.add(new DiskOperation.Write(cluster / 2, 3 * cluster, 11));
    workload.add(new DiskOperation.Write(end - 700, 700, 12));
    workload.add(new DiskOperation.WriteZeroes(cluster, cluster, ZeroMode.MAY_UNMAP));
    workload.add(new DiskOperation.Flush());
    workload.add(new DiskOperation.Write(cluster, 100, 13));
    workload.add(new DiskOperation.Write(6L * cluster - 300, 5 * cluster, 14));
    workload.add(new DiskOperation.WriteZeroes(7L * cluster, 2 * cluster, ZeroMode.KEEP_ALLOCATED));
    workload.add(new DiskOperation.WriteZeroes(20L * cluster + 100, 300, ZeroMode.MAY_UNMAP));
    workload.add(new DiskOperation.Write(7L * cluster + 50, cluster, 15));
    workload.add(new DiskOperation.Flush());
    for (int i = 0; i < 6; i++) {
      long at = end / 7L * i;
      workload.add(new DiskOperation.Write(at, 2 * cluster + 77, 20 + i));
    }
    workload.add(new DiskOperation.Write(0, 512, 30));
    return workload;
  }

  private static void apply(BlockDevice device, DiskOperation operation) throws IOException {
    if (operation instanceof DiskOperation.Write write) {
      device.write(ByteBuffer.wrap(write.bytes()), write.position());
    } else if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      device.writeZeroes(zeroes.position(), zeroes.length(), zeroes.mode());
    } else {
      device.flush();
    }
  }

  private static void note(byte[] model, DiskOperation operation) {
    byte[] bytes = bytesOf(operation);
    System.arraycopy(bytes, 0, model, (int) positionOf(operation), bytes.length);
  }

  /** Of a write that failed each byte is the old or the new one; the model takes what there is. */
  private static void settle(BlockDevice device, DiskOperation operation, byte[] model)
      throws IOException {
    byte[] wanted = bytesOf(operation);
    int position = (int) positionOf(operation);
    byte[] found = GuestBytes.of(device, position, wanted.length);
    for (int i = 0; i < found.length; i++) {
      if (found[i] != model[position + i] && found[i] != wanted[i]) {
        throw new AssertionError(operation + " left a foreign byte at " + (position + i));
      }
    }
    System.arraycopy(found, 0, model, position, found.length);
  }

  private static byte[] bytesOf(DiskOperation operation) {
    if (operation instanceof DiskOperation.Write write) {
      return write.bytes();
    }
    return operation instanceof DiskOperation.WriteZeroes zeroes
        ? new byte[zeroes.length()]
        : new byte[0];
  }

  private static long positionOf(DiskOperation operation) {
    if (operation instanceof DiskOperation.Write write) {
      return write.position();
    }
    return operation instanceof DiskOperation.WriteZeroes zeroes ? zeroes.position() : 0;
  }

  private static byte[] all(ByteSource source) throws IOException {
    byte[] bytes = new byte[(int) source.size()];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }
}
