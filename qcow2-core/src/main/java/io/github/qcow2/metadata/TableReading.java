package io.github.qcow2.metadata;

import java.io.IOException;
import java.nio.ByteBuffer;

/** Reads tables word by word, big-endian, through pooled buffers; used by one thread. */
public final class TableReading {
  private static final int BYTES_PER_TRANSFER = 1 << 20;

  private final TrackedFile file;
  private final BufferPool buffers = BufferPool.shared();

  /** Reads from a file. */
  public TableReading(TrackedFile file) {
    this.file = file;
  }

  /** Fills {@code words} from a place in the file; with zeros past its end. */
  public void read(long position, long[] words) throws IOException {
    int perTransfer = BYTES_PER_TRANSFER / Long.BYTES;
    ByteBuffer buffer = buffers.take(BYTES_PER_TRANSFER);
    try {
      for (int at = 0; at < words.length; at += perTransfer) {
        int count = Math.min(perTransfer, words.length - at);
        buffer.clear().limit(count * Long.BYTES);
        file.read(buffer, position + (long) at * Long.BYTES);
        buffer.flip().asLongBuffer().get(words, at, count);
      }
    } finally {
      buffers.give(buffer);
    }
  }
}
