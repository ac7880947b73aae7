package io.github.qcow2;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.format.CompressionType;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderBuilder;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Objects;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Collects what a new image is to be; got from {@link Qcow2Image#create(Path, long)}. Without
 * further calls: version 3, 64 KiB clusters, 16-bit refcounts, as qemu-img creates it. Used by one
 * thread, for one image.
 *
 * <p>A file that exists is never touched unless {@link #overwriteExisting()} says so. If creation
 * fails, a file that it made is deleted again.
 */
public final class ImageCreator {
  private final @Nullable Path path;
  private final @Nullable Storage storage;
  private final long size;
  private final ImageOptions options = new ImageOptions();
  private int version = 3;
  private int clusterBits = 16;
  private int refcountOrder = Geometry.DEFAULT_REFCOUNT_ORDER;
  private boolean extendedL2;
  private boolean lazyRefcounts;
  private CompressionType compressionType = CompressionType.DEFLATE;
  private @Nullable String backingName;
  private @Nullable String backingFormat;
  private @Nullable String dataFile;
  private boolean rawDataFile;
  private boolean adoptsDataFile;
  private Preallocation preallocation = Preallocation.OFF;
  private boolean overwrites;

  ImageCreator(Path path, long size) {
    this.path = path;
    this.storage = null;
    this.size = roundUp(size);
  }

  ImageCreator(Storage storage, long size) {
    this.path = null;
    this.storage = storage;
    this.size = roundUp(size);
  }

  private static long roundUp(long size) {
    if (size < 0 || size > Long.MAX_VALUE - 511) {
      throw new IllegalArgumentException("size " + size);
    }
    return (size + 511) & -512;
  }

  /** Sets the format version: 2, which old programs read too, or 3. */
  public ImageCreator version(int version) {
    this.version = version;
    return this;
  }

  /** Sets the cluster size in bytes: a power of two from 512 to 2 MiB. */
  public ImageCreator clusterSize(int bytes) {
    this.clusterBits = exponent("cluster size", bytes, 1 << 9, 1 << 21);
    return this;
  }

  /** Sets the width of refcounts in bits: 1, 2, 4, 8, 16, 32 or 64. 1 excludes snapshots. */
  public ImageCreator refcountBits(int bits) {
    this.refcountOrder = exponent("refcount width", bits, 1, 64);
    return this;
  }

  static int exponent(String what, int value, int least, int most) {
    if (value < least || value > most || Integer.bitCount(value) != 1) {
      throw new IllegalArgumentException(
          what + " " + value + " is not a power of two from " + least + " to " + most);
    }
    return Integer.numberOfTrailingZeros(value);
  }

  /** Divides clusters into 32 subclusters; needs version 3 and clusters of at least 16 KiB. */
  public ImageCreator extendedL2(boolean extended) {
    this.extendedL2 = extended;
    return this;
  }

  /**
   * Permits programs to leave refcounts on disk stale while the image is open, as {@link
   * ImageOpener#lazyRefcounts} describes; the session that creates the image does so. Needs version
   * 3.
   */
  public ImageCreator lazyRefcounts(boolean lazy) {
    this.lazyRefcounts = lazy;
    return this;
  }

  /** Sets how compressed clusters are compressed; all but deflate need version 3. */
  public ImageCreator compressionType(CompressionType type) {
    this.compressionType = type;
    return this;
  }

  /**
   * Makes the image an overlay.
   *
   * @param name of the backing file, as it is to be recorded: a relative name is relative to the
   *     directory of the new image
   * @param format {@code "qcow2"} or {@code "raw"}. Null leaves it to the reader to guess, which is
   *     unsafe
   */
  public ImageCreator backing(String name, @Nullable String format) {
    this.backingName = name;
    this.backingFormat = format;
    return this;
  }

  /**
   * Puts the guest's data into a raw file of its own, which is created with the image; needs
   * version 3.
   *
   * @param name as it is to be recorded
   * @param raw whether that file by itself shall at all times be the disk; excludes a backing file
   */
  public ImageCreator dataFile(String name, boolean raw) {
    this.dataFile = name;
    this.rawDataFile = raw;
    return this;
  }

  /**
   * Takes the data file as it is instead of making a new one: what it holds is on the disk. A file
   * that is shorter than the disk is extended with zeros; one that is longer is refused.
   */
  public ImageCreator adoptDataFile() {
    this.adoptsDataFile = true;
    return this;
  }

  /**
   * Sets what the disk is given in advance; {@link Preallocation#OFF} if not. With a data file, its
   * tables are in the image and its space is in the data file. Excludes a backing file, unless
   * there are {@linkplain #extendedL2 subclusters}: only those can be preallocated and show it all
   * the same.
   */
  public ImageCreator preallocation(Preallocation preallocation) {
    this.preallocation = preallocation;
    return this;
  }

  /** Says which files may be opened or created beside the image: backing file and data file. */
  public ImageCreator references(ReferencePolicy policy) {
    options.references = policy;
    return this;
  }

  /** Guesses the format of backing files whose overlays do not record it; for trusted images. */
  public ImageCreator probeBackingFormat() {
    options.probesBackingFormat = true;
    return this;
  }

  /** Replaces image and data file if they exist: their content is lost. */
  public ImageCreator overwriteExisting() {
    this.overwrites = true;
    return this;
  }

  /** Sets what a crash and a power cut may leave; {@link Durability#WRITEBACK} if not. */
  public ImageCreator durability(Durability durability) {
    options.durability = durability;
    return this;
  }

  /**
   * Says whether the files that are opened are locked; {@link LockMode#AUTO} if not. Image and data
   * file are locked for writing before they lose what they held, the backing file for reading.
   */
  public ImageCreator locking(LockMode mode) {
    options.locking = mode;
    return this;
  }

  /** Sets the codec, before any that is found otherwise. */
  public ImageCreator codec(CompressionCodec codec) {
    options.codec = codec;
    return this;
  }

  /**
   * Sets which tables every write through the open image is kept away from; {@link
   * OverlapCheck#CACHED} if not. Not recorded in the image.
   */
  public ImageCreator overlapCheck(OverlapCheck check) {
    options.overlapCheck = check;
    return this;
  }

  /**
   * Sets for which causes the host is told that it need not keep the bytes of clusters that come
   * free, so that the file takes less space; {@link DiscardCause#REQUEST} and {@link
   * DiscardCause#SNAPSHOT} if not called. It is told once the clusters are durably free, which is
   * after the flush that follows, and before they are used again. Where it cannot give up space,
   * nothing comes of it.
   */
  public ImageCreator hostDiscard(Set<DiscardCause> causes) {
    options.hostDiscard = Set.copyOf(causes);
    return this;
  }

  /**
   * Sets whether data clusters that are discarded, or zeroed so that they may be unmapped, keep
   * their place in the image file, so that it does not become fragmented; QEMU's {@code
   * discard-no-unref}, for version 3. Their bytes are passed on to the host all the same.
   */
  public ImageCreator discardKeepsClusters(boolean keeps) {
    options.discardKeepsClusters = keeps;
    return this;
  }

  /** Sets whether writes are searched for zeros; {@link ZeroDetection#OFF} if not. */
  public ImageCreator detectZeroes(ZeroDetection detection) {
    options.zeroDetection = detection;
    return this;
  }

  /**
   * Creates the image without looking at the backing file, which need not exist yet.
   *
   * @throws IllegalArgumentException if the options exclude each other
   */
  public void createOnly() throws IOException {
    ReferencePolicy given = options.references;
    BlockDevice empty = RawImage.over(new HeapStorage("no backing file"));
    options.references =
        reference ->
            reference.kind() == ReferencePolicy.Kind.BACKING_FILE
                ? new ReferencePolicy.Answer.UseDevice(empty)
                : given.resolve(reference);
    build().close();
  }

  /**
   * Creates the image and opens it for reading and writing.
   *
   * @throws FileAlreadyExistsException if the file exists, and was not to be overwritten
   * @throws io.github.qcow2.error.LimitExceededException if the disk is too large for the cluster
   *     size, or the names are too long for the first cluster
   * @throws io.github.qcow2.error.ReferenceDeniedException if the policy denies a file named
   * @throws io.github.qcow2.error.ImageLockedException if a file to be overwritten is open
   *     elsewhere, or the backing file is open for writing; no file has been touched then
   * @throws IllegalArgumentException if the options exclude each other
   */
  public Qcow2Image build() throws IOException {
    String name = storage != null ? storage.name() : String.valueOf(path);
    Geometry geometry = new Geometry(version, clusterBits, refcountOrder, extendedL2);
    if (version == 2 && options.discardKeepsClusters) {
      throw new IllegalArgumentException(
          "a version 2 image cannot keep clusters that are discarded: it has no zero flag");
    }
    if (preallocation != Preallocation.OFF && backingName != null && !extendedL2) {
      throw new IllegalArgumentException(
          "preallocation hides the backing file, unless the image has extended L2 entries");
    }
    if (rawDataFile && backingName != null) {
      throw new IllegalArgumentException(
          "a raw data file is the disk by itself, and so excludes a backing file");
    }
    if (adoptsDataFile && (dataFile == null || backingName != null)) {
      throw new IllegalArgumentException(
          dataFile == null
              ? "no data file is named that could be adopted"
              : "a data file that is adopted hides the backing file");
    }
    ImageLayout layout = ImageLayout.of(name, geometry, size, mapping(), options.limits());
    HeaderBuilder builder =
        new HeaderBuilder(version, clusterBits, size)
            .refcountOrder(refcountOrder)
            .extendedL2(extendedL2)
            .lazyRefcounts(lazyRefcounts)
            .compressionType(compressionType);
    if (backingName != null) {
      builder.backingFile(backingName, backingFormat);
    }
    if (dataFile != null) {
      builder.dataFile(dataFile, rawDataFile);
    }
    if (dataFile != null && size > Geometry.HOST_OFFSET_END) {
      throw new LimitExceededException(
          name, Header.SIZE_FIELD_OFFSET, "a data file of more than 2^56 bytes");
    }
    layout.describe(builder);
    Header header = builder.build(name);
    options.codec(name, header);
    return storage != null
        ? write(storage, null, layout, header)
        : writeFile(Objects.requireNonNull(path), layout, header);
  }

  private ImageLayout.Mapping mapping() {
    if (rawDataFile || adoptsDataFile) {
      return ImageLayout.Mapping.DATA_FILE;
    }
    if (preallocation == Preallocation.OFF) {
      return ImageLayout.Mapping.NONE;
    }
    return dataFile == null
        ? ImageLayout.Mapping.RESERVED
        : ImageLayout.Mapping.RESERVED_IN_DATA_FILE;
  }

  private Qcow2Image writeFile(Path path, ImageLayout layout, Header header) throws IOException {
    boolean existed = Files.exists(path);
    if (existed && !overwrites) {
      throw new FileAlreadyExistsException(path.toString());
    }
    boolean created = false;
    boolean done = false;
    try (AutoCloseables onFailure = new AutoCloseables()) {
      Storage file =
          onFailure.add(
              existed
                  ? FileStorage.openWritable(path, options.locking)
                  : new HeapStorage(path.toString()));
      // Found out before any file is touched: neither image nor data file may overwrite the other,
      // or a file of the backing chain.
      Path data = dataPath(path.toString(), path);
      new ChainOpener(options)
          .checkReferences(file, path, header, data != null && Files.exists(data) ? data : null);
      if (!existed) {
        file = onFailure.add(FileStorage.createNew(path, options.locking));
        created = true;
      }
      Qcow2Image image = write(file, path, layout, header);
      onFailure.keep();
      done = true;
      return image;
    } finally {
      if (created && !done) {
        Files.deleteIfExists(path);
      }
    }
  }

  private Qcow2Image write(Storage file, @Nullable Path path, ImageLayout layout, Header header)
      throws IOException {
    if (file.size() != 0 && !overwrites) {
      throw new FileAlreadyExistsException(file.name(), null, "the storage is not empty");
    }
    Path createdData = createDataFile(file.name(), path);
    boolean done = false;
    try {
      file.setSize(0);
      TrackedFile image = new TrackedFile(file, options.durability.hasBarriers());
      layout.write(image, header, preallocation);
      Qcow2Image opened = new ChainOpener(options).open(file, path, true);
      done = true;
      return opened;
    } finally {
      if (!done && createdData != null) {
        Files.deleteIfExists(createdData);
      }
    }
  }

  /** Where the data file is to be, or null if there is none or it is no file. */
  private @Nullable Path dataPath(String image, @Nullable Path path) throws IOException {
    return dataFile != null
            && resolveDataFile(image, path, dataFile)
                instanceof ReferencePolicy.Answer.OpenFile file
        ? file.path()
        : null;
  }

  private ReferencePolicy.Answer resolveDataFile(String image, @Nullable Path path, String name)
      throws IOException {
    return options.references.resolve(
        new ReferencePolicy.Reference(
            image,
            ReferencePolicy.Kind.DATA_FILE,
            name,
            null,
            path == null ? null : References.resolve(path, name)));
  }

  /** Makes the data file, if there is to be one; returns its path if it did not exist before. */
  private @Nullable Path createDataFile(String image, @Nullable Path path) throws IOException {
    return dataFile == null
        ? null
        : new NewDataFile(
                image,
                size,
                preallocation,
                options,
                overwrites,
                adoptsDataFile,
                mapping() != ImageLayout.Mapping.NONE)
            .make(resolveDataFile(image, path, dataFile));
  }
}
