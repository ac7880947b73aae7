package io.github.qcow2.testkit.oracle;

import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShape.Backing;
import io.github.qcow2.testkit.model.Content;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/**
 * An image with something wrong in it.
 *
 * @param name what is wrong
 * @param image the bytes
 * @param kinds what the oracle must find: all of these, and nothing else
 * @param qemu what QEMU makes of it
 */
record Fault(String name, BuiltImage image, Set<FindingKind> kinds, Verdict qemu) {
  /** What {@code qemu-img check} says. */
  enum Verdict {
    CORRUPT,
    LEAK,
    REFUSED,
    /** Finds nothing. */
    CLEAN
  }

  private static final int CLUSTER = 4096;
  private static final long COPIED = 1L << 63;
  private static final long COMPRESSED = 1L << 62;

  /**
   * Guest clusters 0, 1 data, 2 zero with a place, 3 compressed; clusters 0 and 4 in a snapshot.
   */
  private static final BuiltImage BASE =
      ImageBuilder.of(12, 1000 * CLUSTER)
          .data(0, Content.bytes(1, 0, CLUSTER))
          .data(4, Content.bytes(2, 0, CLUSTER))
          .snapshot("s")
          .unallocated(4)
          .data(1, Content.bytes(3, 0, CLUSTER))
          .zeroAllocated(2, Content.bytes(4, 0, CLUSTER))
          .compressed(3, new byte[CLUSTER])
          .build();

  static List<Fault> refcounts() {
    long free = BASE.bytes().length;
    BuiltImage longer = BASE.withLength(free + CLUSTER);
    long shared = BASE.hostOffset(0);
    long own = BASE.hostOffset(1);
    long compressed = BASE.u64(BASE.l2EntryOffset(3)) & 0xffffffffffL;
    long block = BASE.u64(BASE.refcountTableOffset());
    List<Fault> faults = new ArrayList<>();
    add(faults, "nothing", BASE, Verdict.CLEAN);
    add(
        faults,
        "cluster nobody uses",
        longer.withRefcount(free, 1),
        Verdict.LEAK,
        FindingKind.LEAK);
    add(
        faults,
        "refcount past the end of the file, which QEMU does not look at",
        BASE.withRefcount(free, 1),
        Verdict.CLEAN,
        FindingKind.LEAK);
    add(
        faults,
        "one reference too few, COPIED is right",
        BASE.withRefcount(shared, 3),
        Verdict.LEAK,
        FindingKind.LEAK);
    add(
        faults,
        "one reference too few, COPIED is left over",
        BASE.withRefcount(own, 2),
        Verdict.CORRUPT,
        FindingKind.LEAK,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "free cluster in use",
        BASE.withRefcount(own, 0),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "free compressed cluster in use",
        BASE.withRefcount(compressed, 0),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW);
    add(
        faults,
        "shared cluster counted once",
        BASE.withRefcount(shared, 1),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "header cluster free",
        BASE.withRefcount(0, 0),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW);
    add(
        faults,
        "refcount block free",
        BASE.withRefcount(block, 0),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW);
    add(
        faults,
        "refcount block missing",
        BASE.withU64(BASE.refcountTableOffset(), 0),
        Verdict.CORRUPT,
        FindingKind.REFCOUNT_TOO_LOW,
        FindingKind.COPIED_STALE);
    return faults;
  }

