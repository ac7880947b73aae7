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
 *   <li>What a host can do with ranges of a file (give back, zero, reserve and copy them, say which
 *       hold nothing) has a meaning everywhere: where a storage cannot do it, zeros are written,
 *       nothing is given back, and everything counts as data. No hook of these has to be filled.
 * </ul>
 */
public abstract class Storage implements AutoCloseable {
  private static final byte[] ZEROES = new byte[4096];
  private static final int SECTOR = 512;

  /** Made when it is first needed, and shared: nobody can write to it. */
  private static final class Zeroes {
    static final ByteBuffer BUFFER = ByteBuffer.allocateDirect(256 << 10).asReadOnlyBuffer();
  }

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

  /** Whether everything that changes the file is refused. */
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
   * Makes the file at least {@code size} bytes long; new bytes read as zeros, and take no room
   * where the host has holes. Unlike {@link #setSize}, it cuts off nothing, whoever makes the file
   * longer at the same time.
   *
   * @param size in bytes, not negative
   * @throws ReadOnlyImageException if the storage is read-only
   */
  public final void extend(long size) throws IOException {
    checkRange(size, 0);
    checkOpen();
    checkWritable();
    extendHook(size);
  }

  /**
   * Says that nobody needs some bytes any more, so that the host may take their room back. From now
   * on, and after a power cut, each sector of 512 bytes that lies wholly in the range reads as
   * before or as zeros, and may do either until it is written again; all other bytes stay as they
   * are. The length of the file does not change; what lies past its end is left out.
   *
   * @param position byte offset in the file, not negative
   * @param length in bytes, not negative
   * @return whether the host was told; false means that nothing has happened
   * @throws ReadOnlyImageException if the storage is read-only
   * @throws IOException if the host has failed; the promise holds nonetheless
   */
  public final boolean discard(long position, long length) throws IOException {
    checkRange(position, length);
    checkOpen();
    checkWritable();
    long end = Math.min(position + length, sizeHook()) & -SECTOR;
    long start = position > Long.MAX_VALUE - SECTOR ? end : (position + SECTOR - 1) & -SECTOR;
    return start < end && discardHook(start, end - start);
  }

  /**
   * Makes a range read as zeros, extending the file where needed.
   *
   * @param position byte offset in the file, not negative
   * @param length in bytes, not negative
   * @param mayUnmap whether the host may take the room of these bytes back; if not, it stays theirs
   *     where the host can do that
   * @throws ReadOnlyImageException if the storage is read-only
   * @throws IOException if not all bytes were made zeros; any part of them may have been
   */
  public final void writeZeroes(long position, long length, boolean mayUnmap) throws IOException {
    checkRange(position, length);
    checkOpen();
    checkWritable();
    if (length > 0) {
      writeZeroesHook(position, length, mayUnmap);
    }
  }

  /**
   * Reserves room: writing into the range cannot fail for want of space afterwards, as far as the
   * host tells. Extends the file where needed; bytes past the old end read as zeros, all others
   * keep what they hold. Where the host cannot reserve, zeros are written past the old end, and
   * holes inside the file stay holes.
   *
   * @param position byte offset in the file, not negative
   * @param length in bytes, not negative
   * @throws ReadOnlyImageException if the storage is read-only
   * @throws IOException if there is not room enough; the file may have been extended in part
   */
  public final void allocate(long position, long length) throws IOException {
    checkRange(position, length);
    checkOpen();
    checkWritable();
    if (length > 0) {
      allocateHook(position, length);
    }
  }

  /**
   * How many bytes of disk the file occupies: fewer than {@link #size()} if it has holes, more if
   * room is reserved past its end.
   *
   * @return -1 if the host does not tell
   */
  public final long allocatedSize() throws IOException {
    checkOpen();
    return allocatedSizeHook();
  }

  /**
   * Where the first bytes at or after a position are that may be other than zero. All before them
   * is a hole, and reads as zeros.
   *
   * @param position byte offset in the file, not negative
   * @return {@link #size()} if there are none, or if the position is not before the end
   */
  public final long nextData(long position) throws IOException {
    checkRange(position, 0);
    checkOpen();
    long end = sizeHook();
    return position >= end ? end : Math.min(end, Math.max(position, nextDataHook(position)));
  }

  /**
   * Where the first hole at or after a position begins. The end of the file is one.
   *
   * @param position byte offset in the file, not negative
   * @return {@link #size()} if there is none before, or if the position is not before the end
   */
  public final long nextHole(long position) throws IOException {
    checkRange(position, 0);
    checkOpen();
    long end = sizeHook();
    return position >= end ? end : Math.min(end, Math.max(position, nextHoleHook(position)));
  }

  /**
   * Copies bytes of another file without moving them through this process, and where the host can
   * do that, without moving them at all: both files then share them until one is written to. Only
   * regards bytes that were written before the call; the two ranges must not overlap if the files
   * are the same.
   *
   * @param source what to copy from; its range must lie inside it
   * @param sourcePosition byte offset in the source, not negative
   * @param position byte offset in this file, not negative; extended where needed
   * @param length in bytes, not negative
   * @return false if that cannot be done here: nothing was written then, and the caller has to read
   *     and write
   * @throws ReadOnlyImageException if the storage is read-only
   * @throws IOException if not all bytes were copied; any part of them may have been
   */
  public final boolean copyFrom(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    checkRange(sourcePosition, length);
    checkRange(position, length);
    checkOpen();
    source.checkOpen();
    checkWritable();
    return sourcePosition + length <= source.sizeHook()
        && (length == 0 || copyFromHook(source, sourcePosition, position, length));
  }

  /**
   * The barrier: returns once every write and size change that completed before the call is
   * durable; so is what was zeroed, reserved and copied, and a discard is then done once and for
   * all.
   *
   * @throws IOException if that cannot be promised; which of the bytes are durable is then unknown
   */
  public final void force() throws IOException {
    checkOpen();
    if (!readOnly) {
      forceHook();
    }
  }

  /** The storage in which the bytes are: another one than this if this is a mere view. */
  Storage viewed() {
    return this;
  }

  /**
   * Whether the length cannot change, like that of a block device: {@link #setSize} then takes no
   * other.
   */
  public boolean hasFixedSize() {
    return false;
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

  /**
   * Extends the file, or does nothing. If not overridden, sets the size of a file that is shorter;
   * who lets other threads extend the file meanwhile has to override this.
   */
  protected void extendHook(long size) throws IOException {
    if (sizeHook() < size) {
      setSizeHook(size);
    }
  }

  /** Makes everything completed so far durable. */
  protected abstract void forceHook() throws IOException;

  /**
   * Gives whole sectors inside the file back, or does nothing and returns false.
   *
   * @param position a multiple of 512
   * @param length in bytes, a positive multiple of 512
   */
  protected boolean discardHook(long position, long length) throws IOException {
    return false;
  }

  /**
   * Makes a range read as zeros. If not overridden, writes them with {@link #writeHook}.
   *
   * @param length in bytes, positive
   */
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    ByteBuffer zeroes = zeroes();
    long at = position;
    while (at < position + length) {
      zeroes.clear().limit((int) Math.min(zeroes.capacity(), position + length - at));
      at += writeHook(zeroes, at);
    }
  }

  /**
   * Reserves room. If not overridden, zeros what lies past the end with {@link #writeZeroesHook};
   * who overrides that with something that reserves no room, or lets other threads extend the file
   * meanwhile, has to override this, too.
   *
   * @param length in bytes, positive
   */
  protected void allocateHook(long position, long length) throws IOException {
    long from = Math.max(position, sizeHook());
    if (from < position + length) {
      writeZeroesHook(from, position + length - from, false);
    }
  }

  /** How much disk the file occupies in bytes, or -1. */
  protected long allocatedSizeHook() throws IOException {
    return -1;
  }

  /**
   * The first byte at or after a position that may be other than zero, or the end.
   *
   * @param position before the end
   */
  protected long nextDataHook(long position) throws IOException {
    return position;
  }

  /**
   * The first hole at or after a position, or the end.
   *
   * @param position before the end
   */
  protected long nextHoleHook(long position) throws IOException {
    return Long.MAX_VALUE;
  }

  /**
   * Copies, or does nothing and returns false.
   *
   * @param source a storage that is open, and that has the range
   * @param length in bytes, positive
   */
  protected boolean copyFromHook(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    return false;
  }

  /** Called once. */
  protected abstract void closeHook() throws IOException;

  @Override
  public final String toString() {
    return name;
  }

  /** A buffer of zeros, of a size that is good for writing many; its position is the caller's. */
  static ByteBuffer zeroes() {
    return Zeroes.BUFFER.duplicate();
  }

  private static void fillWithZeroes(ByteBuffer destination) {
    while (destination.hasRemaining()) {
      destination.put(ZEROES, 0, Math.min(ZEROES.length, destination.remaining()));
    }
  }

  private static void checkRange(long position, long length) {
    if (position < 0 || length < 0 || position > Long.MAX_VALUE - length) {
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
