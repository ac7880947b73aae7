package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.L2Entry;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.Exclusiveness;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.mapping.Mapping;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TableSlice;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Objects;

/**
 * Writes guest bytes: in place where the cluster is ours alone, else into new host clusters.
 *
 * <p>Owns no state. Data moves outside every lock but {@link ClusterLocks}, which only other
 * changes of the same guest clusters wait for.
 *
 * <pre>
 *   resolve ─▶ surely ours ────────────────────────────▶ write in place
 *        └──▶ hold the clusters ─▶ look up counts ─▶ ours ─▶ write in place
 *                                      └─▶ L2 table ─▶ allocate ─▶ write with copy-on-write ─▶ publish
 *                                                          └──── on any error: give back ────────┘
 * </pre>
 *
 * <p>On disk, before: the old bytes are mapped. After: the new ones are, once a flush has returned.
 * A write that fails leaves what is mapped as it was, except that bytes in place may be old or new;
 * an L2 table made on the way stays, empty, and is counted.
 */
final class ImageWriter {
  /** Bounds what one step allocates, and so how long others wait for the same clusters. */
  private static final int BYTES_PER_STEP = 2 << 20;

  private final Geometry geometry;
  private final GuestMap map;
  private final Exclusiveness exclusiveness;
  private final MapChanges changes;
  private final ClusterLocks locks;
  private final ClusterAllocator allocator;
  private final TrackedFile data;
  private final boolean dataFile;
  private final CopyOnWrite copyOnWrite;

  /**
   * Writes through a map.
   *
   * @param data the file that holds guest data
   * @param dataFile whether that is an external data file, where host and guest offsets are equal
   */
  ImageWriter(
      GuestMap map,
      Exclusiveness exclusiveness,
      MapChanges changes,
      ClusterLocks locks,
      ClusterAllocator allocator,
      TrackedFile data,
      boolean dataFile,
      CopyOnWrite copyOnWrite) {
    this.geometry = map.geometry();
    this.map = map;
    this.exclusiveness = exclusiveness;
    this.changes = changes;
    this.locks = locks;
    this.allocator = allocator;
    this.data = data;
    this.dataFile = dataFile;
    this.copyOnWrite = copyOnWrite;
  }

  /**
   * Writes some of the buffer; the caller has passed the operation gate.
   *
   * @param source has bytes remaining; its position moves past what was written
   * @param position the guest offset of the first
   */
  void writeSome(ByteBuffer source, long position) throws IOException {
    Mapping mapping = new Mapping();
    if (map.findInPlace(position, source.remaining(), mapping)) {
      writeInPlace(source, mapping);
      return;
    }
    int length = stepLength(position, source.remaining());
    ClusterLocks.Range held =
        locks.acquire(
            geometry.clusterIndex(position), geometry.clusterIndex(position + length - 1));
    try {
      writeHeld(source, position, length, mapping);
    } finally {
      locks.release(held);
    }
  }

  /**
   * Writes some of the buffer for a caller that holds all of the clusters concerned.
   *
   * @param source has bytes remaining; its position moves past what was written
   * @param position the guest offset of the first
   */
  void writeHeld(ByteBuffer source, long position) throws IOException {
    writeHeld(source, position, stepLength(position, source.remaining()), new Mapping());
  }

  private void writeHeld(ByteBuffer source, long position, int length, Mapping mapping)
      throws IOException {
    // Whoever held the clusters before us may have allocated them; or nobody has ever looked
    // whether COPIED is right.
    exclusiveness.verify(geometry.clusterIndex(position), clustersOf(position, length));
    if (map.findInPlace(position, length, mapping)) {
      writeInPlace(source, mapping);
    } else {
      allocateAndWrite(source, position, length);
    }
  }

  /**
   * Maps some bytes of an external data file to their place there, as if they had been written.
   *
   * @return how many bytes are mapped now
   */
  long mapSome(long position, long length) throws IOException {
    long bytes = Math.min(length, map.bytesLeftInSlice(position));
    long first = geometry.clusterIndex(position);
    long last = geometry.clusterIndex(position + bytes - 1);
    ClusterLocks.Range held = locks.acquire(first, last);
    try {
      changes.ensureTable(position);
      long start = geometry.roundDownToCluster(position);
      changes.link(first, (int) (last - first + 1), start, position, position + bytes);
      return bytes;
    } finally {
      locks.release(held);
    }
  }

  /** A step that does not reach the end of the request ends with a cluster where it can. */
  private int stepLength(long position, int remaining) {
    long bound = Math.min(map.bytesLeftInSlice(position), BYTES_PER_STEP);
    if (remaining <= bound) {
      return remaining;
    }
    long end = geometry.roundDownToCluster(position + bound);
    return (int) (end > position ? end - position : bound);
  }

  private void writeInPlace(ByteBuffer source, Mapping mapping) throws IOException {
    int limit = source.limit();
    source.limit(source.position() + (int) mapping.length());
    try {
      data.write(source, mapping.hostOffset(), ClusterKind.DATA);
    } finally {
      source.limit(limit);
    }
  }

  private void allocateAndWrite(ByteBuffer source, long position, int length) throws IOException {
    changes.ensureTable(position);
    int wanted = clustersOf(position, length);
    TableSlice slice = exclusiveness.verify(geometry.clusterIndex(position), wanted);
    EntryReader entries = new EntryReader(map, Objects.requireNonNull(slice), position);
    if (dataFile) {
      writeClusters(source, position, length, entries, geometry.roundDownToCluster(position), true);
      return;
    }
    int kept = entries.clustersKept(wanted);
    if (kept > 0) {
      long host = L2Entry.offset(entries.entry(0));
      writeClusters(source, position, bytesIn(position, length, kept), entries, host, true);
      return;
    }
    ClusterRun run = allocator.allocate(entries.clustersToReplace(wanted));
    try {
      long host = run.first() << geometry.clusterBits();
      int bytes = bytesIn(position, length, (int) run.count());
      writeClusters(source, position, bytes, entries, host, false);
    } catch (Throwable t) {
      allocator.giveBack(run, DropCause.UNUSED);
      throw t;
    }
  }

  /** Writes into host clusters in a row, with what has to be copied around it, and links them. */
  private void writeClusters(
      ByteBuffer source, long position, int length, EntryReader entries, long host, boolean kept)
      throws IOException {
    int clusters = clustersOf(position, length);
    long start = geometry.roundDownToCluster(position);
    long end = position + length;
    int last = clusters - 1;
    long lastStart = start + ((long) last << geometry.clusterBits());
    long from = start + entries.copyFrom(0, position - start, kept);
    long to = lastStart + entries.copyTo(last, end - lastStart, kept);
    int limit = source.limit();
    source.limit(source.position() + length);
    try {
      copyOnWrite.write(source, position, from, to, host + (from - start));
    } finally {
      source.limit(limit);
    }
    changes.link(geometry.clusterIndex(position), clusters, host, position, end);
  }

  private int clustersOf(long position, int length) {
    return (int)
        (geometry.clusterIndex(position + length - 1) - geometry.clusterIndex(position) + 1);
  }

  /** How many of {@code length} bytes from {@code position} on lie in the first clusters. */
  private int bytesIn(long position, int length, int clusters) {
    long bytes = ((long) clusters << geometry.clusterBits()) - geometry.offsetInCluster(position);
    return (int) Math.min(length, bytes);
  }
}
