package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.OverlapCheck;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.HeaderFields;
import io.github.qcow2.testkit.oracle.SnapshotFields;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Random;
import java.util.Set;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/** Whatever the entries and counts of the active disk say, some bytes are not written. */
final class PokedTablesPropertyTest {
  private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;
  private static final long COPIED = 1L << 63;
  private static final long COMPRESSED = 1L << 62;

  /** A piece of the file. */
  private record Piece(int offset, int length) {}

  @Provide
  Arbitrary<ImageShape> shapes() {
    return ImageShapes.upTo(1L << 20)
        .filter(
            shape ->
                shape.backing() == ImageShape.Backing.NONE
                    && shape.clusterBits() <= 14
                    && shape.refcountOrder() > 0
                    && shape.size() > 0);
  }

  /** Where the tables of an image are, before anything is spoiled. */
  private static final class Tables {
    final int clusterSize;
    final List<Integer> l1Places = new ArrayList<>();
    final List<Integer> l2Places = new ArrayList<>();
    final List<Integer> refcountTablePlaces = new ArrayList<>();

    /** The first cluster of everything that is metadata. */
    final List<Integer> metadata = new ArrayList<>();

    final Set<Integer> l2Tables = new HashSet<>();
    final Set<Integer> snapshotL2Tables = new HashSet<>();

    /** What belongs to snapshots alone, and their table. */
    final List<Piece> untouchable = new ArrayList<>();

    Tables(BuiltImage image) throws IOException {
      SpecOracle oracle = SpecOracle.of(image.bytes());
      HeaderFields header = oracle.header();
      clusterSize = header.clusterSize();
      addL1(image, header, header.l1Offset(), header.l1Size(), true);
      int tableEnd = 0;
      for (SnapshotFields snapshot : oracle.snapshots()) {
        tableEnd = (int) snapshot.entryOffset() + snapshot.entryLength();
        untouchable.add(new Piece((int) snapshot.l1Offset(), 8 * snapshot.l1Size()));
        addL1(image, header, snapshot.l1Offset(), snapshot.l1Size(), false);
      }
      if (tableEnd > 0) {
        int start = (int) header.snapshotsOffset();
        untouchable.add(new Piece(start, tableEnd - start));
        metadata.add(start);
      }
      int refcounts = (int) header.refcountTableOffset();
      metadata.add(refcounts);
      for (int place = refcounts; image.u64(place) != 0; place += 8) {
        refcountTablePlaces.add(place);
        metadata.add((int) image.u64(place));
      }
    }

    private void addL1(
        BuiltImage image, HeaderFields header, long offset, int entries, boolean active) {
      if (entries > 0) {
        metadata.add((int) offset);
      }
      for (int place = (int) offset; place < offset + 8L * entries; place += 8) {
        if (active) {
          l1Places.add(place);
        }
        int l2 = (int) (image.u64(place) & OFFSET);
        if (l2 == 0) {
          continue;
        }
        metadata.add(l2);
        l2Tables.add(l2);
        if (active) {
          for (int entry = l2; entry < l2 + clusterSize; entry += header.l2EntryBytes()) {
            l2Places.add(entry);
          }
        } else {
          untouchable.add(new Piece(l2, clusterSize));
          snapshotL2Tables.add(l2);
        }
      }
    }
  }

  private static <T> T any(List<T> list, Random random) {
    return list.get(random.nextInt(list.size()));
  }

  @Property(tries = 400, shrinking = ShrinkingMode.BOUNDED)
  void tablesOfSnapshotsAreNeverWritten(@ForAll("shapes") ImageShape shape, @ForAll long seed)
      throws IOException {
    Random random = new Random(seed);
    BuiltImage built = RandomImage.describe(shape, seed).build();
    Tables tables = new Tables(built);
    BuiltImage spoiled = built;
    for (int i = random.nextInt(4); i >= 0; i--) {
      spoiled = spoil(spoiled, tables, random);
    }
    byte[] after = changed(spoiled, random);
    byte[] before = spoiled.bytes();
    for (Piece piece : tables.untouchable) {
      int end = piece.offset + piece.length;
      assertThat(Arrays.mismatch(before, piece.offset, end, after, piece.offset, end))
          .as("table at 0x%x", piece.offset)
          .isEqualTo(-1);
    }
  }

