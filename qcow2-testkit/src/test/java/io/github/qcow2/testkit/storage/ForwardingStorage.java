package io.github.qcow2.testkit.storage;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A file in memory that a test spoils in some way: subclasses override the hooks in which it
 * differs. Its bytes can be looked at after it was closed.
 */
public abstract class ForwardingStorage extends Storage {
  private final HeapStorage file;

  /**
   * A writable file.
   *
   * @param content all of it, which is copied
   */
  protected ForwardingStorage(String name, byte[] content) {
    super(name, false);
    this.file = HeapStorage.copyOf(name, content);
  }

  /** The bytes of the file as they are now. */
  public final byte[] toByteArray() {
    return file.toByteArray();
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    long left = file.size() - position;
    if (left <= 0) {
      return -1;
    }
    int count = (int) Math.min(left, destination.remaining());
    int end = destination.limit();
    destination.limit(destination.position() + count);
    file.read(destination, position);
    destination.limit(end);
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    int count = source.remaining();
    file.write(source, position);
    return count;
  }

  @Override
  protected long sizeHook() throws IOException {
    return file.size();
  }

  @Override
  protected void setSizeHook(long size) throws IOException {
    file.setSize(size);
  }

  @Override
  protected void forceHook() throws IOException {}

  @Override
  protected void closeHook() {}
}
