package io.github.qcow2;

import io.github.qcow2.allocation.ClusterAllocator;
import io.github.qcow2.allocation.ClusterRun;
import io.github.qcow2.allocation.CompressedSpace;
import io.github.qcow2.allocation.DropCause;
import io.github.qcow2.allocation.HostDiscards;
import io.github.qcow2.allocation.OperationGate;
import io.github.qcow2.allocation.Quarantine;
import io.github.qcow2.allocation.RefcountTableGrowth;
import io.github.qcow2.allocation.Refcounts;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.mapping.ClusterLocks;
import io.github.qcow2.mapping.Exclusiveness;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.MapChanges;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.CorruptionLatch;
import io.github.qcow2.metadata.FlushEpochs;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.progress.Progress;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Everything that a writable image has and a read-only one lacks: allocator, quarantine, flush
 * epochs, and the three classes that change the guest's view.
 *
 * <p>Cuts requests into steps. Each step passes the operation gate by itself and none waits for
 * memory inside it, so a request of any length neither grows the caches nor keeps dropped clusters
 * from being used again.
 */
final class WritePath {
  private static final Logger LOG = LoggerFactory.getLogger(WritePath.class);

  /** Dropped clusters that may wait for a flush, as bytes of the host file. */
  private static final long QUARANTINE_BYTES = 256L << 20;

  private static final int QUARANTINE_CLUSTERS_AT_LEAST = 1024;
  private static final int SECTOR = 512;

  private final String image;
  private final CorruptionLatch latch;
  private final Geometry geometry;
  private final OperationGate gate;
  private final HeaderFile header;
  private final TrackedFile file;
  private final TopTable l1;
  private final SliceStore l2;
  private final DecompressedClusters compressed;
  private final DiskSize size;
  private final @Nullable TrackedFile dataFile;
  private final @Nullable BlockDevice backing;
  private final Limits limits;
  private final boolean writesThrough;
  private final FlushEpochs epochs;
  private final CorruptMark mark;
  private final Quarantine quarantine;
  private final Refcounts refcounts;
  private final ClusterAllocator allocator;
  private final MapChanges changes;
  private final ImageWriter writer;
  private final ZeroAndDiscard zeroAndDiscard;
  private final Growing growing;
  private final Shrinking shrinking;
  private final ClusterReservation reservation;

  /** Null where guest data is in an external data file, which the format keeps uncompressed. */
  private final @Nullable CompressedWriter compressedWriter;

  /** Null where nothing is detected, or nothing comes of it. */
  private final @Nullable ZeroRuns zeroRuns;

  private final @Nullable ZeroRuns zeroClusters;

  private volatile boolean storedCompressed;

  /**
   * Held while the disk changes its size, so that closing waits for it; taken before every other
   * lock.
   */
  private final ReentrantLock resizing = new ReentrantLock();

  /** Held while dropped clusters are given back, so that closing waits for it. */
  private final ReentrantLock releasing = new ReentrantLock();

  /** The parts that reading needs too, and those that only writing does. */
  record Parts(
      String image,
      CorruptionLatch latch,
      Geometry geometry,
      OperationGate gate,
      HeaderFile header,
      TrackedFile file,
      @Nullable TrackedFile dataFile,
      TopTable l1,
      SliceStore l2,
      TopTable refcountTable,
      SliceStore refcountBlocks,
      ImageReader reader,
      DecompressedClusters compressed,
      @Nullable BlockDevice backing,
      CompressionCodec codec,
      BufferPool buffers,
      DiskSize size,
      Limits limits,
      Durability durability,
      boolean lazyRefcounts,
      Set<DropCause> passedOn,
      boolean discardKeepsClusters,
      ZeroDetection zeroDetection) {}

