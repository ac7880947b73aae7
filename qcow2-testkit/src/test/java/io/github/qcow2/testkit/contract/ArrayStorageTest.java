package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.Storage;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Optional;

/** The contract can be met: by the simplest storage there is. */
final class ArrayStorageTest extends StorageContract {
  @Override
  protected Storage create() {
    return new ArrayStorage(new byte[0], false);
  }

  @Override
  protected Optional<Storage> createReadOnly(byte[] content) {
    return Optional.of(new ArrayStorage(content.clone(), true));
  }

  /** One array under one lock; transfers at most 4,093 bytes a call, as a file may. */
  private static final class ArrayStorage extends Storage {
    private static final int MOST = 4_093;

    private byte[] bytes;

    ArrayStorage(byte[] bytes, boolean readOnly) {
      super("array", readOnly);
      this.bytes = bytes;
    }

    @Override
    protected synchronized int readHook(ByteBuffer destination, long position) {
      if (position >= bytes.length) {
        return -1;
      }
      int count = (int) Math.min(Math.min(destination.remaining(), MOST), bytes.length - position);
      destination.put(bytes, (int) position, count);
      return count;
    }

    @Override
    protected synchronized int writeHook(ByteBuffer source, long position) {
      int count = Math.min(source.remaining(), MOST);
      int end = Math.toIntExact(position + count);
      if (end > bytes.length) {
        bytes = Arrays.copyOf(bytes, end);
      }
      source.get(bytes, (int) position, count);
      return count;
    }

    @Override
    protected synchronized long sizeHook() {
      return bytes.length;
    }

    @Override
    protected synchronized void setSizeHook(long size) {
      bytes = Arrays.copyOf(bytes, Math.toIntExact(size));
    }

    @Override
    protected void forceHook() {}

    @Override
    protected void closeHook() {}
  }
}
