package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * Reads the header from the start of a file, and believes none of it: every number is checked
 * against the format and the limits before it is used, in arithmetic that cannot overflow.
 *
 * <p>A reader takes two steps: {@link #CLUSTER_SIZE_PREFIX} bytes tell the {@link #clusterSize},
 * and the first cluster the rest. What is well formed but not supported, or marked as damaged, is
 * no exception here: {@link Header#problems()} lists it.
 *
 * <p>If the image has incompatible features that this library does not know, other fields may have
 * changed their meaning; a broken rule is then reported as the unknown feature it may come from.
 */
public final class HeaderReader {
  /** How many bytes from the start of the file {@link #clusterSize} looks at. */
  public static final int CLUSTER_SIZE_PREFIX = 24;

  /** An entry of the snapshot table has at least this many bytes. */
  private static final int MIN_SNAPSHOT_BYTES = 40;

  private final String imageName;
  private final ByteBuffer cluster;
  private final int clusterSize;
  private final Limits limits;
  private final boolean forRepair;
  private final HeaderBuilder fields = new HeaderBuilder();

  private HeaderReader(String imageName, ByteBuffer cluster, Limits limits, boolean forRepair) {
    this.imageName = imageName;
    this.cluster = cluster;
    this.clusterSize = cluster.capacity();
    this.limits = limits;
    this.forRepair = forRepair;
  }

  /** Whether bytes begin with the magic of a qcow2 image; fewer than four do not. */
  public static boolean isQcow2(ByteBuffer start) {
    return start.remaining() >= Integer.BYTES
        && bigEndian(start).getInt(HeaderField.MAGIC) == HeaderField.MAGIC_VALUE;
  }

  /**
   * The cluster size of the image that starts with these bytes.
   *
   * @param imageName the image as the caller named it, for the exceptions
   * @param start the first {@link #CLUSTER_SIZE_PREFIX} bytes of the file, or more; neither
   *     position nor limit change
   * @return bytes, 512 to 2 MiB
   * @throws UnsupportedFeatureException if it is no qcow2 image of version 2 or 3
   * @throws CorruptImageException if the format has no such cluster size
   */
  public static int clusterSize(String imageName, ByteBuffer start) throws Qcow2Exception {
    if (!isQcow2(start)) {
      throw new UnsupportedFeatureException(imageName, HeaderField.MAGIC, "not a qcow2 image");
    }
    if (start.remaining() < CLUSTER_SIZE_PREFIX) {
      throw new CorruptImageException(
          imageName, start.remaining(), "the file ends within the header");
    }
    ByteBuffer bytes = bigEndian(start);
    int version = bytes.getInt(HeaderField.VERSION);
    if (version != 2 && version != 3) {
      throw new UnsupportedFeatureException(
          imageName,
          HeaderField.VERSION,
          "qcow version " + Integer.toUnsignedString(version) + ", neither 2 nor 3");
    }
    int clusterBits = bytes.getInt(HeaderField.CLUSTER_BITS);
    if (clusterBits < Geometry.MIN_CLUSTER_BITS || clusterBits > Geometry.MAX_CLUSTER_BITS) {
      throw new CorruptImageException(
          imageName,
          HeaderField.CLUSTER_BITS,
          "cluster bits " + Integer.toUnsignedString(clusterBits) + " not in 9..21");
    }
    return 1 << clusterBits;
  }

  /**
   * Reads the header.
   *
   * @param imageName the image as the caller named it, for the exceptions
   * @param start the first cluster of the file; if it has fewer bytes, zeros stand for those
   *     missing; neither position nor limit change
   * @param limits what the image may ask for
   * @throws CorruptImageException if a rule of the format is broken
   * @throws LimitExceededException if a table is larger than the limits allow
   * @throws UnsupportedFeatureException if it is no qcow2 image of version 2 or 3, or if a rule is
   *     broken in an image with unknown incompatible features
   */
  public static Header read(String imageName, ByteBuffer start, Limits limits)
      throws Qcow2Exception {
    return read(imageName, start, limits, false);
  }

  /**
   * Reads the header as {@link #read} does, except that a refcount table that is missing or has an
   * impossible place, which a repair makes anew, is left to {@link Header#problems()}.
   */
  public static Header readForRepair(String imageName, ByteBuffer start, Limits limits)
      throws Qcow2Exception {
    return read(imageName, start, limits, true);
  }

  private static Header read(String imageName, ByteBuffer start, Limits limits, boolean forRepair)
      throws Qcow2Exception {
    ByteBuffer cluster = ByteBuffer.allocate(clusterSize(imageName, start));
    int available = Math.min(start.remaining(), cluster.capacity());
    cluster.put(0, start, start.position(), available);
    HeaderReader reader = new HeaderReader(imageName, cluster, limits, forRepair);
    try {
      return reader.readFields();
    } catch (CorruptImageException | LimitExceededException e) {
      throw reader.unknownFeatureBehind(e);
    }
  }

  private Qcow2Exception unknownFeatureBehind(Qcow2Exception broken) {
    long unknown =
        cluster.getInt(HeaderField.VERSION) == 2
            ? 0
            : cluster.getLong(HeaderField.INCOMPATIBLE_FEATURES) & ~IncompatibleFeature.KNOWN;
    if (unknown == 0) {
      return broken;
    }
    Qcow2Exception unsupported =
        new UnsupportedFeatureException(
            imageName,
            HeaderField.INCOMPATIBLE_FEATURES,
            HeaderProblems.describeUnknown(unknown, null));
    unsupported.addSuppressed(broken);
    return unsupported;
  }

  private Header readFields() throws Qcow2Exception {
    fields.version = cluster.getInt(HeaderField.VERSION);
    fields.clusterBits = cluster.getInt(HeaderField.CLUSTER_BITS);
    fields.cryptMethod = cluster.getInt(HeaderField.CRYPT_METHOD);
    if (fields.version == 2) {
      fields.refcountOrder = Geometry.DEFAULT_REFCOUNT_ORDER;
      fields.headerLength = HeaderField.VERSION_2_HEADER_LENGTH;
    } else {
      readVersion3Fields();
    }
    Geometry geometry =
        new Geometry(
            fields.version,
            fields.clusterBits,
            fields.refcountOrder,
            (fields.incompatibleFeatures & IncompatibleFeature.EXTENDED_L2) != 0);
    readL1Table(geometry);
    readRefcountTable();
    readSnapshotTable();
    int extensionsEnd = readBackingFile();
    fields.extensions =
        new HeaderExtensionReader(imageName, cluster, geometry, limits, fields).read(extensionsEnd);
    fields.foundExtensionsEnd = fields.backingFile == null ? clusterSize : extensionsEnd;
    return new Header(fields);
  }

  private void readVersion3Fields() throws CorruptImageException {
    long headerLength = unsigned(HeaderField.HEADER_LENGTH);
    if (headerLength < HeaderField.VERSION_3_MIN_HEADER_LENGTH || headerLength > clusterSize) {
      throw corrupt(
          HeaderField.HEADER_LENGTH,
          "header length " + headerLength + ", less than 104 or more than the first cluster");
    }
    fields.headerLength = (int) headerLength;
    long order = unsigned(HeaderField.REFCOUNT_ORDER);
    if (order > Geometry.MAX_REFCOUNT_ORDER) {
      throw corrupt(HeaderField.REFCOUNT_ORDER, "refcount order " + order + " above 6");
    }
    fields.refcountOrder = (int) order;
    fields.incompatibleFeatures = cluster.getLong(HeaderField.INCOMPATIBLE_FEATURES);
    fields.compatibleFeatures = cluster.getLong(HeaderField.COMPATIBLE_FEATURES);
    fields.autoclearFeatures = cluster.getLong(HeaderField.AUTOCLEAR_FEATURES);
    if (hasIncompatible(IncompatibleFeature.EXTENDED_L2)
        && fields.clusterBits < Geometry.MIN_EXTENDED_L2_CLUSTER_BITS) {
      throw corrupt(
          HeaderField.INCOMPATIBLE_FEATURES,
          "extended L2 entries with clusters of " + clusterSize + " bytes, less than 16384");
    }
    if (headerLength > HeaderField.COMPRESSION_TYPE) {
      fields.compressionType = cluster.get(HeaderField.COMPRESSION_TYPE) & 0xff;
      fields.unknownHeaderBytes =
          new byte[fields.headerLength - HeaderField.AFTER_COMPRESSION_TYPE];
      cluster.get(HeaderField.AFTER_COMPRESSION_TYPE, fields.unknownHeaderBytes);
    }
    boolean bit = hasIncompatible(IncompatibleFeature.COMPRESSION_TYPE);
    if (bit != (fields.compressionType != 0)) {
      throw corrupt(
          HeaderField.COMPRESSION_TYPE,
          "compression type "
              + fields.compressionType
              + " with its feature bit "
              + (bit ? "set" : "clear"));
    }
  }

  private void readL1Table(Geometry geometry) throws Qcow2Exception {
    long size = cluster.getLong(HeaderField.SIZE);
    if (size < 0) {
      throw aboveLimit(
          HeaderField.SIZE,
          "virtual size of " + Long.toUnsignedString(size) + " bytes, more than 2^63 - 1");
    }
    long entries = unsigned(HeaderField.L1_SIZE);
    if (entries * Long.BYTES > limits.l1Bytes()) {
      throw aboveLimit(
          HeaderField.L1_SIZE,
          "L1 table of " + entries + " entries, more than " + limits.l1Bytes() + " bytes");
    }
    long needed = geometry.l1EntriesFor(size);
    if (needed > entries) {
      throw corrupt(
          HeaderField.L1_SIZE,
          "L1 table of "
              + entries
              + " entries is too small for the virtual size, which needs "
              + needed);
    }
    fields.size = size;
    fields.l1Entries = (int) entries;
    fields.l1TableOffset =
        tableOffset(HeaderField.L1_TABLE_OFFSET, entries * Long.BYTES, "L1 table");
  }

  private void readRefcountTable() throws Qcow2Exception {
    long clusters = unsigned(HeaderField.REFCOUNT_TABLE_CLUSTERS);
    long bytes = clusters * clusterSize;
    if (bytes > limits.refcountTableBytes()) {
      throw aboveLimit(
          HeaderField.REFCOUNT_TABLE_CLUSTERS,
          "refcount table of "
              + clusters
              + " clusters, more than "
              + limits.refcountTableBytes()
              + " bytes");
    }
    fields.refcountTableClusters = (int) clusters;
    fields.refcountTableOffset = cluster.getLong(HeaderField.REFCOUNT_TABLE_OFFSET);
    if (forRepair) {
      return;
    }
    if (clusters == 0) {
      throw corrupt(HeaderField.REFCOUNT_TABLE_CLUSTERS, "no refcount table");
    }
    tableOffset(HeaderField.REFCOUNT_TABLE_OFFSET, bytes, "refcount table");
  }

  private void readSnapshotTable() throws Qcow2Exception {
    long snapshots = unsigned(HeaderField.NB_SNAPSHOTS);
    if (snapshots > limits.snapshots()) {
      throw aboveLimit(
          HeaderField.NB_SNAPSHOTS, snapshots + " snapshots, more than " + limits.snapshots());
    }
    fields.snapshots = (int) snapshots;
    fields.snapshotTableOffset =
        tableOffset(HeaderField.SNAPSHOTS_OFFSET, snapshots * MIN_SNAPSHOT_BYTES, "snapshot table");
  }

  /** Gives the end of the area for extensions. */
  private int readBackingFile() throws CorruptImageException {
    long offset = cluster.getLong(HeaderField.BACKING_FILE_OFFSET);
    if (offset == 0) {
      return clusterSize;
    }
    if (offset < 0 || offset > clusterSize) {
      throw corrupt(
          HeaderField.BACKING_FILE_OFFSET,
          "backing file name at 0x" + Long.toHexString(offset) + ", beyond the first cluster");
    }
    long length = unsigned(HeaderField.BACKING_FILE_SIZE);
    if (length > Math.min(Header.MAX_BACKING_FILE_BYTES, clusterSize - offset)) {
      throw corrupt(
          HeaderField.BACKING_FILE_SIZE,
          "backing file name of "
              + length
              + " bytes, more than 1023 or not within the first cluster");
    }
    if (length > 0) {
      if (offset < fields.headerLength) {
        throw corrupt(
            HeaderField.BACKING_FILE_OFFSET,
            "backing file name at 0x" + Long.toHexString(offset) + ", within the header");
      }
      byte[] name = new byte[(int) length];
      cluster.get((int) offset, name);
      fields.backingFile = name;
    }
    return (int) offset;
  }

  /** Checks where a table lies. */
  private long tableOffset(int field, long bytes, String table) throws CorruptImageException {
    long offset = cluster.getLong(field);
    if (!isPlaceOfTable(offset, bytes, clusterSize)) {
      throw corrupt(
          field,
          String.format(
              "%s of %d bytes at 0x%x, which is 0, not cluster aligned or too large",
              table, bytes, offset));
    }
    return offset;
  }

  static boolean isPlaceOfTable(long offset, long bytes, int clusterSize) {
    return offset >= 0
        && (offset & (clusterSize - 1)) == 0
        && offset <= Long.MAX_VALUE - bytes
        && (offset > 0 || bytes == 0);
  }

  static boolean hasRefcountTable(Header header) {
    long bytes = (long) header.refcountTableClusters() * header.geometry().clusterSize();
    return bytes > 0
        && isPlaceOfTable(header.refcountTableOffset(), bytes, header.geometry().clusterSize());
  }

  private long unsigned(int field) {
    return Integer.toUnsignedLong(cluster.getInt(field));
  }

  private boolean hasIncompatible(long feature) {
    return (fields.incompatibleFeatures & feature) != 0;
  }

  private CorruptImageException corrupt(int field, String rule) {
    return new CorruptImageException(imageName, field, rule);
  }

  private LimitExceededException aboveLimit(int field, String rule) {
    return new LimitExceededException(imageName, field, rule);
  }

  private static ByteBuffer bigEndian(ByteBuffer bytes) {
    return bytes.slice().order(ByteOrder.BIG_ENDIAN);
  }
}
