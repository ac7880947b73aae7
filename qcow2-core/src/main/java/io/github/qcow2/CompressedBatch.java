package io.github.qcow2;

import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.metadata.BufferPool;
import java.nio.ByteBuffer;
import java.util.concurrent.ForkJoinPool;
import org.jspecify.annotations.Nullable;

/**
 * Guest clusters in a row, compressed side by side by the thread that stores them and by helpers in
 * the common pool, each of which takes the next cluster that nobody has begun.
 *
 * <p>{@link #compressed} is asked for one cluster after the other; the helpers go on with those
 * that follow while it is being stored. As long as one that is asked for is not there yet, the
 * asking thread compresses, too: without helpers it does all of it. What the clusters are
 * compressed to does not depend on who does it.
 *
 * <p>Owns a buffer for each compressed cluster, taken from the pool until it is given back. Used by
 * one thread besides the helpers, which have ended their work when {@link #close} returns: the
 * source belongs to the caller again. The monitor guards what has been begun and done; a cluster's
 * result belongs to the thread that compresses it until it is done.
 */
final class CompressedBatch implements AutoCloseable {
  private static final int NONE = -1;

  /** Bounds the memory of a batch, unless that would be less than a cluster for each processor. */
  private static final int BYTES = 4 << 20;

  private final CompressionCodec codec;
  private final BufferPool buffers;
  private final int clusterSize;
  private final ByteBuffer source;

  /** What clusters were compressed to; null if they are not smaller then. */
  private final @Nullable ByteBuffer[] results;

  private final @Nullable Throwable[] failures;
  private final boolean[] done;

  /** How many clusters somebody has begun, and how many of those are not done yet. */
  private int begun;

  private int inWork;

  /**
   * Begins to compress the first clusters of a buffer.
   *
   * @param from its position moves past them; the last cluster may be short
   */
  CompressedBatch(ByteBuffer from, int clusterSize, CompressionCodec codec, BufferPool buffers) {
    this.codec = codec;
    this.buffers = buffers;
    this.clusterSize = clusterSize;
    int processors = Runtime.getRuntime().availableProcessors();
    int most = Math.max(processors, BYTES / clusterSize);
    int clusters = (int) Math.min(most, ((long) from.remaining() + clusterSize - 1) / clusterSize);
    int bytes = (int) Math.min(from.remaining(), (long) clusters * clusterSize);
    this.source = from.slice(from.position(), bytes);
    from.position(from.position() + bytes);
    this.results = new @Nullable ByteBuffer[clusters];
    this.failures = new @Nullable Throwable[clusters];
    this.done = new boolean[clusters];
    int helpers = Math.min(clusters, processors) - 1;
    for (int i = 0; i < helpers; i++) {
      ForkJoinPool.commonPool().execute(this::help);
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
    int mine = beginUnlessDone(index);
    while (mine != NONE) {
      compress(mine);
      mine = beginUnlessDone(index);
    }
    Throwable failure = failures[index];
    if (failure instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (failure instanceof Error error) {
      throw error;
    }
    return results[index];
  }

  /** Gives up the compressed bytes of a cluster. */
  void release(int index) {
    ByteBuffer result = results[index];
    results[index] = null;
    if (result != null) {
      buffers.give(result);
    }
  }

  /**
   * Waits until a cluster is done.
   *
   * @return {@link #NONE} if it is, or another cluster to be compressed until then
   */
  private synchronized int beginUnlessDone(int index) {
    boolean interrupted = false;
    while (!done[index] && begun == done.length) {
      try {
        wait();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    return done[index] ? NONE : begin();
  }

  /** The next cluster that nobody has begun, or {@link #NONE}. */
  private synchronized int begin() {
    if (begun == done.length) {
      return NONE;
    }
    inWork++;
    return begun++;
  }

  private synchronized void end(int index, @Nullable Throwable failure) {
    failures[index] = failure;
    done[index] = true;
    inWork--;
    notifyAll();
  }

  private void help() {
    for (int index = begin(); index != NONE; index = begin()) {
      compress(index);
    }
  }

  private void compress(int index) {
    Throwable failure = null;
    try {
      results[index] = compress(plain(index));
    } catch (Throwable t) {
      failure = t;
    }
    end(index, failure);
  }

  private @Nullable ByteBuffer compress(ByteBuffer plain) {
    ByteBuffer result = buffers.take(clusterSize);
    result.limit(clusterSize - 1);
    boolean isSmaller =
        plain.remaining() == clusterSize
            ? codec.compress(plain, result) != CompressionCodec.NOT_COMPRESSIBLE
            : compressPadded(plain, result);
    if (isSmaller) {
      return result.flip();
    }
    buffers.give(result);
    return null;
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

  /** Lets nobody begin another cluster, and waits for those that somebody has begun. */
  @Override
  public void close() {
    synchronized (this) {
      begun = done.length;
      boolean interrupted = false;
      while (inWork > 0) {
        try {
          wait();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
    for (int i = 0; i < results.length; i++) {
      release(i);
    }
  }
}
