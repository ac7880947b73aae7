package io.github.qcow2.metadata;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.format.L1Entry;
import io.github.qcow2.format.RefcountTableEntry;
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
  private static final int SECTOR = 512;
  private static final int ENTRIES_PER_SECTOR = SECTOR / Long.BYTES;
  private static final int BYTES_PER_TRANSFER = 1 << 20;

  /**
   * Where the table is and what it holds, with a bit for each entry whose COPIED flag is known to
   * be right; replaced as one when the table moves.
   */
  private record Content(long offset, AtomicLongArray entries, AtomicLongArray verified) {
    Content(long offset, AtomicLongArray entries) {
      this(offset, entries, new AtomicLongArray(entries.length() / Long.SIZE + 1));
    }
  }

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

  private final ClusterKind kind;
  private final BitSet dirtySectors = new BitSet();
  private volatile Content content;

  /** Set before the table is shared. */
  private OverlapGuard guard = OverlapGuard.off();

  private TopTable(ClusterKind kind, long offset, AtomicLongArray entries) {
    this.kind = kind;
    this.content = new Content(offset, entries);
  }

  /**
   * Reads a table.
   *
   * @param kind the active L1 table, that of a snapshot, or the refcount table
   * @param offset where it is in the file, in bytes
   * @param length number of entries, which the caller has checked against its limit
   */
  public static TopTable load(
      TrackedFile file, ClusterKind kind, long offset, int length, BufferPool buffers)
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
    return new TopTable(kind, offset, new AtomicLongArray(words));
  }

  /**
   * Tells a guard where this table and those that it points to are, now and whenever that changes.
   * Called before any other thread sees the table.
   */
  public void reportTo(OverlapGuard guard) {
    guard.add(kind, List.of(place()));
    reportEntries(guard);
    this.guard = guard;
  }

  /** Tells a guard where the tables are that this one points to. */
  public void reportEntries(OverlapGuard guard) {
    ClusterKind below = kindBelow();
    if (guard.protects(below)) {
      AtomicLongArray entries = content.entries;
      for (int i = 0; i < entries.length(); i++) {
        guard.addCluster(below, offsetIn(entries.getPlain(i)));
      }
    }
  }

  /** What it is. */
  ClusterKind kind() {
    return kind;
  }

  private ClusterKind kindBelow() {
    return switch (kind) {
      case ACTIVE_L1 -> ClusterKind.ACTIVE_L2;
      case INACTIVE_L1 -> ClusterKind.INACTIVE_L2;
      case REFCOUNT_TABLE -> ClusterKind.REFCOUNT_BLOCK;
      default -> throw new IllegalStateException(kind + " does not point to tables");
    };
  }

  private long offsetIn(long entry) {
    return kind == ClusterKind.REFCOUNT_TABLE
        ? RefcountTableEntry.offset(entry)
        : L1Entry.offset(entry);
  }

  private OverlapGuard.Place place() {
    return new OverlapGuard.Place(offset(), (long) length() * Long.BYTES);
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

  /**
   * Whether the COPIED flag of an entry is known to be right. What is read of the entry after this
   * call is at least as new as what was looked at.
   */
  public boolean isVerified(int index) {
    long bits = content.verified.getAcquire(index / Long.SIZE);
    return (bits >>> index & 1) != 0;
  }

  /** The COPIED flag of an entry is right, and stays so; the caller holds the store's lock. */
  public void setVerified(int index) {
    AtomicLongArray verified = content.verified;
    int at = index / Long.SIZE;
    verified.setRelease(at, verified.getPlain(at) | 1L << index);
  }

  /**
   * Called before {@link #set}.
   *
   * @throws CorruptImageException if the entry could not be written, since its cluster is of
   *     another kind too (I7)
   */
  public void checkWritable(int index) throws CorruptImageException {
    long sector = offset() + ((long) index * Long.BYTES & -SECTOR);
    guard.check(sector, SECTOR, kind);
  }

  /** Changes an entry; the caller holds the store's lock. */
  public void set(int index, long value) {
    long old = offsetIn(content.entries.getPlain(index));
    long next = offsetIn(value);
    if (next != old) {
      guard.addCluster(kindBelow(), next);
      guard.removeCluster(kindBelow(), old);
    }
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
    OverlapGuard.Place before = place();
    AtomicLongArray old = content.entries;
    Content next = new Content(offset, new AtomicLongArray(entries));
    for (int i = 0; i < Math.min(next.verified.length(), content.verified.length()); i++) {
      next.verified.setPlain(i, content.verified.getPlain(i));
    }
    dirtySectors.clear();
    content = next;
    guard.move(kind, before, place());
    for (int i = 0; i < entries.length; i++) {
      long was = i < old.length() ? offsetIn(old.getPlain(i)) : 0;
      long is = offsetIn(entries[i]);
      if (is != was) {
        guard.addCluster(kindBelow(), is);
        guard.removeCluster(kindBelow(), was);
      }
    }
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
