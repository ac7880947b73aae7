package io.github.qcow2.format;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.List;

/**
 * Reads the snapshot table, whose length only its entries tell, from pieces that the caller reads
 * from the file:
 *
 * <pre>{@code
 * SnapshotTableReader reader = new SnapshotTableReader(storage.name(), header, limits);
 * while (!reader.isComplete()) {
 *   ByteBuffer piece = ByteBuffer.allocate(reader.bytesWanted());
 *   storage.read(piece, reader.position());
 *   reader.accept(piece.flip());
 * }
 * SnapshotTable table = reader.table();
 * }</pre>
 *
 * <p>Never asks for more memory than one entry within the limits, or 64 KiB. Not thread-safe.
 */
public final class SnapshotTableReader {
  private static final int PIECE_BYTES = 1 << 16;

  private final String imageName;
  private final int count;
  private final Limits limits;
  private final long start;
  private final List<SnapshotRecord> records = new ArrayList<>();
  private long position;
  private int bytesWanted = PIECE_BYTES;

  /**
   * Starts at the first entry.
   *
   * @param imageName the image as the caller named it, for the exceptions
   * @param header of the image
   * @param limits what the image may ask for
   * @throws CorruptImageException if the largest table would end beyond what a file can have
   */
  public SnapshotTableReader(String imageName, Header header, Limits limits)
      throws CorruptImageException {
    this.imageName = imageName;
    this.count = header.snapshots();
    this.limits = limits;
    this.start = header.snapshotTableOffset();
    this.position = start;
    if (start > Long.MAX_VALUE - limits.snapshotTableBytes() - Integer.MAX_VALUE) {
      throw new CorruptImageException(
          imageName, HeaderField.SNAPSHOTS_OFFSET, "snapshot table beyond the end of any file");
    }
  }

  /** Whether all entries have been read. */
  public boolean isComplete() {
    return records.size() == count;
  }

  /** Where the next piece starts: byte offset in the file. */
  public long position() {
    return position;
  }

  /** How many bytes the next piece must have. What lies past the end of the file reads as zeros. */
  public int bytesWanted() {
    return bytesWanted;
  }

  /**
   * Reads the entries that a piece of the table holds as a whole.
   *
   * @param piece at least {@link #bytesWanted} bytes from {@link #position} on
   * @throws LimitExceededException if an entry or the table is too large
   * @throws IllegalArgumentException if the piece is too short
   */
  public void accept(ByteBuffer piece) throws Qcow2Exception {
    if (piece.remaining() < bytesWanted) {
      throw new IllegalArgumentException(
          "a piece of " + piece.remaining() + " bytes instead of " + bytesWanted);
    }
    ByteBuffer in = piece.slice().order(ByteOrder.BIG_ENDIAN);
    bytesWanted = PIECE_BYTES;
    while (!isComplete() && in.remaining() >= SnapshotRecord.FIXED_BYTES) {
      int length = entryLength(in);
      if (length > in.remaining()) {
        bytesWanted = Math.max(PIECE_BYTES, length);
        return;
      }
      records.add(SnapshotRecord.read(in));
      in.position(in.position() + length);
      position += length;
    }
  }

  /** The table, once it is complete. */
  public SnapshotTable table() {
    if (!isComplete()) {
      throw new IllegalStateException("only " + records.size() + " of " + count + " read");
    }
    return new SnapshotTable(records);
  }

  /** The length with padding of the entry at the position of {@code in}. */
  private int entryLength(ByteBuffer in) throws LimitExceededException {
    int at = in.position();
    long extra = Integer.toUnsignedLong(in.getInt(at + SnapshotRecord.EXTRA_LENGTH_OFFSET));
    if (extra > limits.snapshotExtraBytes()) {
      throw new LimitExceededException(
          imageName,
          position + SnapshotRecord.EXTRA_LENGTH_OFFSET,
          "snapshot with "
              + extra
              + " bytes of extra data, more than "
              + limits.snapshotExtraBytes());
    }
    long length =
        SnapshotRecord.FIXED_BYTES
            + extra
            + Short.toUnsignedInt(in.getShort(at + SnapshotRecord.ID_LENGTH_OFFSET))
            + Short.toUnsignedInt(in.getShort(at + SnapshotRecord.NAME_LENGTH_OFFSET));
    long padded = (length + 7) & -8L;
    if (position - start + padded > limits.snapshotTableBytes()) {
      throw new LimitExceededException(
          imageName,
          position,
          "snapshot table of more than " + limits.snapshotTableBytes() + " bytes");
    }
    return (int) padded;
  }
}
