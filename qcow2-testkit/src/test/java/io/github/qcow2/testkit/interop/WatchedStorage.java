package io.github.qcow2.testkit.interop;

import io.github.qcow2.testkit.storage.ForwardingStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/** A file that counts the bytes read, and whose writes or barriers can be made to fail. */
final class WatchedStorage extends ForwardingStorage {
  private final AtomicLong bytesRead = new AtomicLong();
  private volatile boolean writesFail;
  private volatile boolean barriersFail;

  WatchedStorage(byte[] content) {
    super("watched", content);
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

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    int count = super.readHook(destination, position);
    bytesRead.addAndGet(Math.max(0, count));
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    if (writesFail) {
      throw new IOException("Input/output error");
    }
    return super.writeHook(source, position);
  }

  @Override
  protected void forceHook() throws IOException {
    if (barriersFail) {
      throw new IOException("Input/output error");
    }
  }
}
