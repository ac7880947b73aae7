package io.github.qcow2;

import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReadOnlyImageException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicBoolean;

/**
 * A disk: {@link #size()} bytes, addressed by position.
 *
 * <p>The public methods check arguments and state; an implementor fills the {@code …Hook} methods,
 * which see only ranges inside the device and, for changes, only a writable one.
 *
 * <ul>
 *   <li><b>Transfers</b> are complete or throw. A range that does not lie inside the device is an
 *       {@link IndexOutOfBoundsException}, never a silent cut.
 *   <li><b>Threads:</b> any number of them may call any method at once. A read returns, per
 *       512-byte sector, the last write that returned before it began, or one concurrent with it.
 *   <li><b>Durability:</b> nothing is durable before {@link #flush()} has returned.
 * </ul>
 */
public abstract class BlockDevice implements AutoCloseable {
  private final String name;
  private final boolean readOnly;
  private final AtomicBoolean closed = new AtomicBoolean();

  /**
   * For implementors.
   *
   * @param name what messages call the device: usually the path of the image
   * @param readOnly whether changes are refused
   */
  protected BlockDevice(String name, boolean readOnly) {
    this.name = name;
    this.readOnly = readOnly;
  }

  /** What messages call the device. */
  public final String name() {
    return name;
  }

  /** Whether changes are refused. */
  public final boolean isReadOnly() {
    return readOnly;
  }

  /** The size of the disk in bytes. */
  public abstract long size();

  /**
   * Fills {@code destination} from its position to its limit with guest bytes.
   *
   * @param destination receives the bytes; its position ends at its limit
   * @param position first guest byte
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   * @throws IOException if not all bytes could be had; the buffer's content is then undefined
   */
  public final void read(ByteBuffer destination, long position) throws IOException {
    checkRange(position, destination.remaining());
    checkOpen();
    if (destination.hasRemaining()) {
      readHook(destination, position);
    }
  }

  /**
   * Writes {@code source} from its position to its limit.
   *
   * @param source the bytes; its position ends at its limit
   * @param position first guest byte
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   * @throws ReadOnlyImageException if the device is read-only
   * @throws IOException if not all bytes were written. Each sector of the range then holds its old
   *     or its new bytes
   */
  public final void write(ByteBuffer source, long position) throws IOException {
    checkRange(position, source.remaining());
    checkOpen();
    checkWritable();
    if (source.hasRemaining()) {
      writeHook(source, position);
    }
  }

  /**
   * Writes {@code source} from its position to its limit, compressed where the device can store
   * compressed data and it pays off, and plainly elsewhere. What was there before is replaced, as
   * by {@link #write}, and a read sees no difference.
   *
   * @param source the bytes; its position ends at its limit
   * @param position first guest byte
   * @throws IllegalArgumentException if the device compresses in clusters, and the range does not
   *     begin and end with one; it may also end with the device
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   * @throws ReadOnlyImageException if the device is read-only
   * @throws IOException if not all bytes were written. Each cluster of the range then holds its old
   *     or its new bytes
   */
  public final void writeCompressed(ByteBuffer source, long position) throws IOException {
    checkRange(position, source.remaining());
    checkOpen();
    checkWritable();
    if (source.hasRemaining()) {
      writeCompressedHook(source, position);
    }
  }

  /**
   * Makes a range read as zeros, whatever lies below it in a backing chain.
   *
   * @param position first guest byte
   * @param length in bytes
   * @param mode what becomes of the space
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   * @throws ReadOnlyImageException if the device is read-only
   */
  public final void writeZeroes(long position, long length, ZeroMode mode) throws IOException {
    checkRange(position, length);
    checkOpen();
    checkWritable();
    if (length > 0) {
      writeZeroesHook(position, length, mode);
    }
  }

  /**
   * Says that the content of a range no longer matters. The parts that the device can give back
   * read as zeros afterwards; the others keep their bytes.
   *
   * @param position first guest byte
   * @param length in bytes
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   * @throws ReadOnlyImageException if the device is read-only
   */
  public final void discard(long position, long length) throws IOException {
    checkRange(position, length);
    checkOpen();
    checkWritable();
    if (length > 0) {
      discardHook(position, length);
    }
  }

