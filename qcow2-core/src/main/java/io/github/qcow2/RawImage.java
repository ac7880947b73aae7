package io.github.qcow2;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;

/**
 * A disk that is stored as it is: guest offset and host offset are equal. A length that is not a
 * multiple of 512 is rounded up; what lies past the end of the file reads as zeros. Owns the
 * storage.
 */
public final class RawImage extends BlockDevice {
  private static final ByteBuffer ZEROES = ByteBuffer.allocateDirect(1 << 20).asReadOnlyBuffer();

  private static final long SECTOR = 512;

  /** The most whole sectors whose bytes a long can count. */
  private static final long LARGEST = Long.MAX_VALUE & -SECTOR;

  private final Storage storage;
  private final long size;

  private RawImage(Storage storage) throws IOException {
    super(storage.name(), storage.isReadOnly());
    this.storage = storage;
    this.size = roundedUp(storage.size());
  }

  /** Opens a raw image for reading. */
  public static RawImage open(Path path) throws IOException {
    return over(FileStorage.open(path));
  }

  /** Opens a raw image for reading and writing. */
  public static RawImage openWritable(Path path) throws IOException {
    return over(FileStorage.openWritable(path));
  }

  /**
   * Creates a raw image of zeros, or overwrites a file.
   *
   * @param size in bytes, rounded up to sectors
   */
  public static RawImage create(Path path, long size) throws IOException {
    if (size < 0 || size > LARGEST) {
      throw new IllegalArgumentException("size " + size);
    }
    Storage storage = FileStorage.create(path);
    try {
      storage.setSize(roundedUp(size));
    } catch (Throwable t) {
      storage.close();
      throw t;
    }
    return over(storage);
  }

  /** Takes a storage for a disk; it is closed with the image, or at once if this fails. */
  public static RawImage over(Storage storage) throws IOException {
    try {
      return new RawImage(storage);
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
    storage.write(source, position);
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) throws IOException {
    for (long at = position; at < position + length; at += ZEROES.capacity()) {
      int bytes = (int) Math.min(ZEROES.capacity(), position + length - at);
      storage.write(ZEROES.duplicate().limit(bytes), at);
    }
  }

  /** Gives nothing back: a storage has no holes to offer, so every byte is kept. */
  @Override
  protected void discardHook(long position, long length) {}

  @Override
  protected void flushHook() throws IOException {
    storage.force();
  }

  @Override
  protected Extent extentHook(long position, long length) {
    return new Extent(position, length, Extent.Kind.DATA, 0, position);
  }

  @Override
  protected void closeHook() throws IOException {
    try {
      if (!isReadOnly()) {
        storage.force();
      }
    } finally {
      storage.close();
    }
  }
}
