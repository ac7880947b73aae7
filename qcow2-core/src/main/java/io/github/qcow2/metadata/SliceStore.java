package io.github.qcow2.metadata;

import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.cache.MetadataCache;
import io.github.qcow2.error.CorruptImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.concurrent.locks.ReentrantLock;

/**
 * All L2 tables, or all refcount blocks, of one image, seen through a cache of slices.
 *
 * <p>Owns the cache, the list of dirty slices and the lock under which slices and the {@link
 * TopTable} above them are changed. Reading needs no lock. A slice that is missing is loaded by one
 * thread while others that want the same slice wait; of those that want another, hardly anybody.
 *
 * <p>Changes stay in memory until {@link FlushEpochs} writes them. A dirty slice is never evicted,
 * so their number has to be bounded: see {@link #isCrowded()}.
 */
public final class SliceStore {
  /** Slices of one table that lie in a row in the file are written together up to this length. */
  private static final int BYTES_PER_TRANSFER = 256 << 10;

  /** log2 of a number of monitors far above that of threads which load at the same time. */
  private static final int LOADING_BITS = 6;

  /** Spreads the upper bits of regularly spaced offsets. */
  private static final long HASH = 0x9E3779B97F4A7C15L;

  private final TrackedFile file;
  private final ClusterKind kind;
  private final MetadataCache<TableSlice> cache;
  private final int sliceBytes;
  private final int mostDirty;
  private final BufferPool buffers;
  private final ReentrantLock lock = new ReentrantLock();

  /** One of them is held while a slice is loaded, told by its offset; no store's lock under it. */
  private final Object[] loading = new Object[1 << LOADING_BITS];

  /** Guarded by {@link #lock}, but for its size, which {@link #dirtyCount} repeats. */
  private List<TableSlice> dirty = new ArrayList<>();

  private volatile int dirtyCount;

  /** A dirty slice as it was when the epoch closed. */
  static final class Frozen {
    final TableSlice slice;
    final long[] words;

    Frozen(TableSlice slice, long[] words) {
      this.slice = slice;
      this.words = words;
    }
  }

  /**
   * Creates a store with an empty cache.
   *
   * @param file the image file
   * @param kind what the tables are
   * @param factory makes the cache
   * @param capacity number of slices to keep
   * @param mostDirty how many of them may be dirty before they should be written
   * @param sliceBytes a power of two from 512 to the cluster size
   */
  public SliceStore(
      TrackedFile file,
      ClusterKind kind,
      MetadataCache.Factory factory,
      int capacity,
      int mostDirty,
      int sliceBytes,
      BufferPool buffers) {
    this.file = file;
    this.kind = kind;
    this.cache = factory.create(capacity);
    this.mostDirty = mostDirty;
    this.sliceBytes = sliceBytes;
    this.buffers = buffers;
    for (int i = 0; i < loading.length; i++) {
      loading[i] = new Object();
    }
  }

  /** The lock under which slices, and the table that points to them, are changed. */
  public ReentrantLock lock() {
    return lock;
  }

  /** Bytes of table in one slice. */
  public int sliceBytes() {
    return sliceBytes;
  }

  /** What the cache has done so far. */
  public CacheStatistics statistics() {
    return cache.statistics();
  }

  /**
   * The slice at a place, from the cache or from disk.
   *
   * @param offset byte offset in the host file, a multiple of the slice size
   */
  public TableSlice slice(long offset) throws IOException {
    TableSlice slice = cache.get(offset);
    return slice != null ? slice : load(offset);
  }

  private TableSlice load(long offset) throws IOException {
    int monitor = (int) ((offset * HASH) >>> (Long.SIZE - LOADING_BITS));
    synchronized (loading[monitor]) {
      // Another thread may have loaded it between our miss and our turn.
      TableSlice slice = cache.get(offset);
      return slice != null ? slice : cache.putIfAbsent(readSlice(offset));
    }
  }

