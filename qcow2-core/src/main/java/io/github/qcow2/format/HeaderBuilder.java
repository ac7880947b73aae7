package io.github.qcow2.format;

import io.github.qcow2.error.LimitExceededException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Makes the header of a new image, laid out as qemu-img does: backing format, external data file,
 * names of feature bits, end marker, name of the backing file. Not thread-safe.
 *
 * <p>{@link IllegalArgumentException} is for combinations that the format excludes; what only does
 * not fit the first cluster is a {@link LimitExceededException}.
 */
public final class HeaderBuilder {
  int version;
  int clusterBits;
  int refcountOrder;
  long size;
  int cryptMethod;
  int l1Entries;
  long l1TableOffset;
  long refcountTableOffset;
  int refcountTableClusters;
  int snapshots;
  long snapshotTableOffset;
  long incompatibleFeatures;
  long compatibleFeatures;
  long autoclearFeatures;
  int headerLength;
  int compressionType;
  byte[] unknownHeaderBytes;
  List<HeaderExtension> extensions;
  byte @Nullable [] backingFile;

  /**
   * Where the area of the extensions ends in the file that these extensions and the name of the
   * backing file were read from, or 0 once one of them has changed.
   */
  int foundExtensionsEnd;

  /**
   * Starts a header with 16-bit refcounts and no features.
   *
   * @param version 2 or 3
   * @param clusterBits log2 of the cluster size, 9 to 21
   * @param size the virtual size in bytes, a multiple of 512
   */
  public HeaderBuilder(int version, int clusterBits, long size) {
    this.version = version;
    this.clusterBits = clusterBits;
    this.refcountOrder = Geometry.DEFAULT_REFCOUNT_ORDER;
    this.headerLength =
        version == 2 ? HeaderField.VERSION_2_HEADER_LENGTH : HeaderField.VERSION_3_HEADER_LENGTH;
    this.unknownHeaderBytes =
        new byte[Math.max(0, headerLength - HeaderField.AFTER_COMPRESSION_TYPE)];
    this.extensions =
        version > 2 && clusterBits >= FeatureNameTable.MIN_CLUSTER_BITS
            ? List.of(FeatureNameTable.standard())
            : List.of();
    size(size);
  }

  /** For a reader, which fills in every field. */
  HeaderBuilder() {
    this.unknownHeaderBytes = new byte[0];
    this.extensions = List.of();
  }

  HeaderBuilder(HeaderBuilder other) {
    this.version = other.version;
    this.clusterBits = other.clusterBits;
    this.refcountOrder = other.refcountOrder;
    this.size = other.size;
    this.cryptMethod = other.cryptMethod;
    this.l1Entries = other.l1Entries;
    this.l1TableOffset = other.l1TableOffset;
    this.refcountTableOffset = other.refcountTableOffset;
    this.refcountTableClusters = other.refcountTableClusters;
    this.snapshots = other.snapshots;
    this.snapshotTableOffset = other.snapshotTableOffset;
    this.incompatibleFeatures = other.incompatibleFeatures;
    this.compatibleFeatures = other.compatibleFeatures;
    this.autoclearFeatures = other.autoclearFeatures;
    this.headerLength = other.headerLength;
    this.compressionType = other.compressionType;
    this.unknownHeaderBytes = other.unknownHeaderBytes;
    this.extensions = other.extensions;
    this.backingFile = other.backingFile;
    this.foundExtensionsEnd = other.foundExtensionsEnd;
  }

  /** Sets the base-2 logarithm of the refcount width in bits: 0 to 6. */
  public HeaderBuilder refcountOrder(int order) {
    refcountOrder = order;
    return this;
  }

  /** Sets whether L2 entries carry a subcluster bitmap. */
  public HeaderBuilder extendedL2(boolean extended) {
    incompatibleFeatures = with(incompatibleFeatures, IncompatibleFeature.EXTENDED_L2, extended);
    return this;
  }

