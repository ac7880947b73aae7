package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.OverlapCheck;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import java.util.Arrays;

/**
 * An image of clusters of 512 bytes with a table of every kind in a place of its own.
 *
 * <pre>
 *   guest clusters    0 … 63           64 … 127          128 … 191      192 … 199
 *   active            0, 5             64                nothing        192
 *   snapshot          0                64                nothing        192
 *                     L2 tables differ L2 tables differ                 one L2 table
 * </pre>
 */
final class TrapImage {
  static final int CLUSTER = 512;
  static final int DISK = 200 * CLUSTER;

  /** A kind of table, and the least check that protects it. */
  enum Target {
    ACTIVE_L1("active L1 table", OverlapCheck.CONSTANT),
    ACTIVE_L2("active L2 table", OverlapCheck.CACHED),
    REFCOUNT_TABLE("refcount table", OverlapCheck.CONSTANT),
    REFCOUNT_BLOCK("refcount block", OverlapCheck.CACHED),
    SNAPSHOT_TABLE("snapshot table", OverlapCheck.CONSTANT),
    INACTIVE_L1("inactive L1 table", OverlapCheck.CACHED),
    INACTIVE_L2("inactive L2 table", OverlapCheck.ALL);

    /** What messages call it, those of QEMU too. */
    final String text;

    private final OverlapCheck least;

    Target(String text, OverlapCheck least) {
      this.text = text;
      this.least = least;
    }

    /** Whether a check is about it. */
    boolean isProtectedBy(OverlapCheck check) {
      return check.compareTo(least) >= 0;
    }

    /** Where it is. */
    long offset(BuiltImage image) {
      return switch (this) {
        case ACTIVE_L1 -> image.l1EntryOffset(0);
        case ACTIVE_L2 -> image.l2EntryOffset(64) & -CLUSTER;
        case REFCOUNT_TABLE -> image.refcountTableOffset();
        case REFCOUNT_BLOCK -> image.u64(image.refcountTableOffset());
        case SNAPSHOT_TABLE -> image.snapshotTableOffset();
        case INACTIVE_L1 -> image.snapshotL1EntryOffset(0, 0);
        case INACTIVE_L2 -> image.snapshotL2EntryOffset(0, 64) & -CLUSTER;
      };
    }
  }

  private TrapImage() {}

  static BuiltImage build() {
    return ImageBuilder.of(9, DISK)
        .data(0, filled(1))
        .data(64, filled(2))
        .data(192, filled(3))
        .snapshot("kept")
        .data(0, filled(4))
        .data(5, filled(5))
        .data(64, filled(6))
        .build();
  }

  /** Compares without printing everything. */
  static void assertSame(byte[] actual, byte[] expected) {
    assertThat(actual).hasSameSizeAs(expected);
    assertThat(Arrays.mismatch(actual, expected)).as("first byte that differs").isEqualTo(-1);
  }

  /** A cluster of equal bytes. */
  static byte[] filled(int value) {
    byte[] bytes = new byte[CLUSTER];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }
}
