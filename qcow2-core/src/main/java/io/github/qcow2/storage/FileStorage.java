package io.github.qcow2.storage;

import io.github.qcow2.error.FileReplacedException;
import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.locks.StampedLock;
import org.jspecify.annotations.Nullable;

/**
 * A regular file or block device, through a {@link FileChannel} of any file system.
 *
 * <p><b>Interrupts</b> neither close the storage nor lose a write: where {@link Thread#interrupt}
 * closes the channel, the file is opened again, the operation is repeated, and the thread's
 * interrupt status is set when it returns. If the path leads to another file by then, the operation
 * fails with a {@link FileReplacedException}, and so does each later one.
 *
 * <p><b>Locks</b> keep other programs and other storages away from the file: see {@link LockMode}.
 * They are released when the storage is closed, and nothing else releases them: a storage that is
 * forgotten stays open.
 *
 * <p><b>Buffers:</b> a direct buffer is read and written without a copy. A heap buffer is copied by
 * the channel, in pieces of 128 KiB: JDK 17 keeps, for each thread, a direct buffer as large as the
 * largest piece of heap that the thread ever transferred.
 *
 * <p><b>Durability:</b> {@link #force()} asks for the bytes and for what is needed to find them (on
 * Linux {@code fdatasync}). The directory entry of a new file is not part of that.
 *
 * <p><b>Holes, reservations and copies in the kernel</b> need a {@link HostFileProvider}, which
 * opens a descriptor of its own. What is changed through that is part of the same file, and {@link
 * #force()} covers it.
 *
 * <p>{@link #sizeLock} is held shared by writes and copies, and exclusively by {@link #setSize},
 * which has to write the last byte of what it adds and must not overwrite anybody's.
 */
public final class FileStorage extends Storage {
  /**
   * Of cached files, JDK 17 reads 2 MiB of heap a third faster in pieces of this size than whole,
   * since the copy stays in the processor's cache, and writes them an eighth slower.
   */
  static final int HEAP_TRANSFER = 128 * 1024;

  private static final ByteBuffer NO_BYTES = ByteBuffer.allocate(0);

  private static final ReopeningChannel.Operation READ = FileChannel::read;
  private static final ReopeningChannel.Operation WRITE = FileChannel::write;
  private static final ReopeningChannel.Operation SIZE = (file, bytes, none) -> file.size();
  private static final ReopeningChannel.Operation DEVICE_SIZE = FileStorage::deviceSize;
  private static final ReopeningChannel.Operation SET_SIZE = FileStorage::setSize;
  private static final ReopeningChannel.Operation EXTEND =
      (file, zero, size) -> file.size() < size ? setSize(file, zero, size) : size;

  private final HostFile file;
  private final ReopeningChannel channel;
  private final StampedLock sizeLock = new StampedLock();

  private FileStorage(HostFile file, boolean writable, LockMode locking, OpenFiles register)
      throws IOException {
    super(file.path().toString(), !writable);
    this.file = file;
    this.channel = new ReopeningChannel(new FileUse(register, file, writable, locking));
  }

  /** Opens a file read-only, with {@link LockMode#AUTO}. */
  public static FileStorage open(Path path) throws IOException {
    return open(path, LockMode.AUTO);
  }

  /**
   * Opens a file read-only.
   *
   * @throws UnsupportedFeatureException if it is neither a regular file nor a block device, or
   *     cannot be locked although that is required
   * @throws ImageLockedException if it is open for writing elsewhere
   */
  public static FileStorage open(Path path, LockMode locking) throws IOException {
    return open(path, false, locking, OpenFiles.OF_THIS_PROCESS);
  }

  /** Opens an existing file for reading and writing, with {@link LockMode#AUTO}. */
  public static FileStorage openWritable(Path path) throws IOException {
    return openWritable(path, LockMode.AUTO);
  }

  /**
   * Opens an existing file for reading and writing.
   *
   * @throws UnsupportedFeatureException if it is neither a regular file nor a block device, or
   *     cannot be locked although that is required
   * @throws ImageLockedException if it is open elsewhere
   */
  public static FileStorage openWritable(Path path, LockMode locking) throws IOException {
    return open(path, true, locking, OpenFiles.OF_THIS_PROCESS);
  }

  /** As the public methods do, with a register of one's own. */
  static FileStorage open(Path path, boolean writable, LockMode locking, OpenFiles register)
      throws IOException {
    return new FileStorage(HostFile.at(path), writable, locking, register);
  }