  /**
   * Writes what another device holds, where the host can copy the bytes without moving them through
   * this process, or share them: between plain files, as a rule of one file system.
   *
   * @param source stays as it is; what is written to it meanwhile may or may not be in the copy
   * @param sourcePosition first guest byte there
   * @param position first guest byte here
   * @param length in bytes
   * @return false if that cannot be done: nothing was written, and the caller has to read and write
   * @throws IndexOutOfBoundsException if a range does not lie inside its device
   * @throws ReadOnlyImageException if the device is read-only
   * @throws IOException if not all bytes were written; any part of them may have been
   */
  public final boolean copyFrom(BlockDevice source, long sourcePosition, long position, long length)
      throws IOException {
    source.checkRange(sourcePosition, length);
    checkRange(position, length);
    checkOpen();
    checkWritable();
    return length == 0 || copyFromHook(source, sourcePosition, position, length);
  }

  /**
   * Lets somebody copy bytes from where they lie in a host file, if all of a range lies in one
   * place there, as it is.
   *
   * @param copy is told of that place, at most once; the bytes stay there until it returns
   * @param position first guest byte
   * @param length in bytes
   * @return what {@code copy} returns; false if there is no such place
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   */
  public final boolean copyTo(HostCopy copy, long position, long length) throws IOException {
    checkRange(position, length);
    checkOpen();
    return length > 0 && copyToHook(copy, position, length);
  }

  /**
   * Returns once everything that was written before the call is durable.
   *
   * @throws IOException if that cannot be promised
   */
  public final void flush() throws IOException {
    checkOpen();
    if (!readOnly) {
      flushHook();
    }
  }

  /**
   * The extents of a range. What they say is true at some moment while the cursor passes.
   *
   * @param position first guest byte
   * @param length in bytes
   * @throws IndexOutOfBoundsException if the range does not lie inside the device
   */
  public final ExtentCursor extents(long position, long length) {
    checkRange(position, length);
    return new ExtentCursor(this, position, length);
  }

  /** One step of {@link #extents}: how the bytes from {@code position} on are stored. */
  final Extent extentAt(long position, long length) throws IOException {
    checkOpen();
    return extentHook(position, length);
  }

  /**
   * Flushes a writable device, then releases everything it holds. A second call does nothing.
   *
   * @throws IOException if the flush failed; everything is released all the same
   */
  @Override
  public final void close() throws IOException {
    if (closed.compareAndSet(false, true)) {
      closeHook();
    }
  }

  /** Fills the buffer, which has bytes remaining. */
  protected abstract void readHook(ByteBuffer destination, long position) throws IOException;

  /** Writes the buffer, which has bytes remaining. */
  protected abstract void writeHook(ByteBuffer source, long position) throws IOException;

  /** Writes the buffer, which has bytes remaining, compressed; plainly, unless overridden. */
  protected void writeCompressedHook(ByteBuffer source, long position) throws IOException {
    writeHook(source, position);
  }

  /** Makes the range, which is not empty, read as zeros. */
  protected abstract void writeZeroesHook(long position, long length, ZeroMode mode)
      throws IOException;

  /** Gives back what can be given back of the range, which is not empty. */
  protected abstract void discardHook(long position, long length) throws IOException;

  /** Copies a range that is not empty, or does nothing and returns false, unless overridden. */
  protected boolean copyFromHook(
      BlockDevice source, long sourcePosition, long position, long length) throws IOException {
    return false;
  }

  /** Passes on where a range lies that is not empty; returns false unless overridden. */
  protected boolean copyToHook(HostCopy copy, long position, long length) throws IOException {
    return false;
  }

  /** Makes everything written so far durable. */
  protected abstract void flushHook() throws IOException;

  /**
   * Describes the bytes from {@code position} on: an extent that starts there and is at least one
   * and at most {@code length} bytes long. It need not be the longest.
   */
  protected abstract Extent extentHook(long position, long length) throws IOException;

  /** Called once: flushes what is to be flushed and releases everything. */
  protected abstract void closeHook() throws IOException;

  @Override
  public final String toString() {
    return name;
  }

  private void checkRange(long position, long length) {
    if (position < 0 || length < 0 || position > size() - length) {
      throw new IndexOutOfBoundsException(
          name + ": " + length + " bytes at " + position + " do not lie inside " + size());
    }
  }

  private void checkOpen() throws DeviceClosedException {
    if (closed.get()) {
      throw new DeviceClosedException(name, Qcow2Exception.NO_OFFSET, "the device is closed");
    }
  }

  private void checkWritable() throws ReadOnlyImageException {
    if (readOnly) {
      throw new ReadOnlyImageException(
          name, Qcow2Exception.NO_OFFSET, "the device was opened read-only");
    }
  }
}
