package io.github.qcow2.testkit.build;

import io.github.qcow2.testkit.generate.ImageShape;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.NavigableMap;
import java.util.TreeMap;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;

/**
 * Describes an image, cluster by cluster, and builds it. Not thread-safe.
 *
 * <p>The methods that describe a guest cluster replace what was said about it before; those before
 * and after {@link #snapshot} thus say what the snapshot holds and what the disk holds now. What
 * did not change in between is shared. Clusters are described by at most a whole one: what is
 * missing at the end is zeros.
 */
public final class ImageBuilder {
  private static final int BACKING_FORMAT = 0xE2792ACA;
  private static final int DATA_FILE_NAME = 0x44415441;
  private static final long EXTERNAL_DATA_FILE = 4;
  private static final long COMPRESSION_TYPE = 8;
  private static final long EXTENDED_L2 = 16;
  private static final long RAW_DATA_FILE = 2;

  /** A header extension. */
  static final class Extension {
    final int type;
    final byte[] data;

    Extension(int type, byte[] data) {
      this.type = type;
      this.data = data;
    }
  }

  final int version;
  final int clusterBits;
  final int refcountOrder;
  final boolean extendedL2;
  final NavigableMap<Long, Cluster> clusters = new TreeMap<>();
  final List<Snapshot> snapshots = new ArrayList<>();
  final List<Extension> extensions = new ArrayList<>();
  @Nullable String backingName;
  long size;
  long incompatible;
  long compatible;
  long autoclear;
  int compressionType;
  int headerLength;

  private ImageBuilder(
      int version, int clusterBits, int refcountOrder, boolean extendedL2, long size) {
    this.version = version;
    this.clusterBits = clusterBits;
    this.refcountOrder = refcountOrder;
    this.extendedL2 = extendedL2;
    this.size = size;
    this.incompatible = extendedL2 ? EXTENDED_L2 : 0;
    this.headerLength = version == 2 ? 72 : 112;
  }

  /** An empty image of a given shape. Its backing file, if it is to have one, comes extra. */
  public static ImageBuilder of(ImageShape shape) {
    return new ImageBuilder(
        shape.version(),
        shape.clusterBits(),
        shape.refcountOrder(),
        shape.extendedL2(),
        shape.size());
  }

  /**
   * An empty image of version 3 with refcounts of 16 bits.
   *
   * @param clusterBits 9 to 21
   * @param size of the disk in bytes
   */
  public static ImageBuilder of(int clusterBits, long size) {
    return new ImageBuilder(3, clusterBits, 4, false, size);
  }

  /**
   * Names a backing file.
   *
   * @param format of it, or null to say nothing about that
   */
  public ImageBuilder backing(String name, @Nullable String format) {
    backingName = name;
    if (format != null) {
      extension(BACKING_FORMAT, format.getBytes(StandardCharsets.UTF_8));
    }
    return this;
  }

  /** Keeps the guest's data in a file of its own. To be called before any cluster is described. */
  public ImageBuilder dataFile(String name) {
    requireVersion3();
    if (!clusters.isEmpty()) {
      throw new IllegalStateException("clusters were described before");
    }
    incompatible |= EXTERNAL_DATA_FILE;
    return extension(DATA_FILE_NAME, name.getBytes(StandardCharsets.UTF_8));
  }

  /** Promises that the data file alone is the disk. */
  public ImageBuilder rawDataFile() {
    autoclear |= RAW_DATA_FILE;
    return this;
  }

  /** Adds a header extension, after those there are. */
  public ImageBuilder extension(int type, byte[] data) {
    extensions.add(new Extension(type, data.clone()));
    return this;
  }

  /** Sets feature bits, besides those that follow from the description. */
  public ImageBuilder features(long incompatible, long compatible, long autoclear) {
    requireVersion3();
    this.incompatible |= incompatible;
    this.compatible |= compatible;
    this.autoclear |= autoclear;
    return this;
  }

  /** Says how the streams of {@link #compressedStream} are compressed: 1 is zstd. */
  public ImageBuilder compressionType(int type) {
    requireVersion3();
    compressionType = type;
    incompatible = type == 0 ? incompatible & ~COMPRESSION_TYPE : incompatible | COMPRESSION_TYPE;
    return this;
  }

  /** Makes the header shorter or longer; what is beyond the fields known today is zeros. */
  public ImageBuilder headerLength(int bytes) {
    requireVersion3();
    headerLength = bytes;
    return this;
  }

  /** A guest cluster of data. */
  public ImageBuilder data(long guestCluster, byte[] content) {
    return put(guestCluster, new Cluster(whole(content), false, false, Cluster.ALL_ALLOCATED));
  }

