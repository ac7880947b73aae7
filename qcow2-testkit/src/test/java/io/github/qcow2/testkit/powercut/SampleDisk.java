package io.github.qcow2.testkit.powercut;

import io.github.qcow2.DiscardCause;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.powercut.GuestJournal.Window;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.function.UnaryOperator;

/**
 * A disk that has a cluster in each state that its geometry knows, and all that is needed to think
 * of things to do to it.
 *
 * <p>The guest clusters 0 to 12 lie in the first L2 table; the last of that table has data, and the
 * table after it does not exist; the third one is shared with a snapshot, where there is one.
 */
final class SampleDisk {
  private static final long HIDDEN = 77;

  final String name;
  final ImageShape shape;
  final PowerCutDisk files;
  final boolean compresses;

  /** Version 2 does not record the sizes of snapshots, so a disk with snapshots keeps its size. */
  final boolean grows;

  /** Whether a sector needs the whole of a large disk to be read, so that few states are enough. */
  final boolean large;

  private SampleDisk(
      String name,
      ImageShape shape,
      PowerCutDisk files,
      boolean compresses,
      boolean grows,
      boolean large) {
    this.name = name;
    this.shape = shape;
    this.files = files;
    this.compresses = compresses;
    this.grows = grows;
    this.large = large;
  }

  /** How a sample is to be made. */
  static final class Maker {
    private final String name;
    private final ImageShape shape;
    private boolean snapshot = true;
    private boolean dataFile;
    private boolean raw;
    private int freeClusters = -1;
    private UnaryOperator<ImageOpener> options = UnaryOperator.identity();

    Maker(String name, ImageShape shape) {
      this.name = name;
      this.shape = shape;
    }

    Maker withoutSnapshot() {
      snapshot = false;
      return this;
    }

    Maker dataFile(boolean isRaw) {
      dataFile = true;
      raw = isRaw;
      return withoutSnapshot();
    }

    /** So few clusters are left before the refcount structures have to grow. */
    Maker freeClusters(int count) {
      freeClusters = count;
      return this;
    }

    Maker opened(UnaryOperator<ImageOpener> how) {
      options = how;
      return this;
    }

    SampleDisk make() {
      int filler = 0;
      BuiltImage image = describe(filler).build();
      while (freeClusters >= 0 && freeClusters(image) > freeClusters) {
        // Tables for the filler come on top of it.
        filler += Math.max(1, (freeClusters(image) - 70) * 9 / 10);
        image = describe(filler).build();
      }
      PowerCutDisk files = PowerCutDisk.of(name, image.bytes()).opened(options);
      if (dataFile) {
        files = files.withDataFile(image.dataFile());
      }
      if (shape.backing() != ImageShape.Backing.NONE) {
        files = files.withBacking(Content.bytes(99, 0, (int) shape.backingSize()));
      }
      boolean large = freeClusters > 0 && shape.size() > 1 << 20;
      return new SampleDisk(
          name, shape, files.within(windows()), !dataFile, shape.version() > 2 || !snapshot, large);
    }

    /** Around the targets, and what the disk may grow by; all of a small disk. */
    private Window[] windows() {
      long most = grownSize(shape);
      if (most <= 1 << 20) {
        return new Window[] {new Window(0, (int) most)};
      }
      int cluster = shape.clusterSize();
      long table = shape.bytesPerL2Table();
      return new Window[] {
        new Window(0, 16 * cluster),
        new Window(table - 2L * cluster, 5 * cluster),
        new Window(2 * table - cluster, 5 * cluster),
        new Window(shape.size() / cluster * cluster - cluster, 3 * cluster)
      };
    }

    private ImageBuilder describe(int filler) {
      ImageBuilder image = ImageBuilder.of(shape);
      if (shape.backing() != ImageShape.Backing.NONE) {
        image.backing("backing.raw", "raw");
      }
      if (dataFile) {
        image.dataFile("data.raw");
      }
      if (raw) {
        image.rawDataFile();
        for (long cluster = 0; cluster << shape.clusterBits() < shape.size(); cluster++) {
          image.data(cluster, content(cluster));
        }
        return image;
      }
      long table = shape.bytesPerL2Table() / shape.clusterSize();
      if (snapshot) {
        image.data(6, content(6)).data(8, content(1008)).data(9, content(9));
        if (shape.version() > 2) {
          image.zeroAllocated(7, content(HIDDEN));
        }
        image.data(2 * table, content(2 * table)).data(2 * table + 1, content(2 * table + 1));
        image.snapshot("before");
        image.unallocated(9);
      }
      image.data(1, content(1)).data(8, content(8)).data(10, content(10)).data(11, content(11));
      image.data(table - 1, content(table - 1));
      if (shape.version() > 2) {
        image.zero(2).zeroAllocated(3, content(HIDDEN));
      }
      if (!dataFile) {
        image.compressed(4, half(content(4))).compressed(5, half(content(5)));
      }
      if (shape.extendedL2()) {
        image.subclusters(12, 0x0000_00f0_0000_0f0fL, content(12));
      }
      for (int i = 0; i < filler; i++) {
        image.data(3 * table + i, content(3 * table + i));
      }
      return image;
    }

    private byte[] content(long cluster) {
      return Content.bytes(
          1_000_000 + cluster, cluster << shape.clusterBits(), shape.clusterSize());
    }

    /** The second half repeats a byte, so that deflate makes less of it. */
    private static byte[] half(byte[] content) {
      Arrays.fill(content, content.length / 2, content.length, content[0]);
      return content;
    }