  private TableSlice readSlice(long offset) throws IOException {
    long[] words = new long[sliceBytes / Long.BYTES];
    ByteBuffer buffer = buffers.take(sliceBytes);
    try {
      file.read(buffer, offset);
      buffer.flip().asLongBuffer().get(words);
    } finally {
      buffers.give(buffer);
    }
    return new TableSlice(offset, words);
  }

  /**
   * Prepares a slice for a change. The caller holds the lock until the change is made.
   *
   * @return false if the slice has left the cache meanwhile: the caller gets it again and retries
   * @throws CorruptImageException if the slice could not be written, since its cluster is of
   *     another kind too (I7): found out now, it does not keep a later flush from writing the rest
   */
  public boolean markDirty(TableSlice slice) throws CorruptImageException {
    if (!slice.isDirty()) {
      file.guard().check(slice.offset(), sliceBytes, kind);
    }
    return addDirty(slice);
  }

  private boolean addDirty(TableSlice slice) {
    boolean isNew = slice.setDirty();
    if (slice.isEvicted()) {
      return false;
    }
    if (isNew) {
      dirty.add(slice);
      dirtyCount = dirty.size();
    }
    return true;
  }

  /** Whether so many slices are dirty that they should be written before more become so. */
  public boolean isCrowded() {
    return dirtyCount > mostDirty;
  }

  /**
   * Drops the slices of a table that no longer exists, before its cluster serves another purpose.
   * No operation may be under way that could still look at the table.
   *
   * @param offset where the table was, in bytes
   * @param length of the table, in bytes
   */
  public void forget(long offset, long length) {
    for (long at = offset; at < offset + length; at += sliceBytes) {
      cache.remove(at);
    }
  }

  /**
   * Drops the slices of a table that is not to be after all, changes included. The caller holds the
   * lock, and has held it since the first of the changes.
   *
   * @param offset where the table was to be, in bytes
   * @param length of the table, in bytes
   */
  public void forgetChanges(long offset, long length) {
    dirty.removeIf(slice -> slice.offset() >= offset && slice.offset() < offset + length);
    dirtyCount = dirty.size();
    forget(offset, length);
  }

  /**
   * The dirty slices as they are now: all of them or, on an error, none. The caller holds the lock.
   */
  List<Frozen> freeze() {
    List<Frozen> frozen = new ArrayList<>(dirty.size());
    for (TableSlice slice : dirty) {
      frozen.add(new Frozen(slice, slice.words().clone()));
    }
    frozen.sort(Comparator.comparingLong(each -> each.slice.offset()));
    List<TableSlice> none = new ArrayList<>();
    for (TableSlice slice : dirty) {
      slice.beginWriting();
    }
    dirty = none;
    dirtyCount = 0;
    return frozen;
  }

  /** Writes what was frozen, in order; then it is clean, unless it has changed meanwhile. */
  void write(List<Frozen> frozen) throws IOException {
    long bytes = (long) frozen.size() * sliceBytes;
    ByteBuffer buffer =
        buffers.take((int) Math.max(sliceBytes, Math.min(bytes, BYTES_PER_TRANSFER)));
    try {
      for (int from = 0; from < frozen.size(); ) {
        long offset = frozen.get(from).slice.offset();
        buffer.clear();
        int to = from;
        while (to < frozen.size()
            && buffer.remaining() >= sliceBytes
            && frozen.get(to).slice.offset() == offset + buffer.position()) {
          buffer.asLongBuffer().put(frozen.get(to).words);
          buffer.position(buffer.position() + sliceBytes);
          to++;
        }
        file.write(buffer.flip(), offset, kind);
        from = to;
      }
    } finally {
      buffers.give(buffer);
    }
    for (Frozen each : frozen) {
      each.slice.endWriting();
    }
    cache.trim();
  }

  /** What was frozen has not been written, or not all of it: it is dirty again. */
  void abandon(List<Frozen> frozen) {
    lock.lock();
    try {
      for (Frozen each : frozen) {
        addDirty(each.slice);
        each.slice.endWriting();
      }
    } finally {
      lock.unlock();
    }
  }
}
