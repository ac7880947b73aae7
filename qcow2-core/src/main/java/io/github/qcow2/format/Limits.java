package io.github.qcow2.format;

/**
 * How much an image may ask for, checked before memory is allocated or a loop is entered for it.
 * {@link #DEFAULT} holds QEMU's numbers; services that open images of strangers may lower them.
 *
 * @param l1Bytes bytes of the active L1 table, and of each snapshot's
 * @param refcountTableBytes bytes of the refcount table
 * @param snapshots internal snapshots
 * @param snapshotTableBytes bytes of the snapshot table
 * @param snapshotExtraBytes bytes of extra data in one snapshot
 * @param bitmaps persistent bitmaps
 * @param bitmapDirectoryBytes bytes of the bitmap directory
 * @param bitmapTableEntries entries of one bitmap's table
 * @param chainDepth images in a backing chain, the opened one included
 */
public record Limits(
    int l1Bytes,
    int refcountTableBytes,
    int snapshots,
    int snapshotTableBytes,
    int snapshotExtraBytes,
    int bitmaps,
    int bitmapDirectoryBytes,
    int bitmapTableEntries,
    int chainDepth) {

  /**
   * QEMU's limits: 32 MiB of L1 table (2 PiB of disk with 64 KiB clusters), 8 MiB of refcount
   * table, 65536 snapshots in 64 MiB, 65535 bitmaps of 1 KiB each in the directory; and 16 images
   * in a chain, for which QEMU has no limit.
   */
  public static final Limits DEFAULT =
      new Limits(
          32 << 20, 8 << 20, 65_536, 65_536 * 1024, 1024, 65_535, 65_535 * 1024, 1 << 27, 16);

  /**
   * Creates the limits.
   *
   * @throws IllegalArgumentException if one is negative, or the chain depth not positive
   */
  public Limits {
    requireAtLeast(0, l1Bytes, "l1Bytes");
    requireAtLeast(0, refcountTableBytes, "refcountTableBytes");
    requireAtLeast(0, snapshots, "snapshots");
    requireAtLeast(0, snapshotTableBytes, "snapshotTableBytes");
    requireAtLeast(0, snapshotExtraBytes, "snapshotExtraBytes");
    requireAtLeast(0, bitmaps, "bitmaps");
    requireAtLeast(0, bitmapDirectoryBytes, "bitmapDirectoryBytes");
    requireAtLeast(0, bitmapTableEntries, "bitmapTableEntries");
    requireAtLeast(1, chainDepth, "chainDepth");
  }

  private static void requireAtLeast(int minimum, int value, String name) {
    if (value < minimum) {
      throw new IllegalArgumentException(name + " is " + value + ", below " + minimum);
    }
  }

  /** These limits with another {@link #l1Bytes()}. */
  public Limits withL1Bytes(int value) {
    return new Limits(
        value,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #refcountTableBytes()}. */
  public Limits withRefcountTableBytes(int value) {
    return new Limits(
        l1Bytes,
        value,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #snapshots()}. */
  public Limits withSnapshots(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        value,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #snapshotTableBytes()}. */
  public Limits withSnapshotTableBytes(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        value,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #snapshotExtraBytes()}. */
  public Limits withSnapshotExtraBytes(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        value,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #bitmaps()}. */
  public Limits withBitmaps(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        value,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #bitmapDirectoryBytes()}. */
  public Limits withBitmapDirectoryBytes(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        value,
        bitmapTableEntries,
        chainDepth);
  }

  /** These limits with another {@link #bitmapTableEntries()}. */
  public Limits withBitmapTableEntries(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        value,
        chainDepth);
  }

  /** These limits with another {@link #chainDepth()}. */
  public Limits withChainDepth(int value) {
    return new Limits(
        l1Bytes,
        refcountTableBytes,
        snapshots,
        snapshotTableBytes,
        snapshotExtraBytes,
        bitmaps,
        bitmapDirectoryBytes,
        bitmapTableEntries,
        value);
  }
}