  /** Sets whether refcount updates may be postponed under the dirty bit. */
  public HeaderBuilder lazyRefcounts(boolean lazy) {
    compatibleFeatures = with(compatibleFeatures, CompatibleFeature.LAZY_REFCOUNTS, lazy);
    return this;
  }

  /** Sets how compressed clusters are compressed. */
  public HeaderBuilder compressionType(CompressionType type) {
    compressionType = type.value();
    incompatibleFeatures =
        with(
            incompatibleFeatures,
            IncompatibleFeature.COMPRESSION_TYPE,
            type != CompressionType.DEFLATE);
    return this;
  }

  /**
   * Puts guest data into an external file.
   *
   * @param name as it is to be recorded
   * @param raw whether the file alone is to be the whole guest image
   */
  public HeaderBuilder dataFile(String name, boolean raw) {
    incompatibleFeatures |= IncompatibleFeature.DATA_FILE;
    autoclearFeatures = with(autoclearFeatures, AutoclearFeature.RAW_DATA_FILE, raw);
    return dataFileName(name);
  }

  HeaderBuilder dataFileName(@Nullable String name) {
    return extension(
        HeaderExtension.DATA_FILE,
        name == null ? null : HeaderExtension.ofText(HeaderExtension.DATA_FILE, requireName(name)));
  }

  /**
   * Names a backing file.
   *
   * @param name as it is to be recorded, or null for none
   * @param format the name of its format, or null to record none
   */
  public HeaderBuilder backingFile(@Nullable String name, @Nullable String format) {
    if (name == null && format != null) {
      throw new IllegalArgumentException("a backing format without a backing file");
    }
    backingFile = name == null ? null : requireName(name).getBytes(StandardCharsets.UTF_8);
    return extension(
        HeaderExtension.BACKING_FORMAT,
        format == null
            ? null
            : HeaderExtension.ofText(HeaderExtension.BACKING_FORMAT, requireName(format)));
  }

  /** Sets the host offset and the number of entries of the active L1 table. */
  public HeaderBuilder l1Table(long offset, int entries) {
    requirePlace(offset, entries, "L1 table");
    l1TableOffset = offset;
    l1Entries = entries;
    return this;
  }

  /** Sets the host offset and the number of clusters of the refcount table. */
  public HeaderBuilder refcountTable(long offset, int clusters) {
    require(clusters > 0, "no clusters for the refcount table");
    requirePlace(offset, clusters, "refcount table");
    refcountTableOffset = offset;
    refcountTableClusters = clusters;
    return this;
  }

  HeaderBuilder size(long bytes) {
    require(bytes >= 0 && bytes % 512 == 0, "a virtual size of " + bytes + " bytes");
    size = bytes;
    return this;
  }

  HeaderBuilder snapshotTable(long offset, int count) {
    requirePlace(offset, count, "snapshot table");
    snapshotTableOffset = offset;
    snapshots = count;
    return this;
  }

  HeaderBuilder incompatibleFeatures(long features) {
    incompatibleFeatures = features;
    return this;
  }

  HeaderBuilder compatibleFeatures(long features) {
    compatibleFeatures = features;
    return this;
  }

  HeaderBuilder autoclearFeatures(long features) {
    autoclearFeatures = features;
    return this;
  }

  /** Makes it a header of version 3, with names of feature bits where qemu-img writes them. */
  HeaderBuilder upgraded() {
    version = 3;
    headerLength = HeaderField.VERSION_3_HEADER_LENGTH;
    unknownHeaderBytes = new byte[headerLength - HeaderField.AFTER_COMPRESSION_TYPE];
    return clusterBits >= FeatureNameTable.MIN_CLUSTER_BITS
        ? extension(HeaderExtension.FEATURE_NAMES, FeatureNameTable.standard())
        : laidOutAnew();
  }

  /** Makes it a header of version 2, without everything that this version does not have. */
  HeaderBuilder downgraded() {
    version = 2;
    headerLength = HeaderField.VERSION_2_HEADER_LENGTH;
    unknownHeaderBytes = new byte[0];
    incompatibleFeatures = 0;
    compatibleFeatures = 0;
    autoclearFeatures = 0;
    compressionType = 0;
    return extension(HeaderExtension.FEATURE_NAMES, null).extension(HeaderExtension.BITMAPS, null);
  }