  static List<Fault> copiedFlags() {
    long shared = BASE.l2EntryOffset(0);
    long own = BASE.l2EntryOffset(1);
    long compressed = BASE.l2EntryOffset(3);
    BuiltImage twice =
        BASE.withU64(BASE.l2EntryOffset(7), BASE.u64(own)).withRefcount(BASE.hostOffset(1), 2);
    List<Fault> faults = new ArrayList<>();
    add(
        faults,
        "COPIED set on a cluster of a snapshot",
        BASE.withU64(shared, BASE.u64(shared) | COPIED),
        Verdict.CORRUPT,
        FindingKind.COPIED_DANGEROUS);
    add(
        faults,
        "COPIED set on a cluster of two guest clusters",
        twice,
        Verdict.CORRUPT,
        FindingKind.COPIED_DANGEROUS);
    add(
        faults,
        "one cluster for two guest clusters, which is allowed",
        twice
            .withU64(own, BASE.u64(own) & ~COPIED)
            .withU64(BASE.l2EntryOffset(7), BASE.u64(own) & ~COPIED),
        Verdict.CLEAN);
    add(
        faults,
        "COPIED clear on a cluster of one",
        BASE.withU64(own, BASE.u64(own) & ~COPIED),
        Verdict.CORRUPT,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "COPIED clear on an L2 table of one",
        BASE.withU64(BASE.l1EntryOffset(0), BASE.u64(BASE.l1EntryOffset(0)) & ~COPIED),
        Verdict.CORRUPT,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "COPIED set on a compressed cluster",
        BASE.withU64(compressed, BASE.u64(compressed) | COPIED),
        Verdict.CORRUPT,
        FindingKind.COPIED_MISPLACED);
    add(
        faults,
        "COPIED set without a cluster, which QEMU does not look at",
        BASE.withU64(BASE.l2EntryOffset(9), COPIED),
        Verdict.CLEAN,
        FindingKind.COPIED_MISPLACED);
    add(
        faults,
        "COPIED set in a snapshot's tables, where it means nothing",
        BASE.withU64(
                BASE.snapshotL1EntryOffset(0, 0),
                BASE.u64(BASE.snapshotL1EntryOffset(0, 0)) | COPIED)
            .withU64(
                BASE.snapshotL2EntryOffset(0, 0),
                BASE.u64(BASE.snapshotL2EntryOffset(0, 0)) | COPIED),
        Verdict.CLEAN);
    return faults;
  }

  static List<Fault> entries() {
    long own = BASE.l2EntryOffset(1);
    long free = BASE.l2EntryOffset(9);
    long block = BASE.u64(BASE.refcountTableOffset());
    List<Fault> faults = new ArrayList<>();
    add(
        faults,
        "data in a refcount block",
        BASE.withU64(free, block).withRefcount(block, 2),
        Verdict.CORRUPT,
        FindingKind.OVERLAP);
    add(
        faults,
        "compressed data in the header, counted right: QEMU does not mind",
        BASE.withU64(free, COMPRESSED | 512).withRefcount(0, 2),
        Verdict.CLEAN,
        FindingKind.OVERLAP);
    add(
        faults,
        "compressed data in a cluster of plain data, counted right: QEMU does not mind",
        BASE.withU64(free, COMPRESSED | BASE.hostOffset(1))
            .withRefcount(BASE.hostOffset(1), 2)
            .withU64(own, BASE.u64(own) & ~COPIED),
        Verdict.CLEAN,
        FindingKind.OVERLAP);
    add(
        faults,
        "L2 table in the L1 table",
        BASE.withU64(BASE.l1EntryOffset(1), BASE.l1EntryOffset(0)),
        Verdict.CORRUPT,
        FindingKind.OVERLAP,
        FindingKind.REFCOUNT_TOO_LOW,
        FindingKind.COPIED_DANGEROUS,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "data past the end",
        BASE.withU64(free, COPIED | 1L << 40),
        Verdict.CORRUPT,
        FindingKind.BEYOND_END);
    add(
        faults,
        "compressed data past the end",
        BASE.withU64(free, COMPRESSED | 1L << 40),
        Verdict.CORRUPT,
        FindingKind.BEYOND_END);
    add(
        faults,
        "L2 table past the end",
        BASE.withU64(BASE.l1EntryOffset(1), COPIED | 1L << 40),
        Verdict.CORRUPT,
        FindingKind.BEYOND_END);
    add(
        faults,
        "data not at a cluster's start",
        BASE.withU64(own, BASE.u64(own) + 512),
        Verdict.CORRUPT,
        FindingKind.MISALIGNED,
        FindingKind.LEAK);
    add(
        faults,
        "refcount block not at a cluster's start",
        BASE.withU64(BASE.refcountTableOffset() + 8, 512),
        Verdict.CORRUPT,
        FindingKind.MISALIGNED);
    add(
        faults,
        "reserved bit in an L1 entry",
        BASE.withU64(BASE.l1EntryOffset(0), BASE.u64(BASE.l1EntryOffset(0)) | 1L << 56),
        Verdict.CORRUPT,
        FindingKind.RESERVED_BITS);
    add(
        faults,
        "reserved bit in an L2 entry",
        BASE.withU64(own, BASE.u64(own) | 1L << 8),
        Verdict.CORRUPT,
        FindingKind.RESERVED_BITS);
    add(
        faults,
        "reserved bit in a refcount table entry",
        BASE.withU64(BASE.refcountTableOffset(), block | 1),
        Verdict.CORRUPT,
        FindingKind.RESERVED_BITS);
    add(
        faults,
        "file cut off in the middle of the data",
        BASE.withLength(BASE.hostOffset(1)),
        Verdict.CORRUPT,
        FindingKind.BEYOND_END,
        FindingKind.REFCOUNT_TOO_LOW,
        FindingKind.COPIED_STALE);
    return faults;
  }

