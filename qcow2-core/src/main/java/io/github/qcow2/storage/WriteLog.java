package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;

/**
 * A log of writes and barriers in the format of Linux' {@code dm-log-writes} target, which its
 * {@code replay-log} tool and others read.
 *
 * <pre>
 *   sector 0   magic 0x6a736677736872, version 1, number of entries (8 bytes each),
 *              sector size (4 bytes): 512
 *   then       for each entry one sector {sector, number of sectors, flags, length of its text}
 *              (8 bytes each, then the text of a mark), followed by the data of a write
 *   flags      1 barrier · 4 discard, which has no data · 8 mark
 * </pre>
 *
 * <p>All numbers are little-endian. Nothing is buffered: memory does not depend on how much is
 * logged. The number of entries is brought up to date by {@link #flush} and {@link #close}; a log
 * that was cut off in between ends with its last barrier.
 *
 * <p>Owns the file of the log. Not thread-safe.
 */
public final class WriteLog implements AutoCloseable {
  /** Bytes of a sector, the unit of everything in a log. */
  public static final int SECTOR = 512;

  private static final long MAGIC = 0x6a736677736872L;
  private static final long VERSION = 1;
  private static final int ENTRY_BYTES = 4 * Long.BYTES;
  private static final long NO_DATA = 0;

  /** Everything before it has reached stable storage. */
  private static final long FLUSH = 1;

  /** The sectors read as zeros from here on. */
  private static final long DISCARD = 4;

  /** A text at a point in time. */
  private static final long MARK = 8;

  private final Storage file;
  private final ByteBuffer header = ByteBuffer.allocate(SECTOR).order(ByteOrder.LITTLE_ENDIAN);
  private long end = SECTOR;
  private long entries;

  /**
   * Begins a log.
   *
   * @param file an empty file; closed with the log
   */
  public WriteLog(Storage file) throws IOException {
    this.file = file;
    writeSuperblock();
  }

  /** Bytes of the log so far. */
  public long size() {
    return end;
  }

  /**
   * Logs a write.
   *
   * @param position of the first byte; a multiple of 512
   * @param data from its position to its limit, which it ends at: a multiple of 512 bytes
   */
  public void write(long position, ByteBuffer data) throws IOException {
    long length = data.remaining();
    append(position, length, 0, new byte[0]);
    file.write(data, end);
    end += length;
    entries++;
  }

  /**
   * Logs a barrier: what was logged before is durable. The log itself is not forced to the disk.
   */
  public void flush() throws IOException {
    append(0, NO_DATA, FLUSH, new byte[0]);
    entries++;
    writeSuperblock();
  }

  /**
   * Logs that some bytes read as zeros from here on.
   *
   * @param position of the first byte; a multiple of 512
   * @param length in bytes; a multiple of 512
   */
  public void discard(long position, long length) throws IOException {
    append(position, length, DISCARD, new byte[0]);
    entries++;
  }

  /**
   * Logs a text that divides what comes before it from what comes after it.
   *
   * @param text at most 480 bytes of UTF-8
   */
  public void mark(String text) throws IOException {
    append(0, NO_DATA, MARK, text.getBytes(StandardCharsets.UTF_8));
    entries++;
  }

  /** Completes the log and closes its file. */
  @Override
  public void close() throws IOException {
    try (file) {
      writeSuperblock();
    }
  }

  private void append(long position, long length, long flags, byte[] text) throws IOException {
    if (position % SECTOR != 0 || length % SECTOR != 0 || text.length > SECTOR - ENTRY_BYTES) {
      throw new IllegalArgumentException(
          "position " + position + ", length " + length + ", text of " + text.length + " bytes");
    }
    clearHeader();
    header.putLong(position / SECTOR).putLong(length / SECTOR).putLong(flags);
    header.putLong(text.length).put(text);
    file.write(header.rewind(), end);
    end += SECTOR;
  }

  private void writeSuperblock() throws IOException {
    clearHeader();
    header.putLong(MAGIC).putLong(VERSION).putLong(entries).putInt(SECTOR);
    file.write(header.rewind(), 0);
  }

  private void clearHeader() {
    Arrays.fill(header.array(), (byte) 0);
    header.clear();
  }
}
