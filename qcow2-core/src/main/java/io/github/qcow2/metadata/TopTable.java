package io.github.qcow2.metadata;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.concurrent.atomic.AtomicLongArray;

/**
 * A table that is wholly in memory: the L1 table, or the refcount table.
 *
 * <p>Entries are read without any lock and changed under the lock of the {@link SliceStore} of the
 * tables that the entries point to. Changes reach the disk in whole 512-byte sectors of the table,
 * when {@link FlushEpochs} says so; a sector is the unit that a power cut leaves old or new.
 */
public final class TopTable {
  private static final int ENTRIES_PER_SECTOR = 512 / Long.BYTES;
  private static final int BYTES_PER_TRANSFER = 1 << 20;

  /** Where the table is and what it holds; replaced as one when the table moves. */
  private record Content(long offset, AtomicLongArray entries) {}

  /** One dirty sector as it was when the epoch closed. */
  static final class Frozen {
    final long offset;
    final int sector;
    final long[] words;

    Frozen(long offset, int sector, long[] words) {
      this.offset = offset;
      this.sector = sector;
      this.words = words;
    }
  }

  private final BitSet dirtySectors = new BitSet();
  private volatile Content content;

  private TopTable(long offset, AtomicLongArray entries) {
    this.content = new Content(offset, entries);
  }

  /**
   * Reads a table.
   *
   * @param offset where it is in the file, in bytes
   * @param length number of entries, which the caller has checked against its limit
   */
  public static TopTable load(TrackedFile file, long offset, int length, BufferPool buffers)
      throws IOException {
    long[] words = new long[length];
    int perTransfer = Math.max(1, Math.min(length, BYTES_PER_TRANSFER / Long.BYTES));
    ByteBuffer buffer = buffers.take(perTransfer * Long.BYTES);
    try {
      for (int at = 0; at < length; at += perTransfer) {
        int count = Math.min(perTransfer, length - at);
        buffer.clear().limit(count * Long.BYTES);
        file.read(buffer, offset + (long) at * Long.BYTES);
        buffer.flip().order(ByteOrder.BIG_ENDIAN).asLongBuffer().get(words, at, count);
      }
    } finally {
      buffers.give(buffer);
    }
    return new TopTable(offset, new AtomicLongArray(words));
  }

  /** Where the table is in the host file, in bytes. */
  public long offset() {
    return content.offset;
  }

  /** Number of entries. */
  public int length() {
    return content.entries.length();
  }

  /** One entry, or 0 for an index past the end: what is not there points nowhere. */
  public long get(long index) {
    AtomicLongArray entries = content.entries;
    return index < entries.length() ? entries.getAcquire((int) index) : 0;
  }

  /** Changes an entry; the caller holds the store's lock. */
  public void set(int index, long value) {
    content.entries.setRelease(index, value);
    dirtySectors.set(index / ENTRIES_PER_SECTOR);
  }

  /** A copy of all entries, with zeros up to {@code length}. The caller holds the store's lock. */
  public long[] copy(int length) {
    AtomicLongArray entries = content.entries;
    long[] words = new long[length];
    for (int i = 0; i < entries.length(); i++) {
      words[i] = entries.get(i);
    }
    return words;
  }

  /**
   * The table has moved: {@code entries} are durable at {@code offset} and the header points there.
   * The caller holds the store's lock, and no epoch is being written.
   */
  public void moved(long offset, long[] entries) {
    dirtySectors.clear();
    content = new Content(offset, new AtomicLongArray(entries));
  }

  /** The dirty sectors as they are now, which count as clean from here on. */
  List<Frozen> freeze() {
    List<Frozen> frozen = new ArrayList<>();
    Content now = content;
    for (int sector = dirtySectors.nextSetBit(0);
        sector >= 0;
        sector = dirtySectors.nextSetBit(sector + 1)) {
      int first = sector * ENTRIES_PER_SECTOR;
      long[] words = new long[Math.min(ENTRIES_PER_SECTOR, now.entries.length() - first)];
      for (int i = 0; i < words.length; i++) {
        words[i] = now.entries.get(first + i);
      }
      frozen.add(new Frozen(now.offset + (long) first * Long.BYTES, sector, words));
    }
    dirtySectors.clear();
    return frozen;
  }

  /** What was frozen could not be written and is dirty again. */
  void thaw(List<Frozen> frozen) {
    for (Frozen each : frozen) {
      dirtySectors.set(each.sector);
    }
  }
}