  /** Replaces all extensions of a type by one, or by none. */
  HeaderBuilder extension(int type, @Nullable HeaderExtension replacement) {
    List<HeaderExtension> changed = new ArrayList<>();
    boolean placed = replacement == null;
    for (HeaderExtension extension : extensions) {
      boolean samePlace = extension.type() == type;
      if (!placed && (samePlace || follows(extension.type(), type))) {
        changed.add(replacement);
        placed = true;
      }
      if (!samePlace) {
        changed.add(extension);
      }
    }
    if (!placed) {
      changed.add(replacement);
    }
    extensions = List.copyOf(changed);
    return laidOutAnew();
  }

  /** Gives up the places in which extensions and name were found. */
  private HeaderBuilder laidOutAnew() {
    extensions =
        extensions.stream()
            .filter(extension -> extension.type() != HeaderExtension.PADDING)
            .toList();
    foundExtensionsEnd = 0;
    return this;
  }

  /**
   * Makes the header.
   *
   * @param imageName the image as the caller named it, for the exception
   * @throws LimitExceededException if a name is too long, or all of it does not fit the first
   *     cluster
   * @throws IllegalArgumentException if the format excludes the combination
   */
  public Header build(String imageName) throws LimitExceededException {
    byte[] name = backingFile;
    if (name != null && name.length > Header.MAX_BACKING_FILE_BYTES) {
      throw new LimitExceededException(
          imageName,
          HeaderField.BACKING_FILE_SIZE,
          "backing file name of " + name.length + " bytes, more than 1023");
    }
    for (HeaderExtension extension : extensions) {
      if (extension.type() == HeaderExtension.BACKING_FORMAT
          && extension.length() > Header.MAX_BACKING_FORMAT_BYTES) {
        throw new LimitExceededException(
            imageName,
            headerLength,
            "backing format name of " + extension.length() + " bytes, more than 15");
      }
    }
    Header header = buildInPlace();
    long length = HeaderEncoder.encodedLength(this);
    if (length > 1L << clusterBits) {
      throw new LimitExceededException(
          imageName,
          1L << clusterBits,
          "header, extensions and backing file name need "
              + length
              + " bytes and do not fit the first cluster");
    }
    return header;
  }

  /** Makes a header that is known not to be longer than the first cluster. */
  Header buildInPlace() {
    Header header = new Header(new HeaderBuilder(this));
    if (version == 2) {
      require(
          (incompatibleFeatures | compatibleFeatures | autoclearFeatures) == 0,
          "version 2 has no feature bits");
    }
    boolean compressionBit = (incompatibleFeatures & IncompatibleFeature.COMPRESSION_TYPE) != 0;
    require(
        compressionBit == (compressionType != 0),
        "the feature bit contradicts the compression type");
    require(
        header.geometry().l1EntriesFor(size) <= l1Entries,
        "an L1 table of " + l1Entries + " entries for " + size + " bytes");
    return header;
  }

  private void requirePlace(long offset, int units, String table) {
    long inCluster = offset & ((1L << clusterBits) - 1);
    require(
        units >= 0 && inCluster == 0 && (offset > 0 || (offset == 0 && units == 0)),
        "a " + table + " at offset " + offset);
  }

  private static void require(boolean condition, String message) {
    if (!condition) {
      throw new IllegalArgumentException(message);
    }
  }

  private static String requireName(String name) {
    require(!name.isEmpty() && name.indexOf('\0') < 0, "an empty name, or one with a NUL");
    return name;
  }

  /** Whether QEMU writes extensions of type {@code other} after those of {@code type}. */
  private static boolean follows(int other, int type) {
    return HeaderExtension.rank(other) > HeaderExtension.rank(type);
  }

  private static long with(long features, long bit, boolean set) {
    return set ? features | bit : features & ~bit;
  }
}
