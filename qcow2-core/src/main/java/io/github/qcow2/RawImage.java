package io.github.qcow2;

import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.concurrent.locks.ReentrantLock;

/**
 * A disk that is stored as it is: guest offset and host offset are equal. A length that is not a
 * multiple of 512 is rounded up; what lies past the end of the file reads as zeros. Owns the
 * storage.
 *
 * <p>A barrier that fails is final: from then on every write and every flush fails, since the host
 * may have thrown away what it could not write. {@link #flushing} lets one thread at a time ask for
 * a barrier, so that nobody returns before the one that his bytes rely on.
 */
public final class RawImage extends BlockDevice {
  private static final long SECTOR = 512;

  /** The most whole sectors whose bytes a long can count. */
  private static final long LARGEST = Long.MAX_VALUE & -SECTOR;

  private final Storage storage;
  private final TrackedFile file;
  private final boolean writesThrough;
  private volatile long size;

  /** Held while the disk grows or shrinks. */
  private final ReentrantLock growing = new ReentrantLock();

  private final ReentrantLock flushing = new ReentrantLock();

  private RawImage(TrackedFile file, Durability durability) throws IOException {
    super(file.storage().name(), file.storage().isReadOnly());
    this.storage = file.storage();
    this.file = file;
    this.writesThrough = durability == Durability.WRITETHROUGH;
    this.size = roundedUp(storage.size());
  }

  /**
   * Opens a raw image for reading. Its file is locked where that is possible; {@link #over} one
   * that was opened with another {@link io.github.qcow2.storage.LockMode} if not so.
   */
  public static RawImage open(Path path) throws IOException {
    return over(FileStorage.open(path));
  }

  /** Opens a raw image for reading and writing, with its file locked where that is possible. */
  public static RawImage openWritable(Path path) throws IOException {
    return openWritable(path, Durability.WRITEBACK);
  }

  /** Opens a raw image for reading and writing, with its file locked where that is possible. */
  public static RawImage openWritable(Path path, Durability durability) throws IOException {
    return over(FileStorage.openWritable(path), durability);
  }

  /**
   * Creates a raw image of zeros, or overwrites a file. A block device keeps what it holds, and its
   * size.
   *
   * @param size in bytes, rounded up to sectors
   */
  public static RawImage create(Path path, long size) throws IOException {
    return create(path, size, Durability.WRITEBACK);
  }

  /**
   * Creates a raw image of zeros, or overwrites a file. A block device keeps what it holds, and its
   * size.
   *
   * @param size in bytes, rounded up to sectors
   */
  public static RawImage create(Path path, long size, Durability durability) throws IOException {
    return create(path, size, durability, Preallocation.OFF);
  }

  /**
   * Creates a raw image of zeros, or overwrites a file. A block device keeps what it holds, and its
   * size.
   *
   * @param size in bytes, rounded up to sectors
   * @param preallocation not {@link Preallocation#METADATA}: a raw image has no tables
   */
  public static RawImage create(
      Path path, long size, Durability durability, Preallocation preallocation) throws IOException {
    if (size < 0 || size > LARGEST) {
      throw new IllegalArgumentException("size " + size);
    }
    requireNoTables(preallocation);
    Storage storage = FileStorage.create(path);
    try {
      TrackedFile file = new TrackedFile(storage, durability.hasBarriers());
      preallocation.prepare(file, 0, roundedUp(size));
      return new RawImage(file, durability);
    } catch (Throwable t) {
      storage.close();
      throw t;
    }
  }

  private static void requireNoTables(Preallocation preallocation) {
    if (preallocation == Preallocation.METADATA) {
      throw new IllegalArgumentException("a raw image has no metadata to preallocate");
    }
  }

  /**
   * Makes the disk larger; the new bytes read as zeros. Durable when the call returns.
   *
   * @param newSize in bytes; a multiple of 512, not below the present size
   */
  public void grow(long newSize) throws IOException {
    grow(newSize, Preallocation.OFF);
  }