  /** Opens a file for reading and writing without its content, with {@link LockMode#AUTO}. */
  public static FileStorage create(Path path) throws IOException {
    return create(path, LockMode.AUTO);
  }

  /**
   * Opens a file for reading and writing. One that does not exist is created; one that does loses
   * its content, unless it is a block device, which keeps it.
   *
   * @throws UnsupportedFeatureException if it is neither a regular file nor a block device, or
   *     cannot be locked although that is required
   * @throws ImageLockedException if it is open elsewhere; it has kept its content
   */
  public static FileStorage create(Path path, LockMode locking) throws IOException {
    if (!Files.exists(path)) {
      make(path);
      OpenFiles.OF_THIS_PROCESS.wasClosed(path);
    }
    FileStorage storage = openWritable(path, locking);
    try {
      if (!storage.isBlockDevice()) {
        storage.setSize(0);
      }
      return storage;
    } catch (Throwable t) {
      storage.close();
      throw t;
    }
  }

  /**
   * Makes a file and opens it for reading and writing.
   *
   * @throws FileAlreadyExistsException if there is one already; it stays as it is
   */
  public static FileStorage createNew(Path path, LockMode locking) throws IOException {
    Files.createFile(path);
    boolean opened = false;
    try {
      OpenFiles.OF_THIS_PROCESS.wasClosed(path);
      FileStorage storage = openWritable(path, locking);
      opened = true;
      return storage;
    } finally {
      if (!opened) {
        Files.deleteIfExists(path);
      }
    }
  }

  /**
   * Makes an empty file. If another thread has just done so, the file is not opened here: closing
   * it again would drop that thread's locks.
   */
  private static void make(Path path) throws IOException {
    try {
      Files.createFile(path);
    } catch (FileAlreadyExistsException e) {
      if (!Files.exists(path)) {
        // A symbolic link to a file that is yet to be made. Opened for reading, too: a FIFO opened
        // for writing alone would wait for a reader.
        FileChannel.open(
                path, StandardOpenOption.READ, StandardOpenOption.WRITE, StandardOpenOption.CREATE)
            .close();
      }
    }
  }

  /**
   * What {@link #identity()} of a storage of this file would be, without opening it.
   *
   * @throws UnsupportedFeatureException if it is neither a regular file nor a block device
   */
  public static @Nullable Object identityOf(Path path) throws IOException {
    return HostFile.at(path).identity();
  }

  /** Links to a file, symbolic or hard, have the identity of the file. */
  @Override
  public boolean hasFixedSize() {
    return isBlockDevice();
  }

  @Override
  public @Nullable Object identity() {
    return file.identity();
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    return transfer(READ, destination, position);
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    long stamp = sizeLock.readLock();
    try {
      return transfer(WRITE, source, position);
    } finally {
      sizeLock.unlockRead(stamp);
    }
  }

  @Override
  protected long sizeHook() throws IOException {
    return isBlockDevice()
        ? channel.perform(DEVICE_SIZE, ByteBuffer.allocate(1), 0)
        : channel.perform(SIZE, NO_BYTES, 0);
  }

  /**
   * {@inheritDoc}
   *
   * @throws UnsupportedFeatureException if that is not the size of a block device already
   */
  @Override
  protected void setSizeHook(long size) throws IOException {
    if (isBlockDevice()) {
      long fixed = sizeHook();
      if (size != fixed) {
        throw new UnsupportedFeatureException(
            name(),
            Qcow2Exception.NO_OFFSET,
            "a block device keeps its size of " + fixed + " bytes and cannot have " + size);
      }
      return;
    }
    long stamp = sizeLock.writeLock();
    try {
      channel.perform(SET_SIZE, ByteBuffer.allocate(1), size);
    } finally {
      sizeLock.unlockWrite(stamp);
    }
  }

  @Override
  protected void extendHook(long size) throws IOException {
    if (isBlockDevice()) {
      super.extendHook(size);
      return;
    }
    long stamp = sizeLock.writeLock();
    try {
      channel.perform(EXTEND, ByteBuffer.allocate(1), size);
    } finally {
      sizeLock.unlockWrite(stamp);
    }
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    return descriptor != null && descriptor.punchHole(position, length);
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    if (descriptor != null && mayUnmap && descriptor.punchHole(position, length)) {
      extendHook(position + length);
    } else if (descriptor == null || !descriptor.zeroRange(position, length)) {
      super.writeZeroesHook(position, length, mayUnmap);
    }
  }

