package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Makes a disk larger.
 *
 * <pre>
 *   entries behind the old end go
 *   a longer L1 table, where the old one is too short
 *   ═══ the header leads to it, between two barriers
 *   the data file becomes longer
 *   zeros over what lay hidden behind the old end; places for new clusters, if they are wanted
 *   ═══ barriers of a flush
 *   the size in the header
 *   ═══ barrier
 * </pre>
 *
 * <p>A power cut before the last line leaves the old size, and leaks at worst. Called by the holder
 * of the lock under which disks change their size.
 */
final class Growing {
  private final WritePath path;
  private final Parts parts;

  /** What a disk that becomes larger consists of. */
  record Parts(
      String image,
      Geometry geometry,
      HeaderFile header,
      TrackedFile file,
      @Nullable TrackedFile dataFile,
      @Nullable BlockDevice backing,
      TopTable l1,
      SliceStore l2,
      ClusterAllocator allocator,
      FlushEpochs epochs,
      DiskSize size,
      Limits limits) {}

  Growing(WritePath path, Parts parts) {
    this.path = path;
    this.parts = parts;
  }

  /** See {@link Qcow2Image#grow(long, Preallocation)}. */
  void run(long newSize, Preallocation preallocation) throws IOException {
    DiskSize size = parts.size;
    long oldSize = size.visible();
    long entries = parts.geometry.l1EntriesFor(newSize);
    check(oldSize, newSize, entries);
    // A program that keeps the state of a machine there may have left entries.
    path.unlinkFrom(parts.geometry.roundUpToCluster(oldSize));
    if (entries > parts.l1.length()) {
      parts.epochs.beforeChange();
      parts.epochs.exclusively(() -> growL1((int) entries));
    }
    if (parts.dataFile != null) {
      growDataFile(parts.dataFile, oldSize, newSize, preallocation);
    }
    boolean grown = false;
    size.reach(newSize);
    try {
      showZeroes(oldSize, newSize);
      preallocate(oldSize, newSize, preallocation);
      parts.epochs.exclusively(
          () ->
              parts.header.change(
                  parts.header.header().withSize(newSize),
                  Header.SIZE_FIELD_OFFSET,
                  Header.SIZE_FIELD_LENGTH));
      size.show();
      grown = true;
    } finally {
      if (!grown) {
        size.reach(oldSize);
      }
    }
  }

  /** Makes the data file long enough, with zeros in it from the old end of the disk on. */
  private static void growDataFile(
      TrackedFile data, long oldSize, long newSize, Preallocation preallocation)
      throws IOException {
    long length = data.storage().size();
    if (length > oldSize) {
      data.writeZeroes(oldSize, Math.min(length, newSize) - oldSize, true, ClusterKind.DATA);
    }
    preallocation.prepare(data, oldSize, newSize - oldSize);
  }

  /** Gives the whole clusters behind the old end their places; on an error, none of them. */
  private void preallocate(long oldSize, long newSize, Preallocation preallocation)
      throws IOException {
    long from = parts.geometry.roundUpToCluster(oldSize);
    if (preallocation == Preallocation.OFF || from >= newSize) {
      return;
    }
    path.preallocate(from, newSize - from, preallocation);
  }

  private void check(long oldSize, long newSize, long entries) throws IOException {
    if (newSize < oldSize || newSize % 512 != 0) {
      throw new IllegalArgumentException(
          "new size " + newSize + " is below " + oldSize + " or not a multiple of 512");
    }
    if (entries > parts.limits.l1Bytes() / Long.BYTES) {
      throw new LimitExceededException(
          parts.image,
          Header.L1_TABLE_FIELDS_OFFSET,
          "a disk of " + newSize + " bytes needs " + entries + " L1 entries");
    }
    if (parts.dataFile != null && newSize > Geometry.HOST_OFFSET_END) {
      throw new LimitExceededException(
          parts.image, Header.SIZE_FIELD_OFFSET, "a data file of more than 2^56 bytes");
    }
    DiskSize.requireChangeable(parts.image, parts.header.header());
  }

  /**
   * Moves the L1 table to where it can be longer. The new table and everything it points to is
   * durable before the 12 bytes of the header that say where it is; the old one is freed after
   * them.
   */
  private void growL1(int entries) throws IOException {
    ClusterRun place = parts.allocator.allocateContiguous(parts.geometry.clustersFor(entries * 8L));
    long offset = place.first() << parts.geometry.clusterBits();
    ClusterRun old =
        new ClusterRun(
            parts.l1.offset() >>> parts.geometry.clusterBits(),
            parts.geometry.clustersFor(parts.l1.length() * 8L));
    parts.l2.lock().lock();
    try {
      long[] words = parts.l1.copy(entries);
      parts.epochs.writeRefcounts();
      parts.file.writeWords(words, offset, ClusterKind.DATA);
      parts.header.change(
          parts.header.header().withL1Table(offset, entries),
          Header.L1_TABLE_FIELDS_OFFSET,
          Header.L1_TABLE_FIELDS_LENGTH);
      parts.l1.moved(offset, words);
    } catch (Throwable t) {
      parts.allocator.giveBack(place, DropCause.UNUSED);
      throw t;
    } finally {
      parts.l2.lock().unlock();
    }
    if (old.count() > 0) {
      parts.allocator.giveBack(old, DropCause.OTHER);
    }
  }

  /** What lay hidden behind the old end, here or in a longer backing file, must not show. */
  private void showZeroes(long oldSize, long newSize) throws IOException {
    long end = Math.min(newSize, parts.geometry.roundUpToCluster(oldSize));
    if (parts.backing != null) {
      end = Math.max(end, Math.min(newSize, parts.backing.size()));
    }
    path.writeZeroes(oldSize, end - oldSize, ZeroMode.KEEP_ALLOCATED);
    if (parts.dataFile != null && parts.header.header().hasRawDataFile()) {
      path.mapDataFile(parts.geometry.roundDownToCluster(oldSize), newSize);
    }
  }
}
