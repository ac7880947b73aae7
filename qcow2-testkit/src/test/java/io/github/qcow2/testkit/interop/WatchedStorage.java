package io.github.qcow2.testkit.interop;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/** A file that counts the bytes read, and whose writes or barriers can be made to fail. */
final class WatchedStorage extends Storage {
  private final HeapStorage file;
  private final AtomicLong bytesRead = new AtomicLong();
  private volatile boolean writesFail;
  private volatile boolean barriersFail;

  WatchedStorage(byte[] content) {
    super("watched", false);
    this.file = HeapStorage.copyOf("watched", content);
  }

  long bytesRead() {
    return bytesRead.get();
  }

  void failWrites(boolean fail) {
    writesFail = fail;
  }

  void failBarriers(boolean fail) {
    barriersFail = fail;
  }

  byte[] toByteArray() {
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
    bytesRead.addAndGet(count);
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    if (writesFail) {
      throw new IOException("Input/output error");
    }
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
  protected void forceHook() throws IOException {
    if (barriersFail) {
      throw new IOException("Input/output error");
    }
  }

  @Override
  protected void closeHook() {}
}