  WritePath(Parts parts) {
    this.image = parts.image;
    this.latch = parts.latch;
    this.geometry = parts.geometry;
    this.gate = parts.gate;
    this.header = parts.header;
    this.file = parts.file;
    this.l1 = parts.l1;
    this.l2 = parts.l2;
    this.compressed = parts.compressed;
    this.size = parts.size;
    this.dataFile = parts.dataFile;
    this.backing = parts.backing;
    this.limits = parts.limits;
    this.writesThrough = parts.durability == Durability.WRITETHROUGH;
    this.epochs =
        new FlushEpochs(
            file,
            parts.dataFile,
            header,
            parts.lazyRefcounts,
            l1,
            l2,
            parts.refcountTable,
            parts.refcountBlocks);
    this.mark = new CorruptMark(latch, header, epochs);
    GuestMap map = new GuestMap(latch, geometry, dataFile != null, l1, l2);
    this.quarantine =
        new Quarantine(
            gate,
            Math.max(QUARANTINE_CLUSTERS_AT_LEAST, QUARANTINE_BYTES >> geometry.clusterBits()));
    this.refcounts =
        new Refcounts(image, latch, geometry, parts.refcountTable, parts.refcountBlocks);
    RefcountTableGrowth growth =
        new RefcountTableGrowth(
            image, geometry, file, header, refcounts, epochs, limits.refcountTableBytes());
    this.allocator =
        new ClusterAllocator(
            image,
            geometry,
            file,
            refcounts,
            epochs,
            growth,
            new HostDiscards(file, parts.passedOn));
    Exclusiveness exclusiveness = new Exclusiveness(image, latch, map, refcounts);
    this.changes =
        new MapChanges(map, exclusiveness, file, allocator, quarantine, epochs, parts.buffers);
    ClusterLocks locks = new ClusterLocks();
    TrackedFile data = parts.dataFile == null ? file : parts.dataFile;
    CopyOnWrite copyOnWrite = new CopyOnWrite(parts.reader, data, parts.buffers, size);
    this.writer =
        new ImageWriter(
            map, exclusiveness, changes, locks, allocator, data, dataFile != null, copyOnWrite);
    this.reservation = new ClusterReservation(map, changes, locks, allocator, file, parts.dataFile);
    boolean rawDataFile = parts.dataFile != null && header.header().hasRawDataFile();
    this.zeroAndDiscard =
        new ZeroAndDiscard(
            map,
            changes,
            locks,
            writer,
            parts.reader,
            data,
            new HostDiscards(data, parts.passedOn),
            rawDataFile,
            parts.backing,
            parts.discardKeepsClusters,
            size);
    ZeroDetection detection =
        geometry.version() == 2 && backing != null ? ZeroDetection.OFF : parts.zeroDetection;
    this.zeroRuns = ZeroRuns.of(detection, geometry.subclusterSize());
    this.zeroClusters = ZeroRuns.of(detection, geometry.clusterSize());
    this.growing =
        new Growing(
            this,
            new Growing.Parts(
                image, geometry, header, file, dataFile, backing, l1, l2, allocator, epochs, size,
                limits));
    this.shrinking =
        new Shrinking(
            this,
            new Shrinking.Parts(
                image, gate, header, file, dataFile, l1, map, changes, allocator, epochs, size));
    this.compressedWriter =
        parts.dataFile != null
            ? null
            : new CompressedWriter(
                geometry,
                changes,
                locks,
                new CompressedSpace(image, geometry, allocator),
                file,
                parts.codec,
                parts.buffers,
                size);
  }

  /** One step of a request, inside the gate. */
  @FunctionalInterface
  private interface Step {
    /** Deals with some of the bytes and returns how many. */
    long run(long position, long length) throws IOException;
  }

  void write(ByteBuffer source, long position) throws IOException {
    divide(source, position, zeroRuns, this::writePlain);
    writeThrough();
  }

  /** Something that writes a buffer to the end. */
  @FunctionalInterface
  private interface Writing {
    void write(ByteBuffer source, long position) throws IOException;
  }

  /** Writes what is not zeros, and zeroes what is, as far as that is detected. */
  private void divide(ByteBuffer source, long position, @Nullable ZeroRuns runs, Writing data)
      throws IOException {
    if (runs == null) {
      data.write(source, position);
      return;
    }
    int limit = source.limit();
    long at = position;
    try {
      while (source.hasRemaining()) {
        int length = runs.zeroes(source, at);
        if (length > 0) {
          zero(at, length, runs.mode());
          source.position(source.position() + length);
        } else {
          length = runs.data(source, at);
          source.limit(source.position() + length);
          data.write(source, at);
          source.limit(limit);
        }
        at += length;
      }
    } finally {
      source.limit(limit);
    }
  }

  private void writePlain(ByteBuffer source, long position) throws IOException {
    inSteps(
        position,
        source.remaining(),
        (at, length) -> {
          int before = source.position();
          writer.writeSome(source, at);
          return (long) source.position() - before;
        });
  }

  /** Writes whole clusters; others are compressed meanwhile, outside of every step. */
  void writeCompressed(ByteBuffer source, long position) throws IOException {
    CompressedWriter target = compressedWriter;
    if (target == null) {
      throw new UnsupportedFeatureException(
          image, Qcow2Exception.NO_OFFSET, "an external data file holds no compressed clusters");
    }
    storedCompressed = true;
    divide(source, position, zeroClusters, (data, at) -> compress(target, data, at));
    writeThrough();
  }

