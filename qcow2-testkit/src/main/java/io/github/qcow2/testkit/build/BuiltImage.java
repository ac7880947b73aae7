package io.github.qcow2.testkit.build;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;

/**
 * An image as {@link ImageBuilder} made it, and where everything is in it. Immutable: the methods
 * that spoil something give a new one. All offsets are bytes of the image file.
 */
public final class BuiltImage {
  private static final long OFFSET = 0x00fffffffffffe00L;

  private final byte[] bytes;
  private final byte[] dataFile;
  private final int clusterBits;
  private final int l2EntryBytes;
  private final List<MappingTable> tables;
  private final long snapshotTableOffset;
  private final References references;

  BuiltImage(
      ImageBuilder image,
      byte[] bytes,
      byte[] dataFile,
      List<MappingTable> tables,
      long snapshotTableOffset,
      References references) {
    this(
        bytes,
        dataFile,
        image.clusterBits,
        image.l2EntryBytes(),
        tables,
        snapshotTableOffset,
        references);
  }

  private BuiltImage(
      byte[] bytes,
      byte[] dataFile,
      int clusterBits,
      int l2EntryBytes,
      List<MappingTable> tables,
      long snapshotTableOffset,
      References references) {
    this.bytes = bytes;
    this.dataFile = dataFile;
    this.clusterBits = clusterBits;
    this.l2EntryBytes = l2EntryBytes;
    this.tables = tables;
    this.snapshotTableOffset = snapshotTableOffset;
    this.references = references;
  }

  /** The image file. */
  public byte[] bytes() {
    return bytes.clone();
  }

  /** The external data file; empty for an image that has none. */
  public byte[] dataFile() {
    return dataFile.clone();
  }

  /** Where an entry of the active L1 table is. */
  public long l1EntryOffset(int index) {
    return tables.get(0).offset + index * 8L;
  }

  /** Where an entry of the L1 table of a snapshot is; snapshots count from 0. */
  public long snapshotL1EntryOffset(int snapshot, int index) {
    return tables.get(snapshot + 1).offset + index * 8L;
  }

  /**
   * Where the active L2 entry of a guest cluster is.
   *
   * @throws IllegalArgumentException if there is no L2 table for it
   */
  public long l2EntryOffset(long guestCluster) {
    return l2EntryOffset(l1EntryOffset(0), guestCluster);
  }

  /**
   * Where the L2 entry of a guest cluster in a snapshot is; snapshots count from 0.
   *
   * @throws IllegalArgumentException if there is no L2 table for it
   */
  public long snapshotL2EntryOffset(int snapshot, long guestCluster) {
    return l2EntryOffset(snapshotL1EntryOffset(snapshot, 0), guestCluster);
  }

  /** Where the snapshot table is, or 0 without one. */
  public long snapshotTableOffset() {
    return snapshotTableOffset;
  }

  /** Where the refcount table is. */
  public long refcountTableOffset() {
    return references.tableOffset();
  }

  /** Where the data of a guest cluster that is stored as it is begins. */
  public long hostOffset(long guestCluster) {
    return u64(l2EntryOffset(guestCluster)) & OFFSET;
  }

  /** The eight bytes at an offset, as a number. */
  public long u64(long offset) {
    return ByteBuffer.wrap(bytes).getLong((int) offset);
  }

  /** This image with other eight bytes at an offset. */
  public BuiltImage withU64(long offset, long value) {
    byte[] changed = bytes();
    ImageLayout.putLong(changed, offset, value);
    return with(changed);
  }

  /** This image with other four bytes at an offset. */
  public BuiltImage withU32(long offset, int value) {
    byte[] changed = bytes();
    ByteBuffer.wrap(changed).putInt((int) offset, value);
    return with(changed);
  }

  /**
   * This image with another refcount.
   *
   * @param offset of the cluster
   * @param refcount as wide as the image has them
   */
  public BuiltImage withRefcount(long offset, long refcount) {
    byte[] changed = bytes();
    references.put(changed, offset >> clusterBits, refcount);
    return with(changed);
  }

  /** The refcount of a cluster as it was built, whatever was changed since. */
  public long builtRefcount(long offset) {
    return references.count(offset);
  }

  /** This image, cut off or followed by zeros. */
  public BuiltImage withLength(long length) {
    return with(Arrays.copyOf(bytes, Math.toIntExact(length)));
  }

  private BuiltImage with(byte[] changed) {
    return new BuiltImage(
        changed, dataFile, clusterBits, l2EntryBytes, tables, snapshotTableOffset, references);
  }

  private long l2EntryOffset(long l1Offset, long guestCluster) {
    long entriesPerTable = (1L << clusterBits) / l2EntryBytes;
    long table = u64(l1Offset + guestCluster / entriesPerTable * 8) & OFFSET;
    if (table == 0) {
      throw new IllegalArgumentException("no L2 table for guest cluster " + guestCluster);
    }
    return table + guestCluster % entriesPerTable * l2EntryBytes;
  }
}
