package io.github.qcow2.testkit.oracle;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The header of an image, as it is in the file. What version 2 does not have is as the
 * specification says it is implied.
 *
 * @param version 2 or 3
 * @param clusterBits a cluster has {@code 1 << clusterBits} bytes
 * @param size of the disk in bytes
 * @param cryptMethod 0 none, 1 AES, 2 LUKS
 * @param l1Size entries of the active L1 table
 * @param l1Offset of the active L1 table
 * @param refcountTableOffset of the refcount table
 * @param refcountTableClusters of the refcount table
 * @param snapshotCount entries of the snapshot table
 * @param snapshotsOffset of the snapshot table
 * @param incompatible feature bits
 * @param compatible feature bits
 * @param autoclear feature bits
 * @param refcountOrder a refcount has {@code 1 << refcountOrder} bits
 * @param headerLength bytes of the header without its extensions
 * @param compressionType 0 deflate, 1 zstd
 * @param backingName the file below, if there is one
 * @param extensions in the order of the file, without the end marker
 */
public record HeaderFields(
    int version,
    int clusterBits,
    long size,
    int cryptMethod,
    int l1Size,
    long l1Offset,
    long refcountTableOffset,
    int refcountTableClusters,
    int snapshotCount,
    long snapshotsOffset,
    long incompatible,
    long compatible,
    long autoclear,
    int refcountOrder,
    int headerLength,
    int compressionType,
    @Nullable String backingName,
    List<Extension> extensions) {

  /** Type of the extension that names the format of the backing file. */
  public static final int BACKING_FORMAT = 0xE2792ACA;

  /** Type of the extension that points to the bitmap directory. */
  public static final int BITMAPS = 0x23852875;

  /** Type of the extension that points to the encryption header. */
  public static final int ENCRYPTION = 0x0537BE77;

  /** Type of the extension that names the external data file. */
  public static final int DATA_FILE_NAME = 0x44415441;

  /**
   * A header extension.
   *
   * @param type what it is
   * @param offset of its data in the file
   * @param length of its data in bytes
   */
  public record Extension(int type, long offset, int length) {}

  /** Bytes of a cluster. */
  public int clusterSize() {
    return 1 << clusterBits;
  }

  /** Whether refcounts may be out of date. */
  public boolean isDirty() {
    return (incompatible & 1) != 0;
  }

  /** Whether the guest's data is in a file of its own. */
  public boolean hasDataFile() {
    return (incompatible & 4) != 0;
  }

  /** Whether L2 entries have a second word, for subclusters. */
  public boolean extendedL2() {
    return (incompatible & 16) != 0;
  }

  /** Bytes of an L2 entry. */
  public int l2EntryBytes() {
    return extendedL2() ? 16 : 8;
  }

  /** Entries of an L2 table. */
  public int l2Entries() {
    return clusterSize() / l2EntryBytes();
  }

  /** Guest bytes that an L2 table maps. */
  public long bytesPerL2Table() {
    return (long) l2Entries() << clusterBits;
  }

  /** The last extension of a type, if there is one. */
  public @Nullable Extension extension(int type) {
    for (int i = extensions.size() - 1; i >= 0; i--) {
      if (extensions.get(i).type == type) {
        return extensions.get(i);
      }
    }
    return null;
  }
}