  /** Anything about the active disk, and any count. */
  private static BuiltImage spoil(BuiltImage image, Tables tables, Random random) {
    long cluster =
        (long) random.nextInt(image.bytes().length / tables.clusterSize + 2) * tables.clusterSize;
    long target = random.nextBoolean() ? any(tables.metadata, random) : cluster;
    long entry = target | (random.nextInt(4) == 0 ? 0 : COPIED);
    return switch (random.nextInt(6)) {
      case 0 -> image.withU64(any(tables.l1Places, random), entry);
      case 1 -> image.withU64(any(tables.refcountTablePlaces, random), random.nextInt(3) * target);
      case 2, 3 -> image.withRefcount(any(tables.metadata, random), random.nextInt(2));
      default ->
          tables.l2Places.isEmpty()
              ? image
              : image.withU64(any(tables.l2Places, random), entry | random.nextInt(2));
    };
  }

  @Property(tries = 400, shrinking = ShrinkingMode.BOUNDED)
  void snapshotsStayWhatTheyAreWhereCountsAreRight(
      @ForAll("shapes") ImageShape shape, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    BuiltImage built = RandomImage.describe(shape, seed).build();
    Tables tables = new Tables(built);
    BuiltImage spoiled = built;
    for (int i = random.nextInt(4); i >= 0; i--) {
      spoiled = mislead(spoiled, tables, random);
    }
    byte[] after = changed(spoiled, random);
    SpecOracle was = SpecOracle.of(built.bytes());
    SpecOracle is = SpecOracle.of(after);
    for (int i = 0; i < was.snapshots().size(); i++) {
      TrapImage.assertSame(content(is.snapshotContent(i)), content(was.snapshotContent(i)));
    }
  }

  private static byte[] content(ByteSource source) throws IOException {
    byte[] bytes = new byte[(int) source.size()];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }

  /**
   * Entries of the active disk that point to tables, or deny that something is shared. L1 entries
   * are not made to point to an L2 table of something else, which cannot be told from sharing it;
   * and what is in an L2 table that a snapshot shares would change the snapshot right here.
   */
  private static BuiltImage mislead(BuiltImage image, Tables tables, Random random) {
    if (random.nextBoolean()) {
      BuiltImage denied = image;
      for (int place : tables.l1Places) {
        denied = withCopied(denied, place);
      }
      for (int place : tables.l2Places) {
        denied = random.nextBoolean() ? withCopied(denied, place) : denied;
      }
      return denied;
    }
    boolean l1 = random.nextInt(4) == 0 || tables.l2Places.isEmpty();
    int place = any(l1 ? tables.l1Places : tables.l2Places, random);
    int target = any(tables.metadata, random);
    boolean excluded =
        l1
            ? tables.l2Tables.contains(target)
            : tables.snapshotL2Tables.contains(place & -tables.clusterSize);
    return excluded ? image : image.withU64(place, target | COPIED);
  }

  private static BuiltImage withCopied(BuiltImage image, int place) {
    long entry = image.u64(place);
    return (entry & OFFSET) == 0 || (entry & COMPRESSED) != 0
        ? image
        : image.withU64(place, entry | COPIED);
  }

  /** The file after a number of changes, of which some may be refused. */
  private static byte[] changed(BuiltImage spoiled, Random random) throws IOException {
    HeapStorage storage = HeapStorage.copyOf("poked", spoiled.bytes());
    Qcow2Image image =
        Qcow2Image.open(storage)
            .writable()
            .overlapCheck(OverlapCheck.ALL)
            .cacheSize(random.nextInt(16 << 10))
            .build();
    for (int i = 0; i < 20; i++) {
      long size = image.size();
      long position = random.nextInt((int) size);
      int length = (int) Math.min(size - position, 1 + random.nextInt(20_000));
      switch (random.nextInt(7)) {
        case 0 -> attempt(() -> image.writeZeroes(position, length, ZeroMode.MAY_UNMAP));
        case 1 -> attempt(() -> image.discard(position, length));
        case 2 -> attempt(image::flush);
        case 3 -> attempt(() -> image.grow(Math.min(size + (length & -512), 4 << 20)));
        case 4 -> {
          long cluster = position & -(long) image.geometry().clusterSize();
          int bytes = (int) Math.min(size - cluster, image.geometry().clusterSize());
          attempt(() -> image.writeCompressed(ByteBuffer.allocate(bytes), cluster));
        }
        default -> attempt(() -> image.write(ByteBuffer.allocate(length), position));
      }
    }
    attempt(image::close);
    return storage.toByteArray();
  }

  /** A change of an image. */
  @FunctionalInterface
  private interface Change {
    void run() throws IOException;
  }

  private static void attempt(Change change) throws IOException {
    try {
      change.run();
    } catch (Qcow2Exception e) {
      assertThat(e.image()).isEqualTo("poked");
    }
  }
}
