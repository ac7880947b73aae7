package io.github.qcow2;

import io.github.qcow2.allocation.OperationGate;
import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.crypto.AesSectors;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.CorruptionLatch;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.HeaderFile;
import io.github.qcow2.metadata.OverlapGuard;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * A qcow2 image as a disk.
 *
 * <pre>{@code
 * try (Qcow2Image image = Qcow2Image.open(path).writable().build()) {
 *   image.write(ByteBuffer.wrap(bytes), 1 << 20);
 *   image.flush();
 * }
 * }</pre>
 *
 * <p><b>Threads:</b> any number of them may use one image. <b>One image object per file:</b> two
 * objects, in one process or in two, must not write to the same file, so the second is refused
 * unless {@linkplain io.github.qcow2.storage.LockMode locks} are switched off.
 *
 * <p><b>Durability:</b> what was written before a {@link #flush()} that has returned survives a
 * power cut; what was written after it may or may not. At no time does a power cut leave more than
 * leaked clusters (qcow2 spec, "Host cluster management"). {@link #close()} flushes. Other bargains
 * between safety and speed are {@link Durability}'s and {@linkplain ImageOpener#lazyRefcounts lazy
 * refcounts}.
 *
 * <p>Owns the host file, the data file if there is one, and the backing devices it has opened
 * itself.
 */
public final class Qcow2Image extends BlockDevice {
  private final Storage storage;
  private final @Nullable Storage dataStorage;
  private final @Nullable BlockDevice backing;
  private final boolean closesBacking;
  private final Geometry geometry;
  private final HeaderFile header;
  private final TrackedFile file;
  private final TrackedFile data;
  private final SliceStore l2;
  private final @Nullable SliceStore refcountBlocks;
  private final BufferPool buffers;
  private final OperationGate gate;
  private final DecompressedClusters compressed;
  private final @Nullable EncryptedData encrypted;
  private final ImageReader reader;
  private final @Nullable WritePath writePath;
  private final DiskSize size;
  private final SnapshotTable snapshots;
  private final ImageOptions options;

  /** What an image is made of, once everything about it has been found in order. */
  record Parts(
      Storage storage,
      Header header,
      @Nullable Storage dataStorage,
      @Nullable BlockDevice backing,
      boolean closesBacking,
      SnapshotTable snapshots,
      @Nullable AesSectors cipher,
      ImageOptions options) {}

  /** Reads the tables; writes nothing. */
  Qcow2Image(Parts parts, boolean readOnly) throws IOException {
    super(parts.storage.name(), readOnly);
    this.options = parts.options;
    this.storage = parts.storage;
    this.dataStorage = parts.dataStorage;
    this.backing = parts.backing;
    this.closesBacking = parts.closesBacking;
    this.snapshots = parts.snapshots;
    this.geometry = parts.header.geometry();
    CorruptionLatch latch = new CorruptionLatch(name());
    ProtectedTables tables = new ProtectedTables(name(), parts.header, snapshots, options.limits());
    OverlapGuard guard = readOnly ? OverlapGuard.off() : tables.guard(options.overlapCheck, latch);
    boolean hasBarriers = options.durability.hasBarriers();
    this.file = new TrackedFile(storage, hasBarriers, guard);
    this.header = new HeaderFile(file, parts.header);
    this.buffers = BufferPool.shared();
    this.gate = new OperationGate();
    this.size = new DiskSize(parts.header.size());
    CacheSizes sizes = options.cacheSizes(geometry, size.visible());
    TopTable l1 =
        TopTable.load(
            file,
            ClusterKind.ACTIVE_L1,
            parts.header.l1TableOffset(),
            parts.header.l1Entries(),
            buffers);
    this.l2 =
        new SliceStore(
            file,
            ClusterKind.ACTIVE_L2,
            options.cacheFactory(),
            sizes.l2Slices(),
            sizes.l2MostDirty(),
            sizes.sliceBytes(),
            buffers);
    TrackedFile dataFile = dataStorage == null ? null : new TrackedFile(dataStorage, hasBarriers);
    this.data = dataFile == null ? file : dataFile;
    // Readers have a map of their own: what they find ends no changes.
    GuestMap map = new GuestMap(Damage.thrownOnly(name()), geometry, dataFile != null, l1, l2);
    CompressionCodec codec = options.codec(name(), parts.header);
    this.compressed =
        new DecompressedClusters(name(), file, geometry.clusterBits(), codec, buffers);
    this.encrypted = parts.cipher == null ? null : new EncryptedData(data, parts.cipher, buffers);
    this.reader = new ImageReader(map, data, compressed, backing, encrypted);
    if (readOnly) {
      this.refcountBlocks = null;
      this.writePath = null;
      return;
    }
    TopTable refcountTable =
        TopTable.load(
            file,
            ClusterKind.REFCOUNT_TABLE,
            parts.header.refcountTableOffset(),
            parts.header.refcountTableEntries(),
            buffers);
    this.refcountBlocks =
        new SliceStore(
            file,
            ClusterKind.REFCOUNT_BLOCK,
            options.cacheFactory(),
            sizes.refcountSlices(),
            sizes.refcountMostDirty(),
            sizes.sliceBytes(),
            buffers);
    l1.reportTo(guard);
    refcountTable.reportTo(guard);
    tables.readInactive(file, buffers);
    this.writePath =
        new WritePath(
            new WritePath.Parts(
                name(),
                latch,
                geometry,
                gate,
                header,
                file,
                dataFile,
                l1,
                l2,
                refcountTable,
                refcountBlocks,
                reader,
                compressed,
                backing,
                codec,
                buffers,
                size,
                options.limits(),
                options.durability,
                options.lazyRefcounts(parts.header),
                options.passedOn(),
                options.discardKeepsClusters,
                options.zeroDetection));
  }

  /**
   * Prepares to open an image.
   *
   * @param path the image file
   */
  public static ImageOpener open(Path path) {
    return new ImageOpener(path);
  }

  /**
   * Prepares to open an image whose bytes are in some storage.
   *
   * @param storage the image file's bytes; closed with the image once that has been built
   */
  public static ImageOpener open(Storage storage) {
    return new ImageOpener(storage, null);
  }

  /**
   * Prepares to open an image whose bytes are in some storage that stands for a file.
   *
   * @param storage the image file's bytes; closed with the image once that has been built
   * @param path against which other files are found that the image names by relative names
   */
  public static ImageOpener open(Storage storage, Path path) {
    return new ImageOpener(storage, path);
  }

  /**
   * Prepares to create an image.
   *
   * @param path the file to create; must not exist, unless the creator is told to overwrite it
   * @param size of the disk in bytes; rounded up to a whole number of 512-byte sectors
   */
  public static ImageCreator create(Path path, long size) {
    return new ImageCreator(path, size);
  }

  /**
   * Prepares to create an image in some storage.
   *
   * @param storage empty; closed with the image once that has been built
   * @param size of the disk in bytes; rounded up to a whole number of 512-byte sectors
   */
  public static ImageCreator create(Storage storage, long size) {
    return new ImageCreator(storage, size);
  }

  /**
   * Prepares to change what an existing image is: the width of its refcounts, for example.
   *
   * @param path the image file, which nobody may have open meanwhile
   */
  public static ImageAmender amend(Path path) {
    return new ImageAmender(path);
  }

  /**
   * Prepares to change what an existing image is whose bytes are in some storage.
   *
   * @param storage the image file's bytes; stays open
   */
  public static ImageAmender amend(Storage storage) {
    return new ImageAmender(storage, null);
  }

  /**
   * Prepares to change what an existing image is whose bytes are in some storage that stands for a
   * file.
   *
   * @param storage the image file's bytes; stays open
   * @param path against which other files are found that the image names by relative names
   */
  public static ImageAmender amend(Storage storage, Path path) {
    return new ImageAmender(storage, path);
  }

  /**
   * Reads what the header and the tables it points to say about an image, and opens no other file.
   * Images that this library cannot open are described all the same.
   *
   * @param path the image file; locked against writers meanwhile, where that is possible
   * @throws Qcow2Exception if it is no qcow2 image, or its header breaks a rule of the format
   * @throws io.github.qcow2.error.ImageLockedException if it is open for writing elsewhere; a
   *     storage opened with {@link io.github.qcow2.storage.LockMode#OFF} can be inspected even so
   */
  public static ImageInfo inspect(Path path) throws IOException {
    try (Storage storage = FileStorage.open(path)) {
      return inspect(storage);
    }
  }

  /**
   * Reads what the header and the tables it points to say about an image.
   *
   * @param storage the image file's bytes; stays open
   * @throws Qcow2Exception if it is no qcow2 image, or its header breaks a rule of the format
   */
  public static ImageInfo inspect(Storage storage) throws IOException {
    return ImageInfo.read(storage);
  }

  @Override
  public long size() {
    return size.visible();
  }

  /** The header as it is on disk. */
  public Header header() {
    return header.header();
  }

  /** Cluster size and all that follows from it. */
  public Geometry geometry() {
    return geometry;
  }

  /** The device that shows where this image holds nothing, or null if there is none. */
  public @Nullable BlockDevice backing() {
    return backing;
  }

  /** The internal snapshots, in the order of the snapshot table. */
  public List<SnapshotRecord> snapshots() {
    return snapshots.records();
  }

  /**
   * Opens an internal snapshot as a read-only disk of its own. It is usable until this image is
   * closed; closing it releases nothing else.
   *
   * @param idOrName the snapshot's ID, or else its name
   * @throws java.io.FileNotFoundException if there is no such snapshot
   */
  public BlockDevice openSnapshot(String idOrName) throws IOException {
    int index = SnapshotDevice.find(name(), snapshots.records(), idOrName);
    snapshots.requireUsable(index, name(), header(), options.limits());
    SnapshotRecord snapshot = snapshots.records().get(index);
    TopTable l1 =
        TopTable.load(
            file,
            ClusterKind.INACTIVE_L1,
            snapshot.l1TableOffset(),
            (int) snapshot.l1Entries(),
            buffers);
    GuestMap map = new GuestMap(Damage.thrownOnly(name()), geometry, dataStorage != null, l1, l2);
    return new SnapshotDevice(
        name(),
        snapshot,
        size.visible(),
        new ImageReader(map, data, compressed, backing, encrypted),
        gate);
  }

  /** The bytes of the image file itself, read-only: for checks and forensic tools. */
  public Storage hostStorage() {
    return new ReadOnlyStorage(storage);
  }

  /** What the L2 table cache has done so far. */
  public CacheStatistics l2CacheStatistics() {
    return l2.statistics();
  }

  /** What the refcount block cache has done so far, or null for a read-only image. */
  public @Nullable CacheStatistics refcountCacheStatistics() {
    return refcountBlocks == null ? null : refcountBlocks.statistics();
  }

  /**
   * Makes the disk larger; the new bytes read as zeros. Durable when the call returns: after a
   * power cut the disk has its old size or its new one.
   *
   * @param newSize in bytes; a multiple of 512, not below the present size
   * @throws io.github.qcow2.error.LimitExceededException if the L1 table would become too long
   */
  public void grow(long newSize) throws IOException {
    grow(newSize, Preallocation.OFF);
  }

  /**
   * Makes the disk larger; the new bytes read as zeros. Durable when the call returns: after a
   * power cut the disk has its old size or its new one, and the clusters that it has been given may
   * be there in either case.
   *
   * @param newSize in bytes; a multiple of 512, not below the present size
   * @param preallocation what the whole clusters behind the old end are given in advance; with a
   *     data file, the space is in the data file
   * @throws io.github.qcow2.error.LimitExceededException if the L1 table or the refcount table
   *     would become too long
   */
  public void grow(long newSize, Preallocation preallocation) throws IOException {
    writePath("grow").grow(newSize, preallocation);
  }

  /**
   * Makes the disk smaller: the bytes behind the new end are lost, and read as zeros should the
   * disk grow again. Durable when the call returns.
   *
   * <p>After a power cut meanwhile, or an error, the disk has its old size, and below the new end
   * nothing has changed; behind it there is what was there, or zeros, or what the backing file
   * holds. What others read or write behind the new end meanwhile fails. The file becomes shorter
   * as far as its last clusters become free; an external data file becomes as long as the disk.
   * Snapshots keep their size.
   *
   * @param newSize in bytes; a multiple of 512, not above the present size
   * @throws io.github.qcow2.error.UnsupportedFeatureException if the image is of version 2 and has
   *     snapshots
   */
  public void shrink(long newSize) throws IOException {
    writePath("shrink").shrink(newSize);
  }

  /** See {@link WritePath#expandZeroes}. */
  void expandZeroes(long[] tables, Progress progress) throws IOException {
    writePath("expand zeroes").expandZeroes(tables, progress);
  }

  /** Gives every snapshot record the extra data that version 3 wants. */
  void completeSnapshotTable() throws IOException {
    List<SnapshotRecord> complete =
        snapshots.records().stream().map(record -> record.completed(size())).toList();
    writePath("complete").replaceSnapshotTable(snapshots, new SnapshotTable(complete));
  }

  /** See {@link HeaderFile#clearUnknownAutoclear}. */
  void clearUnknownAutoclear() throws IOException {
    header.clearUnknownAutoclear();
  }

  /**
   * Makes the data file as long as the disk, if it can be: what is missing reads as zeros either
   * way. A disk whose shrinking was cut short has such a file.
   */
  void lengthenDataFile() throws IOException {
    if (dataStorage != null && !dataStorage.hasFixedSize() && dataStorage.size() < size()) {
      data.extend(size());
    }
  }

  private WritePath writePath(String what) throws ReadOnlyImageException {
    if (writePath == null) {
      throw new ReadOnlyImageException(
          name(), Qcow2Exception.NO_OFFSET, what + ": the image was opened read-only");
    }
    return writePath;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    int ticket = enter(name(), gate);
    try {
      reader.read(destination, position);
    } finally {
      gate.exit(ticket);
    }
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    writePath("write").write(source, position);
  }

  /**
   * {@inheritDoc}
   *
   * <p>Clusters are packed one behind the other in the host file, in guest order within one call; a
   * part of a cluster that is written later stores the whole of it plain again. Clusters are
   * compressed on the calling thread and on those of the common {@link
   * java.util.concurrent.ForkJoinPool}.
   *
   * @throws io.github.qcow2.error.UnsupportedFeatureException if guest data is in an external data
   *     file
   */
  @Override
  protected void writeCompressedHook(ByteBuffer source, long position) throws IOException {
    int length = source.remaining();
    if (geometry.offsetInCluster(position) != 0
        || (geometry.offsetInCluster(length) != 0 && position + length != size())) {
      throw new IllegalArgumentException(
          length + " bytes at " + position + " are not whole clusters");
    }
    writePath("write compressed").writeCompressed(source, position);
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    writePath("write zeroes").writeZeroes(position, length, mode);
  }

  @Override
  protected void discardHook(long position, long length) throws IOException {
    writePath("discard").discard(position, length);
  }

  @Override
  protected void flushHook() throws IOException {
    writePath("flush").flush();
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    int ticket = enter(name(), gate);
    try {
      return reader.extent(position, Math.min(length, reader.bytesPerExtent()));
    } finally {
      gate.exit(ticket);
    }
  }

  /** The clusters are not given to anybody else until the copy is done. */
  @Override
  protected boolean copyToHook(HostCopy copy, long position, long length) throws IOException {
    int ticket = enter(name(), gate);
    try {
      Extent extent = reader.extent(position, Math.min(length, reader.bytesPerExtent()));
      if (extent.kind() != Extent.Kind.DATA || extent.length() < length) {
        return false;
      }
      if (extent.depth() > 0) {
        return backing != null
            && position + length <= backing.size()
            && backing.copyTo(copy, position, length);
      }
      return extent.hostOffset() != Extent.NO_HOST_OFFSET
          && copy.from(dataStorage == null ? storage : dataStorage, extent.hostOffset(), length);
    } finally {
      gate.exit(ticket);
    }
  }

  static int enter(String image, OperationGate gate) throws DeviceClosedException {
    int ticket = gate.enter();
    if (ticket < 0) {
      throw new DeviceClosedException(image, Qcow2Exception.NO_OFFSET, "the image is closed");
    }
    return ticket;
  }

  @Override
  protected void closeHook() throws IOException {
    gate.close();
    try (AutoCloseables closing = new AutoCloseables()) {
      if (!options.keepsStorage) {
        closing.add(storage);
      }
      if (dataStorage != null) {
        closing.add(dataStorage);
      }
      if (backing != null && closesBacking) {
        closing.add(backing);
      }
      if (writePath != null) {
        writePath.close();
      }
    }
  }
}
