package io.github.qcow2.storage;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.ReadWriteLock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A file that lives on the heap: for tests, and for images that are made to be sent elsewhere.
 *
 * <p>Bytes are kept in chunks, and a chunk exists only once something was written into it, so that
 * a file may be as sparse as on a disk. There is nothing to lose power, hence {@link #force()} does
 * nothing; closing keeps the bytes, so that {@link #toByteArray()} can look at what was left.
 *
 * <p>One lock guards all of it. Readers share it; a write is atomic as a whole.
 */
public final class HeapStorage extends Storage {
  /** Small, because most files here are test images of a few clusters. */
  private static final int CHUNK_BITS = 14;

  private static final int CHUNK_SIZE = 1 << CHUNK_BITS;
  private static final int CHUNK_MASK = CHUNK_SIZE - 1;

  /** What a chunk that does not exist reads as. */
  private static final byte[] ZEROES = new byte[CHUNK_SIZE];

  private final ReadWriteLock lock = new ReentrantReadWriteLock();

  /** By position shifted right by {@link #CHUNK_BITS}. All bytes at or past the size are zero. */
  private final Map<Long, byte[]> chunks = new HashMap<>();

  private long size;

  /**
   * Creates an empty file.
   *
   * @param name what messages call it
   */
  public HeapStorage(String name) {
    super(name, false);
  }

  /**
   * Creates a file with a copy of the given bytes.
   *
   * @param name what messages call it
   * @param bytes all of its content
   */
  public static HeapStorage copyOf(String name, byte[] bytes) {
    HeapStorage storage = new HeapStorage(name);
    storage.put(ByteBuffer.wrap(bytes), 0);
    return storage;
  }

  /**
   * A copy of all bytes. Works on a closed storage, too.
   *
   * @throws IllegalStateException if the file is too large for an array
   */
  public byte[] toByteArray() {
    lock.readLock().lock();
    try {
      if (size > Integer.MAX_VALUE - 8) {
        throw new IllegalStateException(name() + ": " + size + " bytes do not fit an array");
      }
      byte[] bytes = new byte[(int) size];
      get(ByteBuffer.wrap(bytes), 0);
      return bytes;
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  public Object identity() {
    return this;
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) {
    lock.readLock().lock();
    try {
      if (position >= size) {
        return -1;
      }
      int count = (int) Math.min(destination.remaining(), size - position);
      int limit = destination.limit();
      destination.limit(destination.position() + count);
      get(destination, position);
      destination.limit(limit);
      return count;
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) {
    int count = source.remaining();
    put(source, position);
    return count;
  }

  @Override
  protected long sizeHook() {
    lock.readLock().lock();
    try {
      return size;
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  protected void setSizeHook(long newSize) {
    lock.writeLock().lock();
    try {
      if (newSize < size) {
        long kept = (newSize + CHUNK_MASK) >>> CHUNK_BITS;
        chunks.keySet().removeIf(index -> index >= kept);
        clearTail(newSize);
      }
      size = newSize;
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  protected void extendHook(long newSize) {
    lock.writeLock().lock();
    try {
      size = Math.max(size, newSize);
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  protected boolean discardHook(long position, long length) {
    lock.writeLock().lock();
    try {
      clear(position, Math.min(size, position + length));
      return true;
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) {
    lock.writeLock().lock();
    try {
      clear(position, Math.min(size, position + length));
      size = Math.max(size, position + length);
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** The heap has no room that could be reserved, so that only the length changes. */
  @Override
  protected void allocateHook(long position, long length) {
    lock.writeLock().lock();
    try {
      size = Math.max(size, position + length);
    } finally {
      lock.writeLock().unlock();
    }
  }

  @Override
  protected long allocatedSizeHook() {
    lock.readLock().lock();
    try {
      return (long) chunks.size() * CHUNK_SIZE;
    } finally {
      lock.readLock().unlock();
    }
  }

  @Override
  protected long nextDataHook(long position) {
    return next(position, true);
  }

  @Override
  protected long nextHoleHook(long position) {
    return next(position, false);
  }

  @Override
  protected void forceHook() {}

  @Override
  protected void closeHook() {}

  /** Fills the buffer; the range lies inside the file. The caller holds the lock. */
  private void get(ByteBuffer destination, long position) {
    long at = position;
    while (destination.hasRemaining()) {
      byte[] chunk = chunks.get(at >>> CHUNK_BITS);
      int from = (int) (at & CHUNK_MASK);
      int count = Math.min(CHUNK_SIZE - from, destination.remaining());
      destination.put(chunk == null ? ZEROES : chunk, from, count);
      at += count;
    }
  }

  private void put(ByteBuffer source, long position) {
    lock.writeLock().lock();
    try {
      long at = position;
      while (source.hasRemaining()) {
        byte[] chunk = chunks.computeIfAbsent(at >>> CHUNK_BITS, index -> new byte[CHUNK_SIZE]);
        int to = (int) (at & CHUNK_MASK);
        int count = Math.min(CHUNK_SIZE - to, source.remaining());
        source.get(chunk, to, count);
        at += count;
        size = Math.max(size, at);
      }
    } finally {
      lock.writeLock().unlock();
    }
  }

  /** The first byte from a position on, if there is any, whose chunk exists, or does not. */
  private long next(long position, boolean data) {
    lock.readLock().lock();
    try {
      long at = position;
      while (at < size && chunks.containsKey(at >>> CHUNK_BITS) != data) {
        at = (at | CHUNK_MASK) + 1;
      }
      return Math.min(at, size);
    } finally {
      lock.readLock().unlock();
    }
  }

  /** Zeros what lies before the size; whole chunks are dropped. The caller holds the lock. */
  private void clear(long from, long to) {
    for (long at = from; at < to; at = (at | CHUNK_MASK) + 1) {
      long index = at >>> CHUNK_BITS;
      int begin = (int) (at & CHUNK_MASK);
      int end = (int) Math.min(CHUNK_SIZE, to - (index << CHUNK_BITS));
      byte[] chunk = chunks.get(index);
      if (chunk != null && begin == 0 && end == CHUNK_SIZE) {
        chunks.remove(index);
      } else if (chunk != null) {
        Arrays.fill(chunk, begin, end, (byte) 0);
      }
    }
  }

  /** Keeps the promise that bytes past the size are zero. The caller holds the lock. */
  private void clearTail(long newSize) {
    byte[] last = chunks.get(newSize >>> CHUNK_BITS);
    if (last != null) {
      Arrays.fill(last, (int) (newSize & CHUNK_MASK), CHUNK_SIZE, (byte) 0);
    }
  }
}
