package io.github.qcow2;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A disk whose changes stay in memory, over one that is never written to: for trying things out,
 * and for guests that shall forget everything.
 *
 * <p>Owns the changed chunks, each guarded by its own monitor; not the base, which must outlive it
 * and must not change meanwhile. A chunk of 64 KiB costs its size in memory from the first byte
 * written to it, and next to nothing if it was zeroed as a whole. Nothing survives {@link
 * #close()}.
 */
public final class RamOverlay extends BlockDevice {
  private static final int CHUNK = 64 << 10;

  /** What a chunk costs even without an array: its object and its place in the map. */
  private static final int ENTRY = 128;

  private final BlockDevice base;
  private final long bytesAtMost;
  private final ConcurrentHashMap<Long, Chunk> chunks = new ConcurrentHashMap<>();
  private final AtomicLong bytesUsed = new AtomicLong();

  /** Changed bytes; without an array they are all zeros. Guarded by its own monitor. */
  private static final class Chunk {
    private byte[] bytes = NONE;
    private boolean changed;
  }

  private static final byte[] NONE = new byte[0];

  private RamOverlay(BlockDevice base, long bytesAtMost) {
    super("RAM over " + base.name(), false);
    this.base = base;
    this.bytesAtMost = bytesAtMost;
  }

  /**
   * Puts an overlay over a disk.
   *
   * @param base stays the caller's to close, after the overlay
   * @param bytesAtMost memory for changes in bytes
   */
  public static RamOverlay over(BlockDevice base, long bytesAtMost) {
    if (bytesAtMost < 0) {
      throw new IllegalArgumentException("memory of " + bytesAtMost + " bytes");
    }
    return new RamOverlay(base, bytesAtMost);
  }

  @Override
  public long size() {
    return base.size();
  }

  /** Memory that changes take now, in bytes. */
  public long memoryUsed() {
    return bytesUsed.get();
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    int limit = destination.limit();
    long at = position;
    try {
      while (destination.position() < limit) {
        int inChunk = (int) (at & (CHUNK - 1));
        int length = Math.min(CHUNK - inChunk, limit - destination.position());
        destination.limit(destination.position() + length);
        readChunk(destination, at, inChunk);
        at += length;
      }
    } finally {
      destination.limit(limit);
    }
  }

  private void readChunk(ByteBuffer destination, long position, int inChunk) throws IOException {
    Chunk chunk = chunks.get(position / CHUNK);
    if (chunk != null) {
      synchronized (chunk) {
        if (chunk.changed) {
          if (chunk.bytes == NONE) {
            ImageReader.fillWithZeroes(destination);
          } else {
            destination.put(chunk.bytes, inChunk, destination.remaining());
          }
          return;
        }
      }
    }
    base.read(destination, position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    long at = position;
    while (source.hasRemaining()) {
      int inChunk = (int) (at & (CHUNK - 1));
      int length = Math.min(CHUNK - inChunk, source.remaining());
      Chunk chunk = chunk(at);
      synchronized (chunk) {
        fill(chunk, at - inChunk);
        source.get(chunk.bytes, inChunk, length);
      }
      at += length;
    }
  }

  private Chunk chunk(long position) throws LimitExceededException {
    Chunk chunk = chunks.get(position / CHUNK);
    if (chunk != null) {
      return chunk;
    }
    reserve(ENTRY);
    Chunk ours = new Chunk();
    Chunk theirs = chunks.putIfAbsent(position / CHUNK, ours);
    if (theirs == null) {
      return ours;
    }
    bytesUsed.addAndGet(-ENTRY);
    return theirs;
  }

  private void reserve(int bytes) throws LimitExceededException {
    if (bytesUsed.addAndGet(bytes) > bytesAtMost) {
      bytesUsed.addAndGet(-bytes);
      throw new LimitExceededException(
          name(),
          Qcow2Exception.NO_OFFSET,
          "changes need more than the " + bytesAtMost + " bytes of memory allowed");
    }
  }

  /** Gives the chunk an array that holds what it reads as; the caller holds its monitor. */
  private void fill(Chunk chunk, long start) throws IOException {
    if (chunk.bytes != NONE) {
      return;
    }
    reserve(CHUNK);
    boolean filled = false;
    try {
      byte[] bytes = new byte[CHUNK];
      if (!chunk.changed) {
        int length = (int) Math.min(CHUNK, size() - start);
        base.read(ByteBuffer.wrap(bytes, 0, length), start);
      }
      chunk.bytes = bytes;
      chunk.changed = true;
      filled = true;
    } finally {
      if (!filled) {
        bytesUsed.addAndGet(-CHUNK);
      }
    }
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    long at = position;
    long end = position + length;
    while (at < end) {
      int inChunk = (int) (at & (CHUNK - 1));
      int count = (int) Math.min(CHUNK - inChunk, end - at);
      boolean whole = inChunk == 0 && (count == CHUNK || end == size());
      Chunk chunk = chunk(at);
      synchronized (chunk) {
        if (!whole) {
          fill(chunk, at - inChunk);
          Arrays.fill(chunk.bytes, inChunk, inChunk + count, (byte) 0);
        } else {
          if (chunk.bytes != NONE) {
            bytesUsed.addAndGet(-CHUNK);
          }
          chunk.bytes = NONE;
          chunk.changed = true;
        }
      }
      at += count;
    }
  }

  /** Forgets whole chunks, which read as zeros from then on. */
  @Override
  protected void discardHook(long position, long length) throws IOException {
    long from = (position + CHUNK - 1) & -(long) CHUNK;
    long to = position + length == size() ? size() : (position + length) & -(long) CHUNK;
    if (from < to) {
      writeZeroesHook(from, to - from, ZeroMode.MAY_UNMAP);
    }
  }

  /** Does nothing: memory is as durable as it will ever be. */
  @Override
  protected void flushHook() {}

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    long left = Math.min(length, CHUNK - (position & (CHUNK - 1)));
    Chunk chunk = chunks.get(position / CHUNK);
    if (chunk != null) {
      synchronized (chunk) {
        if (chunk.changed) {
          Extent.Kind kind = chunk.bytes == NONE ? Extent.Kind.ZERO : Extent.Kind.DATA;
          return new Extent(position, left, kind, 0, Extent.NO_HOST_OFFSET);
        }
      }
    }
    Extent below = base.extentAt(position, left);
    return new Extent(
        position, below.length(), below.kind(), below.depth() + 1, below.hostOffset());
  }

  @Override
  protected void closeHook() {
    chunks.clear();
  }
}
