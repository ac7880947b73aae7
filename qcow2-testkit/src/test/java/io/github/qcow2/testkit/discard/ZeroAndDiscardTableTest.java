package io.github.qcow2.testkit.discard;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What becomes of the L2 entry of a whole cluster that is zeroed or discarded, as the words of the
 * format: {@code place} stands for COPIED and the host offset that was there before.
 */
final class ZeroAndDiscardTableTest {
  private static final int BITS = 14;
  private static final int CLUSTER = 1 << BITS;
  private static final int SIZE = 8 * CLUSTER - 512;
  private static final long ALL_ZERO = 0xffff_ffff_0000_0000L;
  private static final long ALL_ALLOCATED = 0xffff_ffffL;
  private static final long COPIED = 1L << 63;

  /** What the image is, and how it is opened. */
  private enum Kind {
    PLAIN,
    BACKED,
    KEEPING,
    KEEPING_BACKED,
    OLD,
    OLD_BACKED;

    int version() {
      return this == OLD || this == OLD_BACKED ? 2 : 3;
    }

    boolean isBacked() {
      return name().endsWith("BACKED");
    }

    boolean keeps() {
      return name().startsWith("KEEPING");
    }
  }

  /** What the cluster is before; each has a number of its own. */
  private enum State {
    UNALLOCATED,
    DATA,
    ZERO,
    ZERO_IN_PLACE,
    COMPRESSED
  }

  private enum Action {
    ZERO,
    ZERO_AND_UNMAP,
    DISCARD
  }

  @ParameterizedTest(name = "{0}, {1}: {2}")
  @CsvSource({
    "PLAIN, UNALLOCATED, zero | zero | unchanged",
    "PLAIN, DATA, zero in place | zero | zero",
    "PLAIN, ZERO, zero | zero | zero",
    "PLAIN, ZERO_IN_PLACE, zero in place | zero | zero",
    "PLAIN, COMPRESSED, zero | zero | zero",
    "BACKED, UNALLOCATED, zero | zero | zero",
    "BACKED, DATA, zero in place | zero | zero",
    "BACKED, ZERO, zero | zero | zero",
    "BACKED, ZERO_IN_PLACE, zero in place | zero | zero",
    "BACKED, COMPRESSED, zero | zero | zero",
    "KEEPING, UNALLOCATED, zero | zero | unchanged",
    "KEEPING, DATA, zero in place | zero in place | zero in place",
    "KEEPING, ZERO, zero | zero | zero",
    "KEEPING, ZERO_IN_PLACE, zero in place | zero in place | zero in place",
    "KEEPING, COMPRESSED, zero | zero | zero",
    "KEEPING_BACKED, UNALLOCATED, zero | zero | zero",
    "KEEPING_BACKED, DATA, zero in place | zero in place | zero in place",
    "OLD, UNALLOCATED, unallocated | unallocated | unallocated",
    "OLD, DATA, unallocated | unallocated | unallocated",
    "OLD, COMPRESSED, unallocated | unallocated | unallocated",
    "OLD_BACKED, UNALLOCATED, data | data | unchanged",
    "OLD_BACKED, DATA, data in place | data in place | unchanged",
    "OLD_BACKED, COMPRESSED, data | data | unchanged"
  })
  void entryOfAClusterThatIsZeroedOrUnmappedOrDiscarded(Kind kind, State state, String entries)
      throws IOException {
    String[] expected = entries.split(" \\| ", -1);
    Action[] actions = Action.values();
    for (int i = 0; i < actions.length; i++) {
      Action action = actions[i];
      String entry = expected[i];
      check(kind, false, state, action, entry);
      if (kind.version() > 2) {
        check(kind, true, state, action, entry);
      }
    }
  }

  private static void check(
      Kind kind, boolean extended, State state, Action action, String expected) throws IOException {
    // The last cluster of the disk is not a whole one, and no different.
    for (int cluster : new int[] {2, 7}) {
      BuiltImage built = build(kind, extended, state, cluster);
      HeapStorage storage = HeapStorage.copyOf("image", built.bytes());
      long position = (long) cluster * CLUSTER;
      try (BlockDevice below =
              RawImage.over(HeapStorage.copyOf("base", Content.bytes(5, 0, SIZE)));
          Qcow2Image image = opener(storage, kind, below).build()) {
        long length = Math.min(CLUSTER, SIZE - position);
        switch (action) {
          case ZERO -> image.writeZeroes(position, length, ZeroMode.KEEP_ALLOCATED);
          case ZERO_AND_UNMAP -> image.writeZeroes(position, length, ZeroMode.MAY_UNMAP);
          case DISCARD -> image.discard(position, length);
        }
      }
      String what = action + (extended ? " with subclusters" : "") + ", cluster " + cluster;
      long[] before = L2Words.of(built.bytes(), 8, extended).entry(cluster);
      long[] after = L2Words.of(storage.toByteArray(), 8, extended).entry(cluster);
      if (expected.equals("data")) {
        assertThat(after[0] & COPIED).as(what).isEqualTo(COPIED);
        assertThat(after[0] & 1L << 62).as(what).isZero();
      } else {
        assertThat(after).as(what).isEqualTo(entry(expected, before));
      }
      assertThat(SpecOracle.of(storage.toByteArray()).check().findings()).as(what).isEmpty();
    }
  }

  private static long[] entry(String expected, long[] before) {
    boolean extended = before.length > 1;
    return switch (expected) {
      case "unchanged", "data in place" -> before;
      case "unallocated" -> new long[before.length];
      case "zero" -> extended ? new long[] {0, ALL_ZERO} : new long[] {1};
      case "zero in place" ->
          extended ? new long[] {before[0], ALL_ZERO} : new long[] {before[0] | 1};
      default -> throw new IllegalArgumentException(expected);
    };
  }

  private static ImageOpener opener(HeapStorage storage, Kind kind, BlockDevice below) {
    ImageOpener opener = Qcow2Image.open(storage).writable().discardKeepsClusters(kind.keeps());
    return kind.isBacked() ? opener.references(ReferencePolicy.explicit(below)) : opener;
  }

  private static BuiltImage build(Kind kind, boolean extended, State state, int cluster) {
    ImageBuilder builder =
        ImageBuilder.of(
            new ImageShape(kind.version(), BITS, 4, extended, SIZE, ImageShape.Backing.NONE, 0));
    if (kind.isBacked()) {
      builder.backing("base", "raw");
    }
    byte[] content = Content.compressible(3, 0, CLUSTER);
    builder.data(1, content).data(5, content);
    switch (state) {
      case UNALLOCATED -> {}
      case DATA -> {
        if (extended) {
          builder.subclusters(cluster, ALL_ALLOCATED, content);
        } else {
          builder.data(cluster, content);
        }
      }
      case ZERO -> builder.zero(cluster);
      case ZERO_IN_PLACE -> builder.zeroAllocated(cluster, content);
      case COMPRESSED -> builder.compressed(cluster, content);
    }
    return builder.build();
  }
}