  /**
   * Makes the disk larger; the new bytes read as zeros. Durable when the call returns. On an error
   * the disk keeps its size, though its file may be longer.
   *
   * @param newSize in bytes; a multiple of 512, not below the present size
   * @param preallocation not {@link Preallocation#METADATA}: a raw image has no tables
   * @throws io.github.qcow2.error.ReadOnlyImageException if the image was opened read-only
   */
  public void grow(long newSize, Preallocation preallocation) throws IOException {
    requireNoTables(preallocation);
    growing.lock();
    try {
      if (newSize < size || newSize % SECTOR != 0) {
        throw new IllegalArgumentException(
            "new size " + newSize + " is below " + size + " or not a multiple of 512");
      }
      preallocation.prepare(file, size, newSize - size);
      flushHook();
      size = newSize;
    } finally {
      growing.unlock();
    }
  }

  /**
   * Makes the disk smaller: the bytes behind the new end are lost. Durable when the call returns.
   * Nobody else may use those bytes meanwhile; a write among them could make the file longer again.
   *
   * @param newSize in bytes; a multiple of 512, not above the present size
   * @throws io.github.qcow2.error.ReadOnlyImageException if the image was opened read-only
   */
  public void shrink(long newSize) throws IOException {
    growing.lock();
    try {
      if (newSize < 0 || newSize > size || newSize % SECTOR != 0) {
        throw new IllegalArgumentException(
            "new size " + newSize + " is above " + size + " or not a multiple of 512");
      }
      long before = size;
      size = newSize;
      try {
        file.setSize(newSize);
      } catch (Throwable t) {
        size = before;
        throw t;
      }
      flushHook();
    } finally {
      growing.unlock();
    }
  }

  /** Takes a storage for a disk; it is closed with the image, or at once if this fails. */
  public static RawImage over(Storage storage) throws IOException {
    return over(storage, Durability.WRITEBACK);
  }

  /** Takes a storage for a disk; it is closed with the image, or at once if this fails. */
  public static RawImage over(Storage storage, Durability durability) throws IOException {
    try {
      return new RawImage(new TrackedFile(storage, durability.hasBarriers()), durability);
    } catch (Throwable t) {
      storage.close();
      throw t;
    }
  }

  private static long roundedUp(long bytes) {
    return (Math.min(bytes, LARGEST) + SECTOR - 1) & -SECTOR;
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    storage.read(destination, position);
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) throws IOException {
    file.write(source, position, ClusterKind.DATA);
    writeThrough();
  }

  private void writeThrough() throws IOException {
    if (writesThrough) {
      flushHook();
    }
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    file.writeZeroes(position, length, mode == ZeroMode.MAY_UNMAP, ClusterKind.DATA);
    writeThrough();
  }

  /** Gives back whole sectors, as far as the storage can. */
  @Override
  protected void discardHook(long position, long length) throws IOException {
    file.discard(position, length, ClusterKind.DATA);
    writeThrough();
  }

  @Override
  protected boolean copyFromHook(
      BlockDevice source, long sourcePosition, long position, long length) throws IOException {
    HostCopy copy = (from, at, bytes) -> file.copyFrom(from, at, position, bytes, ClusterKind.DATA);
    boolean copied = source.copyTo(copy, sourcePosition, length);
    if (copied) {
      writeThrough();
    }
    return copied;
  }

  @Override
  protected boolean copyToHook(HostCopy copy, long position, long length) throws IOException {
    return copy.from(storage, position, length);
  }

  @Override
  protected void flushHook() throws IOException {
    flushing.lock();
    try {
      file.barrier();
    } finally {
      flushing.unlock();
    }
  }

  /** Holes of the file are zeros, and so is what lies past its end. */
  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    long data = storage.nextData(position);
    if (data == position) {
      long hole = storage.nextHole(position);
      if (hole > position) {
        return extent(position, Math.min(length, hole - position), Extent.Kind.DATA);
      }
    }
    long zeroes = data > position ? Math.min(length, data - position) : length;
    return extent(position, zeroes, Extent.Kind.ZERO);
  }

  private static Extent extent(long position, long length, Extent.Kind kind) {
    return new Extent(position, length, kind, 0, position);
  }

  @Override
  protected void closeHook() throws IOException {
    try {
      flushHook();
    } finally {
      storage.close();
    }
  }
}
