package io.github.qcow2;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.BitmapsExtension;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.OverlapGuard;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/**
 * Tells the overlap guard of an image that is being opened where those tables are that only the
 * header and the snapshot table know of. The active L1 table and the refcount table tell it
 * themselves.
 */
final class ProtectedTables {
  private final String image;
  private final Header header;
  private final SnapshotTable snapshots;
  private final Limits limits;

  ProtectedTables(String image, Header header, SnapshotTable snapshots, Limits limits) {
    this.image = image;
    this.header = header;
    this.snapshots = snapshots;
    this.limits = limits;
  }

  /** Makes a guard that knows of everything that can be known without reading the file. */
  OverlapGuard guard(OverlapCheck check, Damage damage) {
    OverlapGuard guard = new OverlapGuard(header.geometry().clusterBits(), check.kinds(), damage);
    guard.add(
        ClusterKind.SNAPSHOT_TABLE,
        List.of(new OverlapGuard.Place(header.snapshotTableOffset(), snapshots.byteLength())));
    guard.add(ClusterKind.INACTIVE_L1, inactiveL1());
    BitmapsExtension bitmaps = header.bitmaps();
    if (bitmaps != null) {
      guard.add(
          ClusterKind.BITMAP_DIRECTORY,
          List.of(new OverlapGuard.Place(bitmaps.directoryOffset(), bitmaps.directoryBytes())));
    }
    return guard;
  }

  /** The L1 tables of snapshots, but for those that are too long for anybody to follow. */
  private List<OverlapGuard.Place> inactiveL1() {
    List<OverlapGuard.Place> places = new ArrayList<>();
    for (SnapshotRecord snapshot : snapshots.records()) {
      long length = snapshot.l1Entries() * Long.BYTES;
      if (length <= limits.l1Bytes()) {
        places.add(new OverlapGuard.Place(snapshot.l1TableOffset(), length));
      }
    }
    return places;
  }

  /**
   * Reads the L1 tables of snapshots for a guard that protects what they point to.
   *
   * @throws LimitExceededException if they are too long together
   */
  void readInactive(TrackedFile file, BufferPool buffers) throws IOException {
    OverlapGuard guard = file.guard();
    if (!guard.protects(ClusterKind.INACTIVE_L2)) {
      return;
    }
    Set<OverlapGuard.Place> places = new HashSet<>(inactiveL1());
    long bytes = 0;
    for (OverlapGuard.Place place : places) {
      bytes += place.length();
    }
    if (bytes > limits.l1Bytes()) {
      throw new LimitExceededException(
          image,
          Qcow2Exception.NO_OFFSET,
          "the L1 tables of the snapshots have "
              + bytes
              + " bytes together, too many to protect every L2 table that they point to");
    }
    for (OverlapGuard.Place place : places) {
      if (guard.canBe(place)) {
        TopTable.load(
                file,
                ClusterKind.INACTIVE_L1,
                place.offset(),
                (int) (place.length() / Long.BYTES),
                buffers)
            .reportEntries(guard);
      }
    }
  }
}