  private void compress(CompressedWriter target, ByteBuffer source, long position)
      throws IOException {
    long at = position;
    while (source.hasRemaining()) {
      try (CompressedBatch batch = target.compress(source)) {
        for (int i = 0; i < batch.clusters(); i++) {
          ByteBuffer plain = batch.plain(i);
          ByteBuffer compressed = batch.compressed(i);
          int length = plain.remaining();
          if (compressed == null) {
            writePlain(plain, at);
          } else {
            inSteps(
                at, length, (from, left) -> storeOrWrite(target, compressed, plain, from, left));
            batch.release(i);
          }
          at += length;
        }
      }
    }
  }

  private long storeOrWrite(
      CompressedWriter target, ByteBuffer compressed, ByteBuffer plain, long position, long length)
      throws IOException {
    int before = plain.position();
    if (before == 0 && target.store(compressed, position, length)) {
      return length;
    }
    writer.writeSome(plain, position);
    return (long) plain.position() - before;
  }

  void writeZeroes(long position, long length, ZeroMode mode) throws IOException {
    zero(position, length, mode);
    writeThrough();
  }

  private void zero(long position, long length, ZeroMode mode) throws IOException {
    inSteps(position, length, (at, left) -> zeroAndDiscard.zeroSome(at, left, mode));
  }

  void discard(long position, long length) throws IOException {
    inSteps(position, length, zeroAndDiscard::discardSome);
    writeThrough();
  }

  /** The end of a change. */
  private void writeThrough() throws IOException {
    if (writesThrough) {
      flush();
    }
  }

  private void inSteps(long position, long length, Step step) throws IOException {
    long at = position;
    long end = position + length;
    boolean retried = false;
    try {
      while (at < end) {
        beforeStep();
        try {
          at += inGate(at, end - at, step);
        } catch (LimitExceededException e) {
          // What is full may be full of clusters that only wait for a flush.
          if (retried || quarantine.isEmpty()) {
            throw e;
          }
          retried = true;
          flush();
        }
      }
    } finally {
      mark.setIfFound();
    }
  }

  private long inGate(long position, long length, Step step) throws IOException {
    int ticket = Qcow2Image.enter(image, gate);
    try {
      if (position + length > size.reach()) {
        // The disk has become smaller since the request was found to lie inside.
        throw new IndexOutOfBoundsException(
            image + ": " + length + " bytes at " + position + " do not lie inside " + size.reach());
      }
      return step.run(position, length);
    } finally {
      gate.exit(ticket);
    }
  }

  /** Comes before each step of a change, outside the gate. */
  void beforeStep() throws IOException {
    latch.refuseChanges();
    if (quarantine.isFull()) {
      if (quarantine.awaitsFlush(epochs.durable())) {
        epochs.flush();
      }
      releaseQuarantine();
    }
    if (epochs.isCrowded()) {
      epochs.writeBack();
    }
  }

  /** Makes everything durable, then gives back what nobody can reach any more. */
  void flush() throws IOException {
    try {
      epochs.flush();
      releaseQuarantine();
    } finally {
      mark.setIfFound();
    }
  }

  /**
   * Counts of clusters that are given back fall in memory; on disk with the next epoch. In an image
   * known to be corrupt, nothing is given back.
   */
  void releaseQuarantine() throws IOException {
    releasing.lock();
    try {
      for (Quarantine.Dropped dropped : quarantine.release(epochs.durable())) {
        forget(dropped);
        allocator.owe(new ClusterRun(dropped.first(), dropped.count()), dropped.cause());
      }
      for (int runs = allocator.owed(); runs > 0 && latch.first() == null; runs--) {
        allocator.giveBackOwed();
        if (epochs.isCrowded()) {
          epochs.writeBack();
        }
      }
    } finally {
      releasing.unlock();
    }
  }

  private void forget(Quarantine.Dropped dropped) {
    switch (dropped.kind()) {
      case TABLE ->
          l2.forget(
              dropped.first() << geometry.clusterBits(), dropped.count() << geometry.clusterBits());
      case COMPRESSED -> compressed.clear();
      case DATA -> {}
    }
  }

  /** Maps clusters of an external data file that are not mapped yet, without touching the data. */
  void mapDataFile(long from, long to) throws IOException {
    inSteps(from, to - from, writer::mapSome);
  }

