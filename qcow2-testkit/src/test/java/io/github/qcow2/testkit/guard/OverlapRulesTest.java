package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.OverlapCheck;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Limits;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** No write hits a cluster of another kind (I7), as far as the overlap check goes. */
final class OverlapRulesTest {
  private static final int CLUSTER = TrapImage.CLUSTER;
  private static final long COPIED = 1L << 63;

  static Stream<Arguments> everyTrapAndTarget() {
    return Stream.of(Trap.values())
        .flatMap(
            trap -> Stream.of(TrapImage.Target.values()).map(target -> Arguments.of(trap, target)));
  }

  @ParameterizedTest
  @MethodSource("everyTrapAndTarget")
  void protectedTableIsNotHit(Trap trap, TrapImage.Target target) throws IOException {
    BuiltImage built = TrapImage.build();
    long offset = target.offset(built);
    BuiltImage spoiled = trap.set(built, offset);
    for (OverlapCheck check : OverlapCheck.values()) {
      if (target.isProtectedBy(check)) {
        assertRefused(spoiled, trap, target, check);
      }
    }
  }

  private static void assertRefused(
      BuiltImage spoiled, Trap trap, TrapImage.Target target, OverlapCheck check)
      throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().overlapCheck(check).build()) {
      assertThatThrownBy(() -> trap.spring(image))
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining(
              "preventing invalid write on metadata (overlaps with " + target.text + ")")
          .hasNoSuppressedExceptions();
      assertThat(image.header().isCorrupt()).isTrue();
    }
    // Nothing else has changed, and what the write took has been given back (I8).
    TrapImage.assertSame(storage.toByteArray(), marked(spoiled.bytes()));
  }

  private static byte[] marked(byte[] image) {
    image[79] |= 2;
    return image;
  }

  static Stream<Arguments> everyTrapForOneWriteAndTarget() {
    return everyTrapAndTarget().filter(each -> each.get()[0] != Trap.LONGER_L1_TABLE);
  }

  /** What shows that it is the check that protects. */
  @ParameterizedTest
  @MethodSource("everyTrapForOneWriteAndTarget")
  void tableThatIsNotProtectedIsOverwritten(Trap trap, TrapImage.Target target) throws IOException {
    BuiltImage built = TrapImage.build();
    long offset = target.offset(built);
    BuiltImage spoiled = trap.set(built, offset);
    for (OverlapCheck check : OverlapCheck.values()) {
      if (!target.isProtectedBy(check)) {
        HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
        Qcow2Image image = Qcow2Image.open(storage).writable().overlapCheck(check).build();
        trap.spring(image);
        assertThat(image.header().isCorrupt()).isFalse();
        if (trap == Trap.OVERWRITE || trap == Trap.ALLOCATE) {
          assertThat(Arrays.copyOfRange(storage.toByteArray(), (int) offset, (int) offset + 512))
              .containsOnly(0x7e);
        }
      }
    }
  }

  /** The first cluster that no block covers becomes the block, whatever it is. */
  @Test
  void newRefcountBlockIsNotMadeOfATable() throws IOException {
    BuiltImage built = TrapImage.build();
    // Cluster 1 holds the L1 table.
    BuiltImage spoiled = built.withU64(built.refcountTableOffset(), 0);
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      assertThatThrownBy(() -> Trap.NEW_L2_TABLE.spring(image))
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("(overlaps with active L1 table)");
    }
    TrapImage.assertSame(storage.toByteArray(), marked(spoiled.bytes()));
  }

  /** Found when the entry is about to change, so that it is nothing a flush would stumble over. */
  @Test
  void tableThatLiesInAnotherIsNotChanged() throws IOException {
    BuiltImage built = TrapImage.build();
    for (TrapImage.Target target : TrapImage.Target.values()) {
      if (target == TrapImage.Target.ACTIVE_L2) {
        continue;
      }
      BuiltImage spoiled = built.withU64(built.l1EntryOffset(0), COPIED | target.offset(built));
      HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
      try (Qcow2Image image =
          Qcow2Image.open(storage).writable().overlapCheck(OverlapCheck.ALL).build()) {
        image.write(ByteBuffer.wrap(TrapImage.filled(9)), 64 * CLUSTER);
        assertThatThrownBy(() -> image.writeZeroes(63 * CLUSTER, CLUSTER, ZeroMode.MAY_UNMAP))
            .isInstanceOf(CorruptImageException.class);
        image.flush();
      }
      assertThat(SpecOracle.of(storage.toByteArray()).read(64 * CLUSTER, CLUSTER))
          .as("acknowledged before, beside %s", target)
          .containsOnly(9);
    }
  }

  /** The last L1 entry makes an L2 table of a table that is to get a new entry. */
  @Test
  void l1AndRefcountTableThatAreL2TablesTooGetNoNewEntries() throws IOException {
    BuiltImage built = TrapImage.build();
    long l1 = built.l1EntryOffset(0);
    long refcounts = built.refcountTableOffset();
    BuiltImage[] spoiled = {
      built.withU64(built.l1EntryOffset(3), COPIED | l1),
      built.withU64(built.l1EntryOffset(3), COPIED | refcounts).withU64(refcounts, 0)
    };
    long[] tables = {l1, refcounts};
    for (int i = 0; i < 2; i++) {
      HeapStorage storage = HeapStorage.copyOf("image", spoiled[i].bytes());
      try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
        assertThatThrownBy(() -> Trap.NEW_L2_TABLE.spring(image))
            .isInstanceOf(CorruptImageException.class)
            .hasMessageContaining("(overlaps with active L2 table)")
            .extracting(e -> ((CorruptImageException) e).offset())
            .isEqualTo(tables[i]);
        image.flush();
      }
      TrapImage.assertSame(storage.toByteArray(), marked(spoiled[i].bytes()));
    }
  }

  @Test
  void refcountsThatLieInAnotherTableAreNotChanged() throws IOException {
    BuiltImage built = TrapImage.build();
    // The bytes of the snapshot table, taken for counts.
    BuiltImage spoiled = built.withU64(built.refcountTableOffset(), built.snapshotTableOffset());
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    try (Qcow2Image image = Qcow2Image.open(storage).writable().build()) {
      assertThatThrownBy(() -> Trap.NEW_L2_TABLE.spring(image))
          .isInstanceOf(CorruptImageException.class)
          .hasMessageContaining("(overlaps with snapshot table)");
      image.flush();
    }
    TrapImage.assertSame(storage.toByteArray(), marked(spoiled.bytes()));
  }

  /** Counted twice, it would be copied rather than written; but then a table would be dropped. */
  @Test
  void l2TableSharedWithASnapshotIsProtectedAsBoth() throws IOException {
    BuiltImage built = TrapImage.build();
    long shared = built.l2EntryOffset(192) & -CLUSTER;
    assertThat(shared).isEqualTo(built.snapshotL2EntryOffset(0, 192) & -CLUSTER);
    BuiltImage spoiled = Trap.OVERWRITE.set(built, shared);
    HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
    try (Qcow2Image image =
        Qcow2Image.open(storage).writable().overlapCheck(OverlapCheck.ALL).build()) {
      assertThatThrownBy(() -> Trap.OVERWRITE.spring(image))
          .hasMessageContaining("points to metadata")
          .hasMessageContaining("(overlaps with active L2 table and inactive L2 table)");
    }
    // The data has been written, to a cluster behind all others that has been given back.
    byte[] expected = marked(spoiled.bytes());
    TrapImage.assertSame(Arrays.copyOf(storage.toByteArray(), expected.length), expected);
  }

  @Test
  void tableIsNotFreedWithTheEntryThatPointsToIt() throws IOException {
    BuiltImage built = TrapImage.build();
    long entry = built.l2EntryOffset(0);
    for (TrapImage.Target target : TrapImage.Target.values()) {
      long table = target.offset(built);
      for (BuiltImage spoiled :
          List.of(
              built.withU64(entry, COPIED | table),
              // One sector of compressed data.
              built.withU64(entry, 1L << 62 | table))) {
        HeapStorage storage = HeapStorage.copyOf("image", spoiled.bytes());
        try (Qcow2Image image =
            Qcow2Image.open(storage).writable().overlapCheck(OverlapCheck.ALL).build()) {
          assertThatThrownBy(() -> image.discard(0, CLUSTER))
              .isInstanceOf(CorruptImageException.class)
              .hasMessageContaining("L2 entry points to metadata (overlaps with " + target.text);
        }
        TrapImage.assertSame(storage.toByteArray(), marked(spoiled.bytes()));
      }
    }
  }

  /** A table that is replaced is data space from then on, and the new one is protected. */
  @ParameterizedTest
  @EnumSource(OverlapCheck.class)
  void tablesThatComeMoveAndGoAreFollowed(OverlapCheck check) throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", TrapImage.build().bytes());
    byte[] snapshot;
    try (Qcow2Image image = Qcow2Image.open(storage).writable().overlapCheck(check).build()) {
      snapshot = content(image, "kept");
      // Copies the shared L2 table, makes new ones, moves the L1 table and the refcount table.
      for (int round = 0; round < 3; round++) {
        byte[] bytes = new byte[(int) image.size()];
        Arrays.fill(bytes, (byte) (100 + round));
        image.write(ByteBuffer.wrap(bytes), 0);
        image.flush();
        image.discard(0, image.size() / 2);
        image.flush();
        image.grow(image.size() * 8);
      }
      TrapImage.assertSame(content(image, "kept"), snapshot);
    }
    SpecOracle oracle = SpecOracle.of(storage.toByteArray());
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.header().l1Offset()).isNotEqualTo(CLUSTER);
    assertThat(oracle.header().incompatible()).isZero();
  }

  private static byte[] content(Qcow2Image image, String snapshot) throws IOException {
    try (BlockDevice device = image.openSnapshot(snapshot)) {
      ByteBuffer bytes = ByteBuffer.allocate((int) device.size());
      device.read(bytes, 0);
      return bytes.array();
    }
  }

  @Test
  void snapshotTablesTooLongToProtectAllOfAreRefused() throws IOException {
    ImageBuilder builder = ImageBuilder.of(9, TrapImage.DISK);
    for (int i = 0; i < 3; i++) {
      builder.data(0, TrapImage.filled(i)).snapshot("s" + i);
    }
    byte[] bytes = builder.build().bytes();
    // Four entries in each L1 table.
    Limits two = Limits.DEFAULT.withL1Bytes(2 * 4 * 8);
    Qcow2Image.open(HeapStorage.copyOf("image", bytes)).limits(two).writable().build().close();
    assertThatThrownBy(
            () ->
                Qcow2Image.open(HeapStorage.copyOf("image", bytes))
                    .limits(two)
                    .writable()
                    .overlapCheck(OverlapCheck.ALL)
                    .build())
        .isInstanceOf(LimitExceededException.class);
  }
}
