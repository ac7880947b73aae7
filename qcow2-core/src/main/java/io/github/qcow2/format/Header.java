package io.github.qcow2.format;

import io.github.qcow2.error.LimitExceededException;
import java.nio.ByteBuffer;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the first cluster of an image says: the header, its extensions and the name of the backing
 * file (qcow2 spec, "Header" and "Header extensions"). Immutable.
 *
 * <p>Nothing read is lost: unknown feature bits, unknown extensions, padding and fields beyond
 * those the format defines today are kept and encoded again byte for byte, in their order. Every
 * header fits its image's first cluster, so that {@link #encode()} cannot fail.
 *
 * <p>Some groups of fields lie in one 512-byte sector and are replaced in place with one write: the
 * constants {@code …_OFFSET} and {@code …_LENGTH} name them, {@link #encode(int, int)} gives their
 * bytes. All other changes rewrite everything up to the end of the backing file's name.
 */
public final class Header {
  /** In-place update of the virtual size: byte offset in the file. */
  public static final int SIZE_FIELD_OFFSET = HeaderField.SIZE;

  /** In-place update of the virtual size: bytes. */
  public static final int SIZE_FIELD_LENGTH = 8;

  /** In-place update of the L1 table's number of entries and place: byte offset in the file. */
  public static final int L1_TABLE_FIELDS_OFFSET = HeaderField.L1_SIZE;

  /** In-place update of the L1 table's number of entries and place: bytes. */
  public static final int L1_TABLE_FIELDS_LENGTH = 12;

  /** In-place update of the refcount table's place and clusters: byte offset in the file. */
  public static final int REFCOUNT_TABLE_FIELDS_OFFSET = HeaderField.REFCOUNT_TABLE_OFFSET;

  /** In-place update of the refcount table's place and clusters: bytes. */
  public static final int REFCOUNT_TABLE_FIELDS_LENGTH = 12;

  /**
   * In-place update of the refcount table's place and clusters and of the width of refcounts: byte
   * offset in the file; version 3. The bytes hold other fields too, which stay as they are.
   */
  public static final int REFCOUNT_FIELDS_OFFSET = HeaderField.REFCOUNT_TABLE_OFFSET;

  /** In-place update of the refcount table's place and clusters and of the width: bytes. */
  public static final int REFCOUNT_FIELDS_LENGTH =
      HeaderField.REFCOUNT_ORDER + Integer.BYTES - HeaderField.REFCOUNT_TABLE_OFFSET;

  /**
   * In-place update of the number of snapshots and their table's place: byte offset in the file.
   */
  public static final int SNAPSHOT_TABLE_FIELDS_OFFSET = HeaderField.NB_SNAPSHOTS;

  /** In-place update of the number of snapshots and their table's place: bytes. */
  public static final int SNAPSHOT_TABLE_FIELDS_LENGTH = 12;

  /** In-place update of the incompatible feature bits: byte offset in the file; version 3. */
  public static final int INCOMPATIBLE_FEATURES_OFFSET = HeaderField.INCOMPATIBLE_FEATURES;

  /** In-place update of the incompatible feature bits: bytes. */
  public static final int INCOMPATIBLE_FEATURES_LENGTH = 8;

  /** In-place update of the compatible feature bits: byte offset in the file; version 3. */
  public static final int COMPATIBLE_FEATURES_OFFSET = HeaderField.COMPATIBLE_FEATURES;

  /** In-place update of the compatible feature bits: bytes. */
  public static final int COMPATIBLE_FEATURES_LENGTH = 8;

  /** In-place update of the autoclear feature bits: byte offset in the file; version 3. */
  public static final int AUTOCLEAR_FEATURES_OFFSET = HeaderField.AUTOCLEAR_FEATURES;

  /** In-place update of the autoclear feature bits: bytes. */
  public static final int AUTOCLEAR_FEATURES_LENGTH = 8;

  /** The longest name of a backing file, in bytes of UTF-8. */
  public static final int MAX_BACKING_FILE_BYTES = 1023;

  /** The longest name of a backing file's format, in bytes: QEMU refuses longer ones. */
  public static final int MAX_BACKING_FORMAT_BYTES = 15;

  private static final int SECTOR = 512;

  private final HeaderBuilder fields;
  private final Geometry geometry;

  /** Takes over {@code fields}, which nobody may change afterwards. */
  Header(HeaderBuilder fields) {
    this.fields = fields;
    this.geometry =
        new Geometry(
            fields.version,
            fields.clusterBits,
            fields.refcountOrder,
            (fields.incompatibleFeatures & IncompatibleFeature.EXTENDED_L2) != 0);
  }

  HeaderBuilder fields() {
    return fields;
  }

  /** The arithmetic that follows from version, cluster size, refcount width and extended L2. */
  public Geometry geometry() {
    return geometry;
  }

  /** The version: 2 or 3. */
  public int version() {
    return fields.version;
  }

  /**
   * The virtual size in bytes. QEMU drops what exceeds the last whole sector of 512, and so do we.
   */
  public long size() {
    return fields.size & -512;
  }

  /** The virtual size as the field says: not always a multiple of 512. */
  public long recordedSize() {
    return fields.size;
  }

  /** 0 for no encryption, 1 for AES-CBC, 2 for LUKS; unsigned, others are unknown. */
  public int cryptMethod() {
    return fields.cryptMethod;
  }

  /** Host offset of the active L1 table; 0 only if it has no entries. */
  public long l1TableOffset() {
    return fields.l1TableOffset;
  }

  /** Entries of the active L1 table: at least as many as the virtual size needs. */
  public int l1Entries() {
    return fields.l1Entries;
  }

  /** Host offset of the refcount table. */
  public long refcountTableOffset() {
    return fields.refcountTableOffset;
  }

  /** Clusters of the refcount table; at least one unless read for a repair. */
  public int refcountTableClusters() {
    return fields.refcountTableClusters;
  }

  /** Entries that the clusters of the refcount table have room for. */
  public int refcountTableEntries() {
    return (fields.refcountTableClusters << geometry().clusterBits()) / Long.BYTES;
  }

  /** Host offset of the snapshot table; means nothing if there are no snapshots. */
  public long snapshotTableOffset() {
    return fields.snapshotTableOffset;
  }

  /** The number of internal snapshots. */
  public int snapshots() {
    return fields.snapshots;
  }

  /** Bits of {@link IncompatibleFeature}, unknown ones included; 0 in version 2. */
  public long incompatibleFeatures() {
    return fields.incompatibleFeatures;
  }

  /** Bits of {@link CompatibleFeature}, unknown ones included; 0 in version 2. */
  public long compatibleFeatures() {
    return fields.compatibleFeatures;
  }

  /** Bits of {@link AutoclearFeature}, unknown ones included; 0 in version 2. */
  public long autoclearFeatures() {
    return fields.autoclearFeatures;
  }

  /** Whether refcounts may be stale. */
  public boolean isDirty() {
    return (fields.incompatibleFeatures & IncompatibleFeature.DIRTY) != 0;
  }

  /** Whether a program found damage and marked the image. */
  public boolean isCorrupt() {
    return (fields.incompatibleFeatures & IncompatibleFeature.CORRUPT) != 0;
  }

  /** Whether guest data lies in an external data file. */
  public boolean hasDataFile() {
    return (fields.incompatibleFeatures & IncompatibleFeature.DATA_FILE) != 0;
  }

  /** Whether the external data file alone is the whole guest image. */
  public boolean hasRawDataFile() {
    return (fields.autoclearFeatures & AutoclearFeature.RAW_DATA_FILE) != 0;
  }

  /** Whether refcount updates may be postponed under the dirty bit. */
  public boolean hasLazyRefcounts() {
    return (fields.compatibleFeatures & CompatibleFeature.LAZY_REFCOUNTS) != 0;
  }

  /** Bytes of the header before the extensions: 72 in version 2, at least 104 in version 3. */
  public int headerLength() {
    return fields.headerLength;
  }

  /** The value of a {@link CompressionType}, or of one that the format does not define. */
  public int compressionType() {
    return fields.compressionType;
  }

  /**
   * A copy of the bytes from 105 to {@link #headerLength()}: padding up to 112, then fields that
   * the format does not define yet.
   */
  public byte[] unknownHeaderBytes() {
    return fields.unknownHeaderBytes.clone();
  }

  /** All extensions in the order of the file, without the end marker. */
  public List<HeaderExtension> extensions() {
    return fields.extensions;
  }

  /** The last extension of a type, which is the one that counts, or null if there is none. */
  public @Nullable HeaderExtension extension(int type) {
    HeaderExtension last = null;
    for (HeaderExtension extension : fields.extensions) {
      if (extension.type() == type) {
        last = extension;
      }
    }
    return last;
  }

  /**
   * The name of the backing file as recorded, or null if there is none. Untrusted: it may name any
   * file of the host, or hold characters that are no part of a name.
   */
  public @Nullable String backingFile() {
    byte[] name = fields.backingFile;
    return name == null ? null : HeaderExtension.text(name);
  }

  /** The name of the backing file's format as recorded, or null if there is none. Untrusted. */
  public @Nullable String backingFormat() {
    return textOf(HeaderExtension.BACKING_FORMAT);
  }

  /** The name of the external data file as recorded, or null if there is none. Untrusted. */
  public @Nullable String dataFile() {
    return textOf(HeaderExtension.DATA_FILE);
  }

  /**
   * Where the directory of persistent bitmaps lies, or null if there are none to be trusted: then
   * either the extension is missing or a writer that does not know it has cleared the feature bit.
   */
  public @Nullable BitmapsExtension bitmaps() {
    HeaderExtension extension = extension(HeaderExtension.BITMAPS);
    return extension == null || (fields.autoclearFeatures & AutoclearFeature.BITMAPS) == 0
        ? null
        : BitmapsExtension.of(extension);
  }

  private @Nullable String textOf(int type) {
    HeaderExtension extension = extension(type);
    return extension == null ? null : extension.text();
  }

  /**
   * Every reason not to open the image or to report it, in the order of the fields; often empty.
   */
  public List<HeaderProblem> problems() {
    return HeaderProblems.of(this);
  }

  /**
   * The bytes of the file from 0 to the end of the extensions or, if there is one, of the backing
   * file's name. What follows in the first cluster is not part of the header.
   */
  public byte[] encode() {
    return HeaderEncoder.encode(fields);
  }

  /**
   * The same header with its extensions and the backing file's name in another place, so that the
   * old and the new ones can be in the file at once. An extension of a type that everybody ignores
   * leads there. Only for a header whose extensions or name have just been changed.
   *
   * @param start where in the file they begin, at least 16 bytes behind {@link #headerLength()}
   * @return the bytes of the file from 0 on; those between the fields and {@code start} mean
   *     nothing but for the first eight
   */
  public byte[] encodeBehind(int start) {
    int aligned = start + (fields.headerLength & 7);
    return HeaderEncoder.encode(fields, aligned);
  }

  /**
   * Which sectors of 512 bytes of the file the header is in; those that are skipped by what {@link
   * #encodeBehind} puts into its place are not among them.
   */
  public BitSet sectors() {
    BitSet sectors = new BitSet();
    sectors.set(0, sectorsFor(HeaderEncoder.encodedLength(fields)));
    int at = fields.headerLength;
    for (HeaderExtension extension : fields.extensions) {
      int data = at + HeaderExtension.PREFIX_BYTES;
      at = data + ((extension.length() + 7) & -8);
      if (extension.type() == HeaderExtension.PADDING && at >= data + SECTOR) {
        sectors.clear(sectorsFor(data), Math.max(sectorsFor(data), at / SECTOR));
      }
    }
    return sectors;
  }

  private static int sectorsFor(long bytes) {
    return (int) ((bytes + SECTOR - 1) / SECTOR);
  }

  /**
   * Some of the bytes that {@link #encode()} gives, for an update in place.
   *
   * @param offset one of the constants {@code …_OFFSET}
   * @param length the constant that belongs to it
   */
  public ByteBuffer encode(int offset, int length) {
    return ByteBuffer.wrap(encode(), offset, length).slice();
  }

  /**
   * This header with another virtual size, which the L1 table must cover.
   *
   * @param size in bytes, a multiple of 512
   * @throws IllegalArgumentException if it is not such a multiple, or the L1 table too short
   */
  public Header withSize(long size) {
    return copy().size(size).buildInPlace();
  }

  /**
   * This header with another active L1 table.
   *
   * @throws IllegalArgumentException if the offset is not cluster aligned or not positive, or the
   *     table too short for the virtual size
   */
  public Header withL1Table(long offset, int entries) {
    return copy().l1Table(offset, entries).buildInPlace();
  }

  /**
   * This header with another refcount table.
   *
   * @throws IllegalArgumentException if the offset is not cluster aligned or not positive, or there
   *     are no clusters
   */
  public Header withRefcountTable(long offset, int clusters) {
    return copy().refcountTable(offset, clusters).buildInPlace();
  }

  /**
   * This header with another refcount table, whose blocks have counts of another width.
   *
   * @param order log2 of the width in bits, 0 to 6
   * @throws IllegalArgumentException if version 2 has no such width, the offset is not cluster
   *     aligned or not positive, or there are no clusters
   */
  public Header withRefcounts(long offset, int clusters, int order) {
    return copy().refcountTable(offset, clusters).refcountOrder(order).buildInPlace();
  }

  /**
   * This header with another snapshot table.
   *
   * @param offset host offset; 0 if there are no snapshots
   * @param snapshots entries of the table
   * @throws IllegalArgumentException if the offset is not cluster aligned, or 0 with snapshots
   */
  public Header withSnapshotTable(long offset, int snapshots) {
    return copy().snapshotTable(offset, snapshots).buildInPlace();
  }

  /**
   * This header with other incompatible feature bits.
   *
   * @param features all of the bits, unknown ones included
   * @throws IllegalArgumentException if version 2 has no such field, or the bits contradict other
   *     fields
   */
  public Header withIncompatibleFeatures(long features) {
    return copy().incompatibleFeatures(features).buildInPlace();
  }

  /**
   * This header with other compatible feature bits.
   *
   * @param features all of the bits, unknown ones included
   * @throws IllegalArgumentException if version 2 has no such field
   */
  public Header withCompatibleFeatures(long features) {
    return copy().compatibleFeatures(features).buildInPlace();
  }

  /**
   * This header with other autoclear feature bits.
   *
   * @param features all of the bits, unknown ones included
   * @throws IllegalArgumentException if version 2 has no such field
   */
  public Header withAutoclearFeatures(long features) {
    return copy().autoclearFeatures(features).buildInPlace();
  }

  /**
   * This header with another backing file, or none.
   *
   * @param imageName the image as the caller named it, for the exception
   * @param name as it is to be recorded, or null for none
   * @param format the name of its format, or null to record none
   * @throws LimitExceededException if the names are too long or do not fit the first cluster
   * @throws IllegalArgumentException if there is a format without a name, an empty name, or a NUL
   */
  public Header withBackingFile(String imageName, @Nullable String name, @Nullable String format)
      throws LimitExceededException {
    return copy().backingFile(name, format).build(imageName);
  }

  /**
   * This header with another name for the external data file, or without the name.
   *
   * @param imageName the image as the caller named it, for the exception
   * @param name as it is to be recorded, or null to record none
   * @throws LimitExceededException if the name does not fit the first cluster
   * @throws IllegalArgumentException if guest data does not lie in an external file, or the name is
   *     empty or holds a NUL
   */
  public Header withDataFile(String imageName, @Nullable String name)
      throws LimitExceededException {
    if (!hasDataFile()) {
      throw new IllegalArgumentException("guest data does not lie in an external data file");
    }
    return copy().dataFileName(name).build(imageName);
  }

  /**
   * This header in the other version. What version 2 does not have is left out: feature bits, the
   * compression type, unknown fields, names of feature bits and bitmaps; all other extensions stay.
   * Whether the image's tables permit that is for the caller to know.
   *
   * @param imageName the image as the caller named it, for the exception
   * @param version 2 or 3
   * @throws LimitExceededException if it does not fit the first cluster
   * @throws IllegalArgumentException if version 2 does not have the width of the refcounts
   */
  public Header withVersion(String imageName, int version) throws LimitExceededException {
    if (version == version()) {
      return this;
    }
    return (version == 2 ? copy().downgraded() : copy().upgraded()).build(imageName);
  }

  /**
   * This header with one extension of the type of {@code extension} instead of all it had. A new
   * one goes where QEMU would write it.
   *
   * @param imageName the image as the caller named it, for the exception
   * @throws LimitExceededException if it does not fit the first cluster
   */
  public Header withExtension(String imageName, HeaderExtension extension)
      throws LimitExceededException {
    return copy().extension(extension.type(), extension).build(imageName);
  }

  /**
   * This header without any extension of a type.
   *
   * @param imageName the image as the caller named it, for the exception
   * @throws LimitExceededException if what remains does not fit the first cluster, because it was
   *     found without the end marker that it now gets
   */
  public Header withoutExtension(String imageName, int type) throws LimitExceededException {
    return extension(type) == null ? this : copy().extension(type, null).build(imageName);
  }

  private HeaderBuilder copy() {
    return new HeaderBuilder(fields);
  }

  @Override
  public String toString() {
    return "qcow2 header: " + geometry + ", virtual size " + size();
  }
}
