package io.github.qcow2.metadata;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A host file that knows whether it holds bytes that no barrier covers yet, so that a barrier with
 * nothing to do costs nothing.
 *
 * <p>Owns the flag, not the file. No lock: the flag is raised after a write has completed and
 * lowered before the barrier is issued, so a write that completes while a barrier runs leaves it
 * raised.
 *
 * <p>A failed barrier is final. The host may have thrown away what it could not write and report
 * success the next time, so from then on every barrier and every write fails with the first error.
 */
public final class TrackedFile {
  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();
  private static final int WORD_BYTES_PER_TRANSFER = 1 << 20;

  private final Storage storage;
  private final boolean hasBarriers;
  private final OverlapGuard guard;
  private volatile boolean unsynced;
  private volatile @Nullable IOException failure;

  /**
   * Wraps a file in which every place may be written.
   *
   * @param storage the file, which stays the caller's to close
   * @param hasBarriers whether {@link #barrier()} asks the host to make anything durable; if not,
   *     the order of writes is all that is left of it
   */
  public TrackedFile(Storage storage, boolean hasBarriers) {
    this(storage, hasBarriers, OverlapGuard.off());
  }

  /**
   * Wraps an image file.
   *
   * @param storage the file, which stays the caller's to close
   * @param hasBarriers as for the other constructor
   * @param guard is asked before every write
   */
  public TrackedFile(Storage storage, boolean hasBarriers, OverlapGuard guard) {
    this.storage = storage;
    this.hasBarriers = hasBarriers;
    this.guard = guard;
  }

  /** What is asked before every write. */
  public OverlapGuard guard() {
    return guard;
  }

  /** The file itself. */
  public Storage storage() {
    return storage;
  }

  /** The length of the file in bytes. */
  public long size() throws IOException {
    return storage.size();
  }

  /** Fills the buffer; past the end of the file with zeros. */
  public void read(ByteBuffer destination, long position) throws IOException {
    storage.read(destination, position);
  }

  /**
   * Writes the whole buffer. It is durable after the next {@link #barrier()} that returns.
   *
   * @param kind what is written
   * @throws CorruptImageException if clusters of another kind are there (I7): nothing is written
   */
  public void write(ByteBuffer source, long position, ClusterKind kind) throws IOException {
    checkNotFailed();
    guard.check(position, source.remaining(), kind);
    try {
      storage.write(source, position);
    } finally {
      // Even a write that failed may have left bytes behind.
      if (!unsynced) {
        unsynced = true;
      }
    }
  }

  /** Writes the words of a table, big-endian, in transfers of bounded length. */
  public void writeWords(long[] words, long position, ClusterKind kind) throws IOException {
    int perTransfer = WORD_BYTES_PER_TRANSFER / Long.BYTES;
    for (int at = 0; at < words.length; at += perTransfer) {
      int count = Math.min(perTransfer, words.length - at);
      ByteBuffer bytes = ByteBuffer.allocate(count * Long.BYTES);
      bytes.asLongBuffer().put(words, at, count);
      write(bytes, position + (long) at * Long.BYTES, kind);
    }
  }

  /**
   * Gives bytes back to the host, as {@link Storage#discard} does. That is done once and for all
   * after the next {@link #barrier()}.
   *
   * @param kind what was there
   * @throws CorruptImageException if clusters of another kind are there (I7): nothing is done
   */
  public boolean discard(long position, long length, ClusterKind kind) throws IOException {
    checkNotFailed();
    guard.check(position, length, kind);
    boolean done = true;
    try {
      done = storage.discard(position, length);
      return done;
    } finally {
      // Where the host was not told, a barrier has nothing to cover.
      if (done) {
        unsynced = true;
      }
    }
  }

  /**
   * Writes zeros as bytes, in transfers of bounded length: unlike {@link #writeZeroes}, which lets
   * the host note down that there are zeros.
   */
  public void writeZeroBytes(long position, long length, ClusterKind kind) throws IOException {
    long end = position + length;
    for (long at = position; at < end; at += ZEROES.capacity()) {
      int bytes = (int) Math.min(ZEROES.capacity(), end - at);
      write(ZEROES.duplicate().limit(bytes), at, kind);
    }
  }

  /**
   * Makes a range read as zeros, as {@link Storage#writeZeroes} does; durable as a write is.
   *
   * @param kind what is written
   * @throws CorruptImageException if clusters of another kind are there (I7): nothing is written
   */
  public void writeZeroes(long position, long length, boolean mayUnmap, ClusterKind kind)
      throws IOException {
    checkNotFailed();
    guard.check(position, length, kind);
    try {
      storage.writeZeroes(position, length, mayUnmap);
    } finally {
      unsynced = true;
    }
  }

  /**
   * Reserves room, as {@link Storage#allocate} does; durable as a write is. What is in the file
   * already stays as it is, so that anything may be there.
   */
  public void allocate(long position, long length) throws IOException {
    checkNotFailed();
    try {
      storage.allocate(position, length);
    } finally {
      unsynced = true;
    }
  }

  /**
   * Copies from another file, as {@link Storage#copyFrom} does; durable as a write is.
   *
   * @param kind what is written
   * @return false if nothing was done, because the host cannot do it
   * @throws CorruptImageException if clusters of another kind are there (I7): nothing is written
   */
  public boolean copyFrom(
      Storage source, long sourcePosition, long position, long length, ClusterKind kind)
      throws IOException {
    checkNotFailed();
    guard.check(position, length, kind);
    try {
      return storage.copyFrom(source, sourcePosition, position, length);
    } finally {
      unsynced = true;
    }
  }

  /** Cuts or extends the file; durable as a write is. */
  public void setSize(long size) throws IOException {
    checkNotFailed();
    try {
      storage.setSize(size);
    } finally {
      unsynced = true;
    }
  }

  /**
   * Cuts the file if it is longer than that and can be cut; durable as a write is.
   *
   * @throws CorruptImageException if tables would be cut off (I7): nothing is done
   */
  public void cutAt(long size) throws IOException {
    if (!storage.hasFixedSize() && storage.size() > size) {
      guard.checkCut(size);
      setSize(size);
    }
  }

  /** Makes the file longer, as {@link Storage#extend} does; durable as a write is. */
  public void extend(long size) throws IOException {
    checkNotFailed();
    try {
      storage.extend(size);
    } finally {
      unsynced = true;
    }
  }

  /**
   * Makes everything durable that completed before the call. Callers take turns: a second call at
   * the same time could return before the first has made its bytes durable.
   */
  public void barrier() throws IOException {
    checkNotFailed();
    if (!unsynced || !hasBarriers) {
      return;
    }
    unsynced = false;
    boolean forced = false;
    try {
      storage.force();
      forced = true;
    } catch (IOException e) {
      failure = e;
      throw e;
    } finally {
      if (!forced) {
        fail("a barrier failed");
      }
    }
  }

  /**
   * Takes the bytes that were read for not durable yet: whoever wrote them may have died before a
   * barrier. The next {@link #barrier()} makes them so.
   */
  public void distrust() {
    unsynced = true;
  }

  /** Refuses every write and barrier from now on, as after a failed barrier. */
  public void fail(String reason) {
    if (failure == null) {
      failure = new IOException(storage.name() + ": " + reason);
    }
  }

  private void checkNotFailed() throws IOException {
    IOException failed = failure;
    if (failed != null) {
      throw new IOException(
          storage.name() + ": refused, since an earlier write or barrier failed: " + failed,
          failed);
    }
  }
}
