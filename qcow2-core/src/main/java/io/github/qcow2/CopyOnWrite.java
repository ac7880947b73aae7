package io.github.qcow2;

import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Writes guest data together with what has to be copied before and after it, in one transfer where
 * it is not too long.
 *
 * <pre>
 *        from          position            position + length      to
 *         │ guest's view │      source       │    guest's view     │
 *         ▼              ▼                   ▼                     ▼
 *   host: ├──────────────┴───────────────────┴─────────────────────┤
 * </pre>
 *
 * <p>The guest's view is whatever a read gives: own data, zeros, a decompressed cluster or the
 * backing file; beyond the end of the disk it is zeros. Owns nothing and takes no lock; the caller
 * holds the clusters in {@link io.github.qcow2.mapping.ClusterLocks}.
 */
final class CopyOnWrite {
  private static final int BYTES_PER_TRANSFER = 1 << 20;

  private final ImageReader reader;
  private final TrackedFile data;
  private final BufferPool buffers;
  private final DiskSize size;

  CopyOnWrite(ImageReader reader, TrackedFile data, BufferPool buffers, DiskSize size) {
    this.reader = reader;
    this.data = data;
    this.buffers = buffers;
    this.size = size;
  }

  /**
   * Writes one run of host bytes.
   *
   * @param source what the guest writes at {@code position}, from its position to its limit
   * @param from guest offset of the first byte of the run, at most {@code position}
   * @param to guest offset after its last byte, at least the end of the source
   * @param host where in the host file the run begins
   */
  void write(ByteBuffer source, long position, long from, long to, long host) throws IOException {
    long end = position + source.remaining();
    if (from == position && to == end) {
      data.write(source, host, ClusterKind.DATA);
      return;
    }
    ByteBuffer buffer = buffers.take((int) Math.min(to - from, BYTES_PER_TRANSFER));
    try {
      long at = from;
      while (at < to) {
        buffer.clear().limit((int) Math.min(to - at, buffer.capacity()));
        long filled = at;
        while (buffer.hasRemaining()) {
          filled = fillSome(buffer, filled, source, position, end);
        }
        data.write(buffer.flip(), host + (at - from), ClusterKind.DATA);
        at = filled;
      }
    } finally {
      buffers.give(buffer);
    }
  }

  /** Puts bytes of one kind into the buffer and returns the guest offset after them. */
  private long fillSome(ByteBuffer buffer, long at, ByteBuffer source, long position, long end)
      throws IOException {
    int limit = buffer.limit();
    if (at < position) {
      buffer.limit(buffer.position() + (int) Math.min(buffer.remaining(), position - at));
      long next = at + buffer.remaining();
      reader.read(buffer, at);
      buffer.limit(limit);
      return next;
    }
    if (at < end) {
      int length = (int) Math.min(buffer.remaining(), end - at);
      int sourceLimit = source.limit();
      source.limit(source.position() + length);
      buffer.put(source);
      source.limit(sourceLimit);
      return at + length;
    }
    long next = at + buffer.remaining();
    long left = size.reach() - at;
    if (left > 0) {
      buffer.limit(buffer.position() + (int) Math.min(buffer.remaining(), left));
      next = at + buffer.remaining();
      reader.read(buffer, at);
      buffer.limit(limit);
    } else {
      ImageReader.fillWithZeroes(buffer);
    }
    return next;
  }
}
