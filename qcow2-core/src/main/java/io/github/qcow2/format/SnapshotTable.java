package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * The internal snapshots of an image, in the order of their table (qcow2 spec, "Snapshots").
 * Immutable.
 *
 * <p>{@link SnapshotTableReader} reads one. That a table could be read does not mean that the L1
 * tables of its snapshots may be followed: {@link #requireUsable} tells.
 */
public final class SnapshotTable {
  private final List<SnapshotRecord> records;
  private final long[] entryOffsets;

  /** Creates a table of these snapshots. */
  public SnapshotTable(List<SnapshotRecord> records) {
    this.records = List.copyOf(records);
    this.entryOffsets = new long[records.size() + 1];
    for (int i = 0; i < records.size(); i++) {
      entryOffsets[i + 1] = entryOffsets[i] + records.get(i).encodedLength();
    }
  }

  /** The snapshots in the order of the table. */
  public List<SnapshotRecord> records() {
    return records;
  }

  /** Bytes from the start of the table to an entry. */
  public long entryOffset(int index) {
    return entryOffsets[index];
  }

  /** Bytes of the table, the padding of its last entry included. */
  public long byteLength() {
    return entryOffsets[records.size()];
  }

  /**
   * The bytes of the table.
   *
   * @param imageName the image as the caller named it, for the exception
   * @param limits what must not be exceeded, so that the table can be read again
   * @throws LimitExceededException if there are too many snapshots or bytes
   */
  public byte[] encode(String imageName, Limits limits) throws LimitExceededException {
    if (records.size() > limits.snapshots() || byteLength() > limits.snapshotTableBytes()) {
      throw new LimitExceededException(
          imageName,
          Qcow2Exception.NO_OFFSET,
          "snapshot table of " + records.size() + " entries and " + byteLength() + " bytes");
    }
    ByteBuffer out = ByteBuffer.allocate((int) byteLength());
    for (SnapshotRecord record : records) {
      record.encode(out);
    }
    return out.array();
  }

  /**
   * Checks that the L1 table of a snapshot may be read, and covers the snapshot's disk.
   *
   * @param index of the snapshot
   * @param imageName the image as the caller named it, for the exceptions
   * @param header of the image
   * @param limits what the image may ask for
   * @throws CorruptImageException if the table has an impossible place or is too short
   * @throws LimitExceededException if the table is too large
   */
  public void requireUsable(int index, String imageName, Header header, Limits limits)
      throws Qcow2Exception {
    SnapshotRecord record = records.get(index);
    long place = header.snapshotTableOffset() + entryOffsets[index];
    long bytes = record.l1Entries() * Long.BYTES;
    if (bytes > limits.l1Bytes()) {
      throw new LimitExceededException(
          imageName,
          place,
          "L1 table of a snapshot has "
              + record.l1Entries()
              + " entries, more than "
              + limits.l1Bytes()
              + " bytes");
    }
    if (!HeaderReader.isPlaceOfTable(
        record.l1TableOffset(), bytes, header.geometry().clusterSize())) {
      throw new CorruptImageException(
          imageName,
          place,
          String.format(
              "L1 table of a snapshot at 0x%x, which is 0, not cluster aligned or too large",
              record.l1TableOffset()));
    }
    long diskSize = record.diskSize().orElse(header.size());
    if (diskSize < 0 || header.geometry().l1EntriesFor(diskSize) > record.l1Entries()) {
      throw new CorruptImageException(
          imageName,
          place,
          "L1 table of a snapshot has "
              + record.l1Entries()
              + " entries, too few for its disk of "
              + Long.toUnsignedString(diskSize)
              + " bytes");
    }
  }
}
