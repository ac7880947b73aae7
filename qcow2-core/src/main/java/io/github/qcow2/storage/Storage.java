package io.github.qcow2.storage;

import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReadOnlyImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;
import org.jspecify.annotations.Nullable;

/**
 * The bytes of one host file, addressed by position.
 *
 * <p>The public methods check arguments and state and keep the contract; an implementor fills the
 * {@code …Hook} methods, which may transfer less than asked.
 *
 * <ul>
 *   <li>Transfers are complete or throw. A read past the end gives zeros for what lies beyond.
 *   <li>A write past the end extends the file; bytes in between read as zeros.
 *   <li>Nothing is durable before {@link #force()} has returned; the order of writes that no {@code
 *       force} separates is not defined after a power cut.
 *   <li>All methods may be called by any number of threads at once. Two overlapping writes at the
 *       same time leave either's bytes, per sector.
 * </ul>
 */
public abstract class Storage implements AutoCloseable {
  private static final byte[] ZEROES = new byte[4096];

  private final String name;
  private final boolean readOnly;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * For implementors.
   *
   * @param name what messages call the file: usually its path
   * @param readOnly whether every change is to be refused
   */
  protected Storage(String name, boolean readOnly) {
    this.name = name;
    this.readOnly = readOnly;
  }

  /** What messages call the file. */
  public final String name() {
    return name;
  }

  /** Whether writes, size changes and nothing else are refused. */
  public final boolean isReadOnly() {
    return readOnly;
  }

  /**
   * Fills {@code destination} from its position to its limit.
   *
   * @param destination receives the bytes; its position ends at its limit
   * @param position byte offset in the file, not negative; may lie past the end
   * @throws IOException if not all bytes could be had; the buffer's content is then undefined
   */
  public final void read(ByteBuffer destination, long position) throws IOException {
    checkRange(position, destination.remaining());
    checkOpen();
    long at = position;
    while (destination.hasRemaining()) {
      int count = readHook(destination, at);
      if (count < 0) {
        fillWithZeroes(destination);
        return;
      }
      at += count;
    }
  }

  /**
   * Writes {@code source} from its position to its limit, extending the file where needed.
   *
   * @param source the bytes; its position ends at its limit
   * @param position byte offset in the file, not negative
   * @throws ReadOnlyImageException if the storage is read-only
   * @throws IOException if not all bytes were written; any part of them may have been
   */
  public final void write(ByteBuffer source, long position) throws IOException {
    checkRange(position, source.remaining());
    checkOpen();
    checkWritable();
    long at = position;
    while (source.hasRemaining()) {
      at += writeHook(source, at);
    }
  }

  /** The length of the file in bytes. */
  public final long size() throws IOException {
    checkOpen();
    return sizeHook();
  }

  /**
   * Cuts or extends the file to exactly {@code size} bytes; new bytes read as zeros.
   *
   * @param size the new length in bytes, not negative
   */
  public final void setSize(long size) throws IOException {
    checkRange(size, 0);
    checkOpen();
    checkWritable();
    setSizeHook(size);
  }

  /**
   * The barrier: returns once every write and size change that completed before the call is
   * durable.
   *
   * @throws IOException if that cannot be promised; which of the bytes are durable is then unknown
   */
  public final void force() throws IOException {
    checkOpen();
    if (!readOnly) {
      forceHook();
    }
  }

  /**
   * Something equal for two storages exactly when they are the same host file, or null where the
   * file system does not tell.
   */
  public @Nullable Object identity() {
    return null;
  }

  /** Releases the file. A second call does nothing. Does not imply {@link #force()}. */
  @Override
  public final void close() throws IOException {
    if (closed.compareAndSet(false, true)) {
      closeHook();
    }
  }

  /**
   * Reads at least one byte at {@code position}, advancing the buffer.
   *
   * @return the number of bytes read, at least one, or -1 at or past the end of the file
   */
  protected abstract int readHook(ByteBuffer destination, long position) throws IOException;

  /**
   * Writes at least one byte at {@code position}, advancing the buffer.
   *
   * @return the number of bytes written
   */
  protected abstract int writeHook(ByteBuffer source, long position) throws IOException;

  /** The length of the file in bytes. */
  protected abstract long sizeHook() throws IOException;

  /** Cuts or extends the file. */
  protected abstract void setSizeHook(long size) throws IOException;

  /** Makes everything completed so far durable. */
  protected abstract void forceHook() throws IOException;

  /** Called once. */
  protected abstract void closeHook() throws IOException;

  @Override
  public final String toString() {
    return name;
  }

  private static void fillWithZeroes(ByteBuffer destination) {
    while (destination.hasRemaining()) {
      destination.put(ZEROES, 0, Math.min(ZEROES.length, destination.remaining()));
    }
  }

  private static void checkRange(long position, int length) {
    if (position < 0 || position > Long.MAX_VALUE - length) {
      throw new IllegalArgumentException("position " + position + ", length " + length);
    }
  }

  private void checkOpen() throws DeviceClosedException {
    if (closed.get()) {
      throw new DeviceClosedException(name, Qcow2Exception.NO_OFFSET, "the storage is closed");
    }
  }

  private void checkWritable() throws ReadOnlyImageException {
    if (readOnly) {
      throw new ReadOnlyImageException(
          name, Qcow2Exception.NO_OFFSET, "the storage was opened read-only");
    }
  }
}
