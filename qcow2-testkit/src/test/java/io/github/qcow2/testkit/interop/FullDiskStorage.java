package io.github.qcow2.testkit.interop;

import io.github.qcow2.testkit.storage.ForwardingStorage;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * A file on a disk that is full once the file has so many bytes. As on a real one, a write that
 * does not fit leaves what does, and everything inside the file can be overwritten.
 */
final class FullDiskStorage extends ForwardingStorage {
  private volatile long limit;
  private volatile boolean refused;

  /**
   * A file that exists.
   *
   * @param content all of it, which may be longer than the limit
   * @param limit how long the file can become, in bytes
   */
  FullDiskStorage(byte[] content, long limit) {
    super("full disk", content);
    this.limit = limit;
  }

  /** Somebody has made room. */
  void makeRoom() {
    limit = Long.MAX_VALUE;
  }

  /** Whether a write has failed so far. */
  boolean hasRefused() {
    return refused;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    long room = Math.max(limit, sizeHook()) - position;
    if (room <= 0) {
      refused = true;
      throw new IOException("No space left on device");
    }
    int count = (int) Math.min(room, source.remaining());
    int end = source.limit();
    source.limit(source.position() + count);
    super.writeHook(source, position);
    source.limit(end);
    return count;
  }

  @Override
  protected void setSizeHook(long size) throws IOException {
    if (size > Math.max(limit, sizeHook())) {
      refused = true;
      throw new IOException("No space left on device");
    }
    super.setSizeHook(size);
  }
}