    /** Clusters behind the end that the refcount structures can still count as they are. */
    private int freeClusters(BuiltImage image) {
      int used = image.bytes().length / shape.clusterSize();
      int perBlock = shape.clusterSize() * 8 / shape.refcountBits();
      int unit = shape.size() > 1 << 20 ? perBlock * (shape.clusterSize() / 8) : perBlock;
      return (unit - used % unit) % unit;
    }
  }

  static long grownSize(ImageShape shape) {
    return shape.size() + 3 * shape.bytesPerL2Table() / 2;
  }

  /** An experiment that judges as many states of the disk as can be afforded. */
  PowerCutExperiment experiment(PowerCutReport report) {
    boolean small = shape.clusterBits() == 9 && !large;
    CrashBounds bounds =
        small
            ? CrashBounds.FULL
            : new CrashBounds(8, 8, 20, 8, shape.clusterBits() > 12 ? 60 : 300);
    return new PowerCutExperiment(files, report)
        .bounds(bounds, new CrashBounds(5, 5, 4, 4, 40))
        .rates(4, 50);
  }

  /** Guest clusters that are worth doing something to. */
  List<Long> targets() {
    List<Long> targets = new ArrayList<>();
    for (long cluster = 0; cluster <= 13; cluster++) {
      targets.add(cluster);
    }
    long table = shape.bytesPerL2Table() / shape.clusterSize();
    long last = (shape.size() - 1) / shape.clusterSize();
    for (long cluster : new long[] {table - 2, table - 1, table, 2 * table - 1, 2 * table, last}) {
      if (cluster <= last && !targets.contains(cluster)) {
        targets.add(cluster);
      }
    }
    targets.removeIf(cluster -> cluster > last);
    return targets;
  }

  /** All samples. */
  static List<SampleDisk> all() {
    UnaryOperator<ImageOpener> tiny = opener -> opener.cacheSize(0).cacheEntrySize(512);
    List<SampleDisk> disks = new ArrayList<>();
    disks.add(new Maker("512, 64-bit refcounts", shape(9, 6)).opened(tiny).make());
    disks.add(
        new Maker("512, 64-bit refcounts, new block", shape(9, 6, 160 << 10))
            .freeClusters(2)
            .make());
    disks.add(
        new Maker("512, 16-bit refcounts, new block", shape(9, 4, 256 << 10))
            .freeClusters(1)
            .make());
    disks.add(new Maker("512, 2-bit refcounts", shape(9, 1)).opened(tiny).make());
    disks.add(
        new Maker("512, lazy refcounts", shape(9, 4))
            .opened(opener -> opener.lazyRefcounts(true))
            .make());
    disks.add(
        new Maker("512, lazy refcounts, new block", shape(9, 6, 160 << 10))
            .freeClusters(2)
            .opened(opener -> tiny.apply(opener).lazyRefcounts(true))
            .make());
    disks.add(new Maker("512, 1-bit refcounts", shape(9, 0)).withoutSnapshot().make());
    disks.add(
        new Maker(
                "512, 64-bit refcounts, refcount table full",
                new ImageShape(3, 9, 6, false, 2304 << 10, ImageShape.Backing.NONE, 0))
            .freeClusters(4)
            .opened(tiny)
            .make());
    disks.add(
        new Maker(
                "512, backing",
                new ImageShape(3, 9, 4, false, 112 << 10, ImageShape.Backing.RAW, 80 << 10))
            .make());
    disks.add(
        new Maker(
                "512, version 2",
                new ImageShape(2, 9, 4, false, 112 << 10, ImageShape.Backing.NONE, 0))
            .opened(tiny)
            .make());
    disks.add(
        new Maker(
                "512, version 2, backing",
                new ImageShape(2, 9, 4, false, 112 << 10, ImageShape.Backing.RAW, 80 << 10))
            .withoutSnapshot()
            .make());
    disks.add(new Maker("512, data file", shape(9, 4)).dataFile(false).make());
    disks.add(new Maker("512, raw data file", shape(9, 4)).dataFile(true).make());
    disks.add(
        new Maker("512, clusters are kept", shape(9, 4))
            .opened(
                opener ->
                    tiny.apply(opener)
                        .discardKeepsClusters(true)
                        .hostDiscard(EnumSet.allOf(DiscardCause.class)))
            .make());
    disks.add(new Maker("4 KiB", shape(12, 4, (5 << 20) - 1536)).opened(tiny).make());
    disks.add(
        new Maker(
                "16 KiB, extended L2",
                new ImageShape(3, 14, 4, true, 40 << 20, ImageShape.Backing.RAW, 200 << 10))
            .opened(tiny)
            .make());
    disks.add(new Maker("64 KiB", shape(16, 4, 1200L << 20)).make());
    disks.add(
        new Maker(
                "512, lazy refcounts, refcount table full",
                new ImageShape(3, 9, 6, false, 2304 << 10, ImageShape.Backing.NONE, 0))
            .freeClusters(4)
            .opened(opener -> tiny.apply(opener).lazyRefcounts(true))
            .make());
    return disks;
  }

  private static ImageShape shape(int clusterBits, int refcountOrder) {
    return shape(clusterBits, refcountOrder, 112 << 10);
  }

  private static ImageShape shape(int clusterBits, int refcountOrder, long size) {
    return new ImageShape(3, clusterBits, refcountOrder, false, size, ImageShape.Backing.NONE, 0);
  }

  @Override
  public String toString() {
    return name;
  }
}