  static List<Fault> subclusters() {
    BuiltImage image =
        ImageBuilder.of(new ImageShape(3, 14, 4, true, 1 << 20, Backing.NONE, 0))
            .subclusters(0, 3L << 32 | 12, Content.bytes(1, 0, 1 << 14))
            .compressed(1, new byte[1 << 14])
            .zero(2)
            .build();
    List<Fault> faults = new ArrayList<>();
    add(faults, "subclusters without a fault", image, Verdict.CLEAN);
    add(
        faults,
        "subcluster both data and zero",
        image.withU64(image.l2EntryOffset(0) + 8, 3L << 32 | 14),
        Verdict.CORRUPT,
        FindingKind.SUBCLUSTERS);
    add(
        faults,
        "subclusters of data without a cluster",
        image.withU64(image.l2EntryOffset(5) + 8, 1),
        Verdict.CORRUPT,
        FindingKind.SUBCLUSTERS);
    add(
        faults,
        "compressed cluster with subclusters",
        image.withU64(image.l2EntryOffset(1) + 8, 1L << 32),
        Verdict.CORRUPT,
        FindingKind.SUBCLUSTERS);
    add(
        faults,
        "zero flag beside subclusters, which QEMU does not look at",
        image.withU64(image.l2EntryOffset(5), 1),
        Verdict.CLEAN,
        FindingKind.RESERVED_BITS);
    return faults;
  }

  static List<Fault> others() {
    BuiltImage version2 =
        ImageBuilder.of(new ImageShape(2, 12, 4, false, 1 << 20, Backing.NONE, 0))
            .data(0, Content.bytes(1, 0, CLUSTER))
            .build();
    List<Fault> faults = new ArrayList<>();
    add(
        faults,
        "zero flag in version 2, which QEMU refuses only to read",
        version2.withU64(version2.l2EntryOffset(5), 1),
        Verdict.CLEAN,
        FindingKind.ZERO_FLAG_IN_VERSION_2);
    add(
        faults,
        "snapshot with an L1 table past the end",
        BASE.withU64(BASE.snapshotTableOffset(), 1L << 40),
        Verdict.CORRUPT,
        FindingKind.BEYOND_END,
        FindingKind.LEAK);
    add(
        faults,
        "snapshot with an L1 table in the middle of a cluster",
        BASE.withU64(BASE.snapshotTableOffset(), BASE.snapshotL1EntryOffset(0, 0) + 512),
        Verdict.CORRUPT,
        FindingKind.MISALIGNED,
        FindingKind.LEAK);
    add(
        faults,
        "snapshot with too much extra data",
        BASE.withU32(BASE.snapshotTableOffset() + 36, 1025),
        Verdict.REFUSED,
        FindingKind.SNAPSHOT,
        FindingKind.LEAK);
    add(
        faults,
        "raw data file without a data file",
        ImageBuilder.of(12, 1 << 20).features(0, 0, 2).build(),
        Verdict.REFUSED,
        FindingKind.DATA_FILE);
    add(
        faults,
        "header extension twice, which QEMU does not mind",
        ImageBuilder.of(12, 1 << 20)
            .extension(0x12345678, new byte[4])
            .extension(0x12345678, new byte[4])
            .build(),
        Verdict.CLEAN,
        FindingKind.EXTENSION);
    return faults;
  }

