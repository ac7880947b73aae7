package io.github.qcow2;

import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.AutoclearFeature;
import io.github.qcow2.format.BitmapsExtension;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderBuilder;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.OverlapGuard;
import java.io.IOException;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

/** What the guard of an image knows from the header and the snapshot table alone. */
final class ProtectedTablesTest {
  private static final long CLUSTER = 512;

  private static OverlapGuard guard(Header header, List<SnapshotRecord> snapshots) {
    return new ProtectedTables("image", header, new SnapshotTable(snapshots), Limits.DEFAULT)
        .guard(OverlapCheck.CACHED, Damage.thrownOnly("image"));
  }

  private static Header header() throws IOException {
    return new HeaderBuilder(3, 9, 1 << 20)
        .refcountTable(CLUSTER, 1)
        .l1Table(3 * CLUSTER, 64)
        .build("image");
  }

  private static void assertProtected(OverlapGuard guard, long position, String kind) {
    assertThatThrownBy(() -> guard.check(position, 1, ClusterKind.DATA))
        .isInstanceOf(CorruptImageException.class)
        .hasMessageContaining("(overlaps with " + kind + ")");
  }

  @Test
  void bitmapDirectoryIsProtectedWhereItCanBeTrusted() throws IOException {
    Header header =
        header()
            .withExtension(
                "image", new BitmapsExtension(2, 3 * CLUSTER, 40 * CLUSTER).toExtension());
    guard(header, List.of()).check(40 * CLUSTER, 3 * CLUSTER, ClusterKind.DATA);
    OverlapGuard guard = guard(header.withAutoclearFeatures(AutoclearFeature.BITMAPS), List.of());
    assertProtected(guard, 40 * CLUSTER, "bitmap directory");
    assertProtected(guard, 43 * CLUSTER - 1, "bitmap directory");
    guard.check(43 * CLUSTER, CLUSTER, ClusterKind.DATA);
  }

  /** 2^32 clusters in all, of which nobody can keep a list. */
  @Test
  void memoryForTablesOfSnapshotsDoesNotGrowWithTheirLength() throws IOException {
    long length = Limits.DEFAULT.l1Bytes();
    List<SnapshotRecord> snapshots = new ArrayList<>();
    for (int i = 0; i < 65_536; i++) {
      snapshots.add(
          SnapshotRecord.ofDisk(
              "1", "", Instant.EPOCH, (i + 1) * length, (int) (length / Long.BYTES), 1 << 20));
    }
    OverlapGuard guard = guard(header().withSnapshotTable(1 << 20, snapshots.size()), snapshots);
    assertProtected(guard, 1 << 20, "snapshot table");
    assertProtected(guard, length, "inactive L1 table");
    assertProtected(guard, 65_537 * length - 1, "inactive L1 table");
    guard.check(65_537 * length, 1 << 20, ClusterKind.DATA);
  }

  @Test
  void tableOfASnapshotThatIsTooLongToFollowKeepsNothingFromBeingWritten() throws IOException {
    SnapshotRecord tooLong =
        SnapshotRecord.ofDisk(
            "1",
            "",
            Instant.EPOCH,
            40 * CLUSTER,
            Limits.DEFAULT.l1Bytes() / Long.BYTES + 1,
            1 << 20);
    guard(header().withSnapshotTable(20 * CLUSTER, 1), List.of(tooLong))
        .check(40 * CLUSTER, CLUSTER, ClusterKind.DATA);
  }
}
