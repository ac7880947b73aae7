package io.github.qcow2;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.metadata.BufferPool;
import java.nio.ByteBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Guest clusters in a row, compressed side by side.
 *
 * <p>Owns a buffer for each cluster, taken from the pool until it is closed. Used by one thread;
 * the work of compressing is shared with the common pool, as parallel streams share it.
 */
final class CompressedBatch implements AutoCloseable {
  /** Bounds the memory of a batch, unless that would be less than a cluster for each processor. */
  private static final int BYTES = 4 << 20;

  private final CompressionCodec codec;
  private final BufferPool buffers;
  private final int clusterSize;
  private final ByteBuffer source;
  private final @Nullable ByteBuffer[] results;

  /**
   * Compresses the first clusters of a buffer.
   *
   * @param from its position moves past them; the last cluster may be short
   */
  CompressedBatch(ByteBuffer from, int clusterSize, CompressionCodec codec, BufferPool buffers) {
    this.codec = codec;
    this.buffers = buffers;
    this.clusterSize = clusterSize;
    int most = Math.max(Runtime.getRuntime().availableProcessors(), BYTES / clusterSize);
    int clusters = (int) Math.min(most, ((long) from.remaining() + clusterSize - 1) / clusterSize);
    int bytes = (int) Math.min(from.remaining(), (long) clusters * clusterSize);
    this.source = from.slice(from.position(), bytes);
    from.position(from.position() + bytes);
    this.results = new @Nullable ByteBuffer[clusters];
    if (clusters == 1) {
      compress(0);
    } else {
      IntStream.range(0, clusters).parallel().forEach(this::compress);
    }
  }

  /** How many clusters there are. */
  int clusters() {
    return results.length;
  }

  /** The bytes of a cluster as they were given. */
  ByteBuffer plain(int index) {
    int start = index * clusterSize;
    return source.slice(start, Math.min(clusterSize, source.limit() - start));
  }

  /** The compressed bytes of a cluster, or null if they would not be fewer than a cluster. */
  @Nullable ByteBuffer compressed(int index) {
    return results[index];
  }

  private void compress(int index) {
    ByteBuffer result = buffers.take(clusterSize);
    result.limit(clusterSize - 1);
    ByteBuffer plain = plain(index);
    boolean isSmaller =
        plain.remaining() == clusterSize
            ? codec.compress(plain, result) != CompressionCodec.NOT_COMPRESSIBLE
            : compressPadded(plain, result);
    if (isSmaller) {
      results[index] = result.flip();
    } else {
      buffers.give(result);
    }
  }

  /** What lies behind the end of the disk is compressed as zeros. */
  private boolean compressPadded(ByteBuffer plain, ByteBuffer result) {
    ByteBuffer padded = buffers.take(clusterSize);
    try {
      padded.put(plain);
      ImageReader.fillWithZeroes(padded);
      return codec.compress(padded.flip(), result) != CompressionCodec.NOT_COMPRESSIBLE;
    } finally {
      buffers.give(padded);
    }
  }

  @Override
  public void close() {
    for (ByteBuffer result : results) {
      if (result != null) {
        buffers.give(result);
      }
    }
  }
}