  static List<Fault> dataFiles() {
    BuiltImage image =
        ImageBuilder.of(16, 1 << 20)
            .dataFile("data")
            .data(0, new byte[1])
            .data(3, new byte[1])
            .build();
    long entry = image.l2EntryOffset(3);
    List<Fault> faults = new ArrayList<>();
    add(faults, "data file without a fault", image, Verdict.CLEAN);
    add(
        faults,
        "data file offset is not the guest offset, which QEMU refuses only to read",
        image.withU64(entry, image.u64(entry) + (1 << 16)),
        Verdict.CLEAN,
        FindingKind.DATA_FILE);
    add(
        faults,
        "COPIED clear with a data file",
        image.withU64(entry, image.u64(entry) & ~COPIED),
        Verdict.CORRUPT,
        FindingKind.COPIED_STALE);
    add(
        faults,
        "compressed cluster with a data file",
        image.withU64(entry, COMPRESSED | 1 << 16),
        Verdict.CORRUPT,
        FindingKind.DATA_FILE);
    add(
        faults,
        "snapshot with a data file",
        ImageBuilder.of(16, 1 << 20).dataFile("data").snapshot("s").build(),
        Verdict.CORRUPT,
        FindingKind.DATA_FILE);
    return faults;
  }

  /** Headers that leave the rest of the file without a meaning. */
  static List<Fault> headers() {
    BuiltImage version3 = ImageBuilder.of(16, 1 << 20).data(0, new byte[1]).build();
    BuiltImage small = ImageBuilder.of(12, 10 << 20).data(0, new byte[1]).build();
    BuiltImage backed = ImageBuilder.of(16, 1 << 20).backing("base", "raw").build();
    BuiltImage extended = ImageBuilder.of(16, 1 << 20).extension(1, new byte[8]).build();
    List<Fault> faults = new ArrayList<>();
    header(faults, "no magic number", version3.withU32(0, 0x514649FA));
    header(faults, "version 1", version3.withU32(4, 1));
    header(faults, "version 4", version3.withU32(4, 4));
    header(faults, "clusters of 256 bytes", version3.withU32(20, 8));
    header(faults, "clusters of 4 MiB", version3.withU32(20, 22));
    header(faults, "encryption method 3", version3.withU32(32, 3));
    header(faults, "L1 table in the middle of a cluster", version3.withU64(40, 0x10200));
    header(faults, "L1 table too large", version3.withU32(36, 4_194_305));
    header(faults, "L1 table too small", small.withU32(36, 4));
    header(faults, "refcount table in the middle of a cluster", version3.withU64(48, 0x10200));
    add(
        faults,
        "refcount table of no clusters, which QEMU opens to repair it",
        version3.withU32(56, 0),
        Verdict.CORRUPT,
        FindingKind.HEADER);
    header(faults, "refcount table too large", version3.withU32(56, 129));
    header(faults, "too many snapshots", version3.withU32(60, 65_537));
    header(faults, "unknown incompatible feature", version3.withU64(72, 1L << 5));
    header(faults, "refcounts of 128 bits", version3.withU32(96, 7));
    header(faults, "header too short", version3.withU32(100, 103));
    header(faults, "header longer than a cluster", version3.withU32(100, 70_000));
    header(faults, "compression type without its bit", version3.withU32(104, 1 << 24));
    header(faults, "compression bit without its type", version3.withU64(72, 8));
    header(faults, "unknown compression type", version3.withU64(72, 8).withU32(104, 2 << 24));
    header(faults, "subclusters of 128 bytes", small.withU64(72, 16));
    header(faults, "backing file name past the first cluster", backed.withU64(8, 65_537));
    header(faults, "backing file name too long", backed.withU32(16, 1024));
    header(faults, "header extension too large", extended.withU32(116, 70_000));
    return faults;
  }

  private static void header(List<Fault> faults, String name, BuiltImage image) {
    add(faults, name, image, Verdict.REFUSED, FindingKind.HEADER);
  }

  private static void add(
      List<Fault> faults, String name, BuiltImage image, Verdict qemu, FindingKind... kinds) {
    faults.add(new Fault(name, image, Set.of(kinds), qemu));
  }

  @Override
  public String toString() {
    return name;
  }
}