  /** A guest cluster that is deflated. Its content must be one that this makes smaller. */
  public ImageBuilder compressed(long guestCluster, byte[] content) {
    if (compressionType != 0) {
      throw new IllegalStateException("the image's compression type is " + compressionType);
    }
    return compressedStream(guestCluster, deflate(whole(content)));
  }

  /** A compressed guest cluster, as the bytes that are in the file. */
  public ImageBuilder compressedStream(long guestCluster, byte[] stream) {
    if (stream.length == 0 || stream.length >= clusterSize() || hasDataFile()) {
      throw new IllegalArgumentException("stream of " + stream.length + " bytes");
    }
    return put(guestCluster, new Cluster(stream.clone(), true, false, 0));
  }

  /** A guest cluster of zeros without a place. */
  public ImageBuilder zero(long guestCluster) {
    requireVersion3();
    return put(guestCluster, new Cluster(null, false, !extendedL2, Cluster.ALL_ZERO));
  }

  /**
   * A guest cluster of zeros with a place in the file.
   *
   * @param hidden the bytes in that place, which nobody must see
   */
  public ImageBuilder zeroAllocated(long guestCluster, byte[] hidden) {
    requireVersion3();
    return put(guestCluster, new Cluster(whole(hidden), false, !extendedL2, Cluster.ALL_ZERO));
  }

  /**
   * A guest cluster with a place in the file, of which each subcluster may be data, zero or not
   * there.
   *
   * @param bitmap the second word of the L2 entry: the low half says which subclusters are data,
   *     the high half which are zeros
   */
  public ImageBuilder subclusters(long guestCluster, long bitmap, byte[] content) {
    return put(guestCluster, subclusters(whole(content), bitmap));
  }

  /** A guest cluster without a place in the file, of which some subclusters are zeros. */
  public ImageBuilder subclusters(long guestCluster, long bitmap) {
    return put(guestCluster, subclusters(null, bitmap));
  }

  /** A guest cluster that is not there, as all are at first. */
  public ImageBuilder unallocated(long guestCluster) {
    clusters.remove(guestCluster);
    return this;
  }

  /** Makes a snapshot of the disk as it has been described so far. */
  public ImageBuilder snapshot(String name) {
    snapshots.add(new Snapshot(name, size, clusters));
    return this;
  }

  /** Changes the size of the disk; snapshots keep theirs. */
  public ImageBuilder resize(long newSize) {
    size = newSize;
    clusters.tailMap((newSize + clusterSize() - 1) >> clusterBits).clear();
    return this;
  }

  /**
   * Builds the image.
   *
   * @throws IllegalArgumentException if no valid image is as described, for example because a
   *     refcount is too wide
   */
  public BuiltImage build() {
    return new ImageLayout(this).build();
  }

  int clusterSize() {
    return 1 << clusterBits;
  }

  boolean hasDataFile() {
    return (incompatible & EXTERNAL_DATA_FILE) != 0;
  }

  int l2EntryBytes() {
    return extendedL2 ? 16 : 8;
  }

  long clustersPerL2Table() {
    return clusterSize() / l2EntryBytes();
  }

  int l1Entries(long diskSize) {
    long perTable = clustersPerL2Table() << clusterBits;
    return Math.toIntExact((diskSize + perTable - 1) / perTable);
  }

  private ImageBuilder put(long guestCluster, Cluster cluster) {
    if (guestCluster < 0 || guestCluster << clusterBits >= size) {
      throw new IndexOutOfBoundsException("guest cluster " + guestCluster + ", size " + size);
    }
    clusters.put(guestCluster, cluster);
    return this;
  }

  private Cluster subclusters(byte @Nullable [] stored, long bitmap) {
    if (!extendedL2) {
      throw new IllegalStateException("the image has no subclusters");
    }
    return new Cluster(stored, false, false, bitmap);
  }

  private byte[] whole(byte[] content) {
    if (content.length > clusterSize()) {
      throw new IllegalArgumentException(content.length + " bytes for a cluster");
    }
    return Arrays.copyOf(content, clusterSize());
  }

  private static byte[] deflate(byte[] content) {
    Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
    try {
      deflater.setInput(content);
      deflater.finish();
      byte[] stream = new byte[content.length];
      return Arrays.copyOf(stream, deflater.deflate(stream));
    } finally {
      deflater.end();
    }
  }

  private void requireVersion3() {
    if (version < 3) {
      throw new IllegalStateException("version " + version + " does not have this");
    }
  }
}