  /**
   * Where only zeros can be written, nobody else extends the file meanwhile, so that nobody's bytes
   * are overwritten.
   */
  @Override
  protected void allocateHook(long position, long length) throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    if (descriptor != null && descriptor.allocate(position, length)) {
      return;
    }
    long stamp = sizeLock.writeLock();
    try {
      ByteBuffer zeroes = zeroes();
      long at = Math.max(position, sizeHook());
      while (at < position + length) {
        zeroes.clear().limit((int) Math.min(zeroes.capacity(), position + length - at));
        at += channel.perform(WRITE, zeroes, at);
      }
    } finally {
      sizeLock.unlockWrite(stamp);
    }
  }

  @Override
  protected long allocatedSizeHook() throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    return descriptor == null ? -1 : descriptor.allocatedBytes();
  }

  @Override
  protected long nextDataHook(long position) throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    return descriptor == null ? position : descriptor.nextData(position);
  }

  @Override
  protected long nextHoleHook(long position) throws IOException {
    HostDescriptor descriptor = channel.descriptor();
    long hole = descriptor == null ? -1 : descriptor.nextHole(position);
    return hole < 0 ? Long.MAX_VALUE : hole;
  }

  @Override
  protected boolean copyFromHook(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    if (!(source.viewed() instanceof FileStorage from)) {
      return false;
    }
    HostDescriptor sourceDescriptor = from.channel.descriptor();
    HostDescriptor descriptor = channel.descriptor();
    if (sourceDescriptor == null || descriptor == null) {
      return false;
    }
    long done = 0;
    while (done < length) {
      long count;
      long stamp = sizeLock.readLock();
      try {
        count =
            descriptor.copyFrom(
                sourceDescriptor, sourcePosition + done, position + done, length - done);
      } finally {
        sizeLock.unlockRead(stamp);
      }
      if (count == 0 && done == 0) {
        return false;
      }
      if (count == 0) {
        copyThroughMemory(source, sourcePosition + done, position + done, length - done);
        return true;
      }
      done += count;
    }
    return true;
  }

  private void copyThroughMemory(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(HEAP_TRANSFER, length));
    for (long done = 0; done < length; done += bytes.limit()) {
      bytes.clear().limit((int) Math.min(bytes.capacity(), length - done));
      source.read(bytes, sourcePosition + done);
      write(bytes.flip(), position + done);
    }
  }

  @Override
  protected void forceHook() throws IOException {
    channel.force();
  }

  @Override
  protected void closeHook() throws IOException {
    channel.close();
  }

  private boolean isBlockDevice() {
    return file.kind() == HostFile.Kind.BLOCK_DEVICE;
  }

  private int transfer(ReopeningChannel.Operation operation, ByteBuffer buffer, long position)
      throws IOException {
    if (buffer.isDirect() || buffer.remaining() <= HEAP_TRANSFER) {
      return (int) channel.perform(operation, buffer, position);
    }
    int limit = buffer.limit();
    buffer.limit(buffer.position() + HEAP_TRANSFER);
    try {
      return (int) channel.perform(operation, buffer, position);
    } finally {
      buffer.limit(limit);
    }
  }

  /** Cuts the file, or extends it: a channel cannot do the latter except by writing. */
  private static long setSize(FileChannel channel, ByteBuffer zero, long size) throws IOException {
    long current = channel.size();
    if (size < current) {
      channel.truncate(size);
    } else if (size > current) {
      channel.write(zero, size - 1);
    }
    return size;
  }

  /**
   * The size of a block device. Where the platform reports zero, the end is searched for: it is the
   * first position that cannot be read.
   */
  private static long deviceSize(FileChannel channel, ByteBuffer probe, long nothing)
      throws IOException {
    long reported = channel.size();
    return reported > 0 ? reported : searchEnd(channel, probe);
  }

  static long searchEnd(FileChannel channel, ByteBuffer probe) throws IOException {
    long end = 0;
    long beyond = Long.MAX_VALUE;
    while (end < beyond) {
      long middle = end + (beyond - end) / 2;
      if (channel.read(probe.clear(), middle) > 0) {
        end = middle + 1;
      } else {
        beyond = middle;
      }
    }
    return end;
  }
}
