package io.github.qcow2.check;

import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads tables of an image in file order or any other. Where reads follow one another in the file,
 * a whole window is fetched at once. For one thread.
 *
 * <p>Every byte that is asked for counts against the budget of the check, whether it was fetched
 * before or not.
 */
final class TableReader {
  private static final int WINDOW = 1 << 20;
  private static final int LEAST_WINDOW = 4096;

  private final Storage storage;
  private final long fileLength;
  private final CheckBudget budget;
  private final ByteBuffer window;
  private long windowStart;
  private long nextSequential = -1;

  TableReader(Storage storage, long fileLength, CheckBudget budget) {
    this.storage = storage;
    this.fileLength = fileLength;
    this.budget = budget;
    // A small image is checked in little memory: there may be many of them.
    int size = (int) Math.max(LEAST_WINDOW, Math.min(WINDOW, fileLength));
    this.window = ByteBuffer.allocateDirect(size).limit(0);
  }

  /**
   * Fills {@code words} with big-endian 64-bit words; what lies beyond the end of the file is zero.
   *
   * @param offset of the first byte; may lie anywhere in or beyond the file
   * @param count how many words, from index 0 on
   */
  void read(long offset, long[] words, int count) throws IOException {
    budget.tables((long) count * Long.BYTES);
    for (int done = 0; done < count; ) {
      int part = Math.min(count - done, window.capacity() / Long.BYTES);
      long at = offset + (long) done * Long.BYTES;
      bytes(at, part * Long.BYTES).asLongBuffer().get(words, done, part);
      done += part;
    }
  }

  /** A view of {@code length} bytes, at most a window. */
  private ByteBuffer bytes(long offset, int length) throws IOException {
    if (offset < windowStart || offset + length > windowStart + window.limit()) {
      long ahead =
          offset == nextSequential ? Math.min(window.capacity(), fileLength - offset) : length;
      window.clear().limit((int) Math.max(length, ahead));
      windowStart = offset;
      try {
        storage.read(window, offset);
        window.flip();
      } catch (IOException e) {
        window.limit(0);
        throw e;
      }
    }
    nextSequential = offset + length;
    return window.slice((int) (offset - windowStart), length);
  }
}