  /** See {@link Qcow2Image#grow(long, Preallocation)}. */
  void grow(long newSize, Preallocation preallocation) throws IOException {
    resize(() -> growing.run(newSize, preallocation));
  }

  /** See {@link Qcow2Image#shrink}. */
  void shrink(long newSize) throws IOException {
    resize(() -> shrinking.run(newSize));
  }

  /** See {@link Shrinking#unlink}. */
  void unlinkFrom(long end) throws IOException {
    shrinking.unlink(end);
  }

  /** A change of the disk's size. */
  @FunctionalInterface
  private interface Resize {
    void run() throws IOException;
  }

  private void resize(Resize change) throws IOException {
    resizing.lock();
    try {
      latch.refuseChanges();
      change.run();
    } finally {
      mark.setIfFound();
      resizing.unlock();
    }
  }

  /** Gives clusters that have none their places, and cancels that if it fails. */
  void preallocate(long from, long length, Preallocation preallocation) throws IOException {
    try {
      inSteps(from, length, (at, left) -> reservation.reserveSome(at, left, preallocation));
    } catch (Throwable t) {
      try {
        inSteps(from, length, reservation::cancelSome);
      } catch (IOException e) {
        t.addSuppressed(e);
      }
      throw t;
    }
  }

  /** Does away with zero flags; see {@link ZeroExpansion}. */
  void expandZeroes(long[] tables, Progress progress) throws IOException {
    try {
      new ZeroExpansion(
              this,
              new ZeroExpansion.Parts(
                  image,
                  geometry,
                  latch,
                  l2,
                  refcounts,
                  allocator,
                  quarantine,
                  epochs,
                  backing != null))
          .run(tables, progress);
    } finally {
      mark.setIfFound();
    }
  }

  /**
   * Puts another snapshot table into the place of the one there is. The new one is durable before
   * the 12 bytes of the header that say where it is; the old one is freed after them.
   *
   * @param before the table as it is
   * @param after of as many snapshots
   */
  void replaceSnapshotTable(SnapshotTable before, SnapshotTable after) throws IOException {
    byte[] table = after.encode(image, limits);
    epochs.exclusively(
        () -> {
          ClusterRun place = allocator.allocateContiguous(geometry.clustersFor(table.length));
          ClusterRun old =
              new ClusterRun(
                  header.header().snapshotTableOffset() >>> geometry.clusterBits(),
                  geometry.clustersFor(before.byteLength()));
          long offset = place.first() << geometry.clusterBits();
          try {
            file.write(ByteBuffer.wrap(table), offset, ClusterKind.DATA);
            epochs.writeRefcounts();
            header.change(
                header.header().withSnapshotTable(offset, after.records().size()),
                Header.SNAPSHOT_TABLE_FIELDS_OFFSET,
                Header.SNAPSHOT_TABLE_FIELDS_LENGTH);
          } catch (Throwable t) {
            allocator.giveBack(place, DropCause.UNUSED);
            throw t;
          }
          allocator.giveBack(old, DropCause.OTHER);
        });
  }

  /** Makes everything durable, the counts of what was dropped included. The gate is closed. */
  void close() throws IOException {
    // A change of the size goes on behind the closed gate; it ends first, or fails.
    resizing.lock();
    try {
      closeAlone();
    } finally {
      resizing.unlock();
    }
  }

  private void closeAlone() throws IOException {
    try {
      writeAll();
    } catch (Throwable t) {
      try {
        mark.setAtLast();
      } catch (IOException e) {
        t.addSuppressed(e);
      }
      throw t;
    }
    mark.setAtLast();
  }

  private void writeAll() throws IOException {
    flush();
    // What could not be given back the first time has a second chance.
    releaseQuarantine();
    endOnSector();
    epochs.close(latch.first() == null);
    if (allocator.owed() > 0) {
      LOG.warn("{}: clusters leak, since their counts could not be read", image);
    }
  }

  /**
   * Compressed data may end the file in the middle of a sector, which not every reader expects.
   * Nothing is lost where there is no room for the rest of the sector, so that is no failure.
   */
  private void endOnSector() {
    if (!storedCompressed) {
      return;
    }
    try {
      long length = file.storage().size();
      if (length % SECTOR != 0) {
        file.setSize(length + SECTOR - length % SECTOR);
      }
    } catch (IOException e) {
      LOG.debug("{}: the file ends in the middle of a sector", image, e);
    }
  }
}
