package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.OperationGate;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Makes a disk smaller.
 *
 * <pre>
 *   zeros in what the last cluster has behind the new end
 *   ─── from here on nobody gets behind the new end; whoever has has left
 *   the end of the data file
 *   entries behind the new end, in the one L2 table that stays in part
 *   L1 entries of all tables behind it
 *   ═══ barrier                       nothing leads there any more
 *   what they led to is given back; empty refcount blocks; the end of the file
 *   ═══ barrier
 *   the size in the header
 *   ═══ barrier
 * </pre>
 *
 * <p>A power cut before the last line leaves the old size and everything below the new end. What is
 * behind the new end may then be as it was, or zeros, or what the backing file holds.
 *
 * <p>The data file comes first, so that a raw one is the disk at every moment: the barrier before
 * entries are written covers it.
 *
 * <p>The L1 table keeps its length. Called by the holder of the lock under which disks grow.
 */
final class Shrinking {
  private final WritePath path;
  private final Parts parts;
  private final Geometry geometry;

  /** What a disk that becomes smaller consists of. */
  record Parts(
      String image,
      OperationGate gate,
      HeaderFile header,
      TrackedFile file,
      @Nullable TrackedFile dataFile,
      TopTable l1,
      GuestMap map,
      MapChanges changes,
      ClusterAllocator allocator,
      FlushEpochs epochs,
      DiskSize size) {}

  Shrinking(WritePath path, Parts parts) {
    this.path = path;
    this.parts = parts;
    this.geometry = parts.map.geometry();
  }

  /** See {@link Qcow2Image#shrink}. */
  void run(long newSize) throws IOException {
    DiskSize size = parts.size;
    long oldSize = size.visible();
    check(oldSize, newSize);
    if (newSize == oldSize) {
      return;
    }
    long end = geometry.roundUpToCluster(newSize);
    path.writeZeroes(newSize, Math.min(end, oldSize) - newSize, ZeroMode.KEEP_ALLOCATED);
    boolean done = false;
    size.cut(newSize);
    try {
      parts.gate.awaitOperations();
      if (parts.dataFile != null) {
        parts.dataFile.cutAt(newSize);
      }
      unlink(end);
      path.flush();
      parts.gate.awaitOperations();
      path.releaseQuarantine();
      parts.epochs.exclusively(
          () -> {
            parts.allocator.cutTail();
            parts.epochs.barrier();
            parts.header.change(
                parts.header.header().withSize(newSize),
                Header.SIZE_FIELD_OFFSET,
                Header.SIZE_FIELD_LENGTH);
          });
      done = true;
    } finally {
      if (!done) {
        size.restore(oldSize);
      }
    }
  }

  private void check(long oldSize, long newSize) throws IOException {
    if (newSize < 0 || newSize > oldSize || newSize % 512 != 0) {
      throw new IllegalArgumentException(
          "new size " + newSize + " is not from 0 to " + oldSize + " or not a multiple of 512");
    }
    DiskSize.requireChangeable(parts.image, parts.header.header());
  }

  /**
   * Unlinks every cluster from {@code end} on, where nobody is.
   *
   * @param end a multiple of the cluster size
   */
  void unlink(long end) throws IOException {
    long perTable = geometry.bytesPerL2Table();
    long tables = geometry.l1EntriesFor(end);
    long endOfTable = tables * perTable;
    for (long at = end; at < endOfTable; ) {
      path.beforeStep();
      long bytes = Math.min(endOfTable - at, parts.map.bytesLeftInSlice(at));
      if (parts.map.hasEntries(at, bytes)) {
        parts.changes.ensureTable(at);
        parts.changes.unmap(
            geometry.clusterIndex(at), (int) (bytes >>> geometry.clusterBits()), DropCause.UNUSED);
      }
      at += bytes;
    }
    for (long index = tables; index < parts.l1.length(); index++) {
      if (parts.l1.get(index) != 0) {
        path.beforeStep();
        parts.changes.dropTable((int) index);
      }
    }
  }
}
