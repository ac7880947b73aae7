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

  private final Storage storage;
  private final long size;

  private RawImage(Storage storage) throws IOException {
    super(storage.name(), storage.isReadOnly());
    this.storage = storage;
    this.size = (storage.size() + 511) & -512;
  }

  /** Opens a raw image for reading. */
  public static RawImage open(Path path) throws IOException {
    return over(FileStorage.open(path));
  }

  /** Opens a raw image for reading and writing. */
  public static RawImage openWritable(Path path) throws IOException {
    return over(FileStorage.openWritable(path));
  }

  /** Creates a raw image, or overwrites a file, with {@code size} bytes rounded up to sectors. */
  public static RawImage create(Path path, long size) throws IOException {
    Storage storage = FileStorage.create(path);
    storage.setSize((size + 511) & -512);
    return over(storage);
  }

  /** Takes a storage for a disk; it is closed with the image. */
  public static RawImage over(Storage storage) throws IOException {
    return new RawImage(storage);
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
