package io.github.qcow2.operation;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.progress.Progress;
import io.github.qcow2.transfer.Checkpoint;
import io.github.qcow2.transfer.ReadAhead;
import io.github.qcow2.transfer.ReadAhead.Step;
import io.github.qcow2.transfer.ReadAhead.Transfer;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.function.BooleanSupplier;
import org.jspecify.annotations.Nullable;

/**
 * Copies the content of one device to another, without storing what is zero.
 *
 * <pre>{@code
 * try (BlockDevice source = RawImage.open(raw);
 *     BlockDevice target = Qcow2Image.create(path, source.size()).build()) {
 *   Convert.from(source).to(target).targetIsZero(true).run();
 * }
 * }</pre>
 *
 * <ul>
 *   <li><b>Zeros:</b> extents that the source knows to be zero are not read; the others are looked
 *       at in blocks of {@link #sparseBytes}. Zero blocks are skipped if the target {@linkplain
 *       #targetIsZero reads as zeros} to begin with, and otherwise given to {@link
 *       BlockDevice#writeZeroes}. So is what the target has beyond the end of the source.
 *   <li><b>Refusals:</b> a target that is read-only or smaller than the source is refused before
 *       its first byte is written.
 *   <li><b>Threads:</b> {@link #run} reads on threads of its own, one for each processor up to
 *       four, and looks for zeros there, a few buffers ahead; it writes on the calling one, in
 *       guest order. It returns or throws only after all have stopped.
 *   <li><b>Failure and cancellation</b> leave the target partly written. Exceptions of either
 *       device reach the caller as they are. Interrupting the calling thread cancels; its flag
 *       stays set.
 *   <li><b>Durability:</b> the target is flushed at the end, unless {@link #flush(boolean)} says
 *       otherwise.
 * </ul>
 *
 * <p>The options may be set from one thread at a time. Changes made to the source meanwhile may or
 * may not be in the copy.
 */
public final class Convert {
  /** How many bytes one transfer moves unless {@link #bufferSize} says otherwise: 2 MiB. */
  public static final int DEFAULT_BUFFER_SIZE = 2 << 20;

  /** The smallest run of zeros that is not stored, unless {@link #sparseBytes} says otherwise. */
  public static final int DEFAULT_SPARSE_BYTES = 4096;

  private static final int SECTOR = 512;
  private static final int MAX_BUFFER_SIZE = 64 << 20;

  /** Zeros are written in pieces of this size, so that a long run of them can be cancelled. */
  private static final long ZERO_PIECE = 64L << 20;

  /** What the host copies at once, so that it can be cancelled. */
  private static final long OFFLOAD_PIECE = 64L << 20;

  private final BlockDevice source;
  private final BlockDevice target;
  private Progress progress = Progress.NONE;
  private int bufferSize = DEFAULT_BUFFER_SIZE;
  private int sparseBytes = DEFAULT_SPARSE_BYTES;
  private boolean targetIsZero;
  private boolean flush = true;
  private int compressedClusterSize;
  private boolean offload;

  private Convert(BlockDevice source, BlockDevice target) {
    this.source = source;
    this.target = target;
  }

  /** The device to copy from. It stays open. */
  public static Source from(BlockDevice source) {
    return new Source(source);
  }

  /** A conversion that does not know its target yet. */
  public static final class Source {
    private final BlockDevice source;

    private Source(BlockDevice source) {
      this.source = source;
    }

    /**
     * The device to copy to: a writable one, not smaller than the source. It stays open.
     *
     * @throws IllegalArgumentException if it is the source itself
     */
    public Convert to(BlockDevice target) {
      if (target == source) {
        throw new IllegalArgumentException("source and target are the same device: " + target);
      }
      return new Convert(source, target);
    }
  }

  /** Who is told how far the copy has come, in guest bytes of the target, and may cancel it. */
  public Convert progress(Progress progress) {
    this.progress = progress;
    return this;
  }

  /**
   * How many bytes one transfer moves. A handful of direct buffers of this size exist meanwhile.
   *
   * @param bytes a multiple of 512, at most 64 MiB
   */
  public Convert bufferSize(int bytes) {
    if (bytes < SECTOR || bytes > MAX_BUFFER_SIZE || bytes % SECTOR != 0) {
      throw new IllegalArgumentException(
          "buffer size " + bytes + " is not a multiple of 512 up to " + MAX_BUFFER_SIZE);
    }
    this.bufferSize = bytes;
    return this;
  }

  /**
   * The blocks in which read bytes are looked at: a block of zeros, aligned to its size, is not
   * stored as data.
   *
   * @param bytes a multiple of 512; or 0 to write everything, zeros included, so that the target is
   *     fully allocated
   */
  public Convert sparseBytes(int bytes) {
    if (bytes < 0 || bytes % SECTOR != 0) {
      throw new IllegalArgumentException("sparse size " + bytes + " is not a multiple of 512");
    }
    this.sparseBytes = bytes;
    return this;
  }

  /**
   * Whether the caller vouches that all of the target reads as zeros before the copy, as a new
   * image without a backing file does; then zeros need no writing. Default: false.
   */
  public Convert targetIsZero(boolean zero) {
    this.targetIsZero = zero;
    return this;
  }

  /**
   * Stores data {@linkplain BlockDevice#writeCompressed compressed}. A cluster is stored whole, or
   * not at all if it holds nothing but zeros: {@link #sparseBytes} then only says whether zeros are
   * stored, too.
   *
   * @param clusterSize of the target, in bytes: a power of two from 512 to 2 MiB
   */
  public Convert compressed(int clusterSize) {
    if (clusterSize < SECTOR || clusterSize > 2 << 20 || Integer.bitCount(clusterSize) != 1) {
      throw new IllegalArgumentException("cluster size " + clusterSize);
    }
    this.compressedClusterSize = clusterSize;
    return this;
  }

  /**
   * Whether the host is asked to {@linkplain BlockDevice#copyFrom copy} data from file to file.
   * What it copies is not looked at: only what the source knows to be zero is taken for zeros. As
   * soon as it cannot, the rest is read and written. Default: false.
   */
  public Convert offload(boolean offload) {
    this.offload = offload;
    return this;
  }

  /** Whether the target is flushed at the end. Default: true. */
  public Convert flush(boolean flush) {
    this.flush = flush;
    return this;
  }

  /**
   * Does the copy.
   *
   * @throws ReadOnlyImageException if the target is read-only; nothing was read or written
   * @throws LimitExceededException if the target is smaller; nothing was read or written
   * @throws OperationCancelledException if the progress listener or an interrupt stopped the copy
   */
  public ConvertResult run() throws IOException {
    if (target.isReadOnly()) {
      throw new ReadOnlyImageException(
          target.name(), Qcow2Exception.NO_OFFSET, "the target of a copy was opened read-only");
    }
    if (target.size() < source.size()) {
      throw new LimitExceededException(
          target.name(),
          Qcow2Exception.NO_OFFSET,
          "the disk of "
              + target.size()
              + " bytes is smaller than the "
              + source.size()
              + " bytes to be copied from "
              + source.name());
    }
    return new Run().copy();
  }

  /** The blocks in which bytes are looked at, or 0 if they are not. */
  private int blockSize() {
    return sparseBytes == 0 || compressedClusterSize == 0 ? sparseBytes : compressedClusterSize;
  }

  /** Bytes of a transfer: whole clusters, where clusters are compressed. */
  private int transferSize() {
    return compressedClusterSize == 0
        ? bufferSize
        : Math.max(1, bufferSize / compressedClusterSize) * compressedClusterSize;
  }

  /**
   * Guest bytes that are to be read, or copied by the host, or that are known to be zeros. The
   * thread that reads them says what they are; then they belong to the one that writes.
   */
  private static final class Range implements Step {
    private final long position;
    private final long length;
    private final boolean read;
    private final boolean offload;

    /** Where the bytes that were read are zeros; null if they were not looked at. */
    private @Nullable DataRuns runs;

    Range(long position, long length, boolean read, boolean offload) {
      this.position = position;
      this.length = length;
      this.read = read;
      this.offload = offload;
    }

    @Override
    public long position() {
      return position;
    }

    @Override
    public long length() {
      return length;
    }

    @Override
    public boolean read() {
      return read;
    }
  }

  /** One copy; lives on the calling thread. */
  private final class Run {
    private final long sourceSize = source.size();
    private final long targetSize = target.size();
    private final Checkpoint checkpoint =
        new Checkpoint(progress, target.name(), "the copy of " + source.name(), targetSize);
    private final int blockSize = blockSize();
    private long bytesRead;
    private long bytesWritten;
    private long bytesZero;

    /** Falls when the host could not copy something; the reading threads look at it. */
    private volatile boolean offloads = offload && compressedClusterSize == 0;

    ConvertResult copy() throws IOException {
      checkpoint.reached(0);
      int buffer = (int) Math.min(transferSize(), Math.max(sourceSize, 1));
      try (ReadAhead<Range> ahead =
          ReadAhead.start(
              source.name(),
              this::read,
              new Cuts(sourceSize, () -> offloads),
              buffer,
              ReadAhead.threads())) {
        for (Transfer<Range> next = ahead.next(); next != null; next = ahead.next()) {
          copy(next);
          ahead.release(next);
        }
      } catch (InterruptedException e) {
        throw checkpoint.interrupted();
      }
      zero(sourceSize, targetSize - sourceSize);
      if (flush) {
        target.flush();
      }
      return new ConvertResult(bytesRead, bytesWritten, bytesZero);
    }

    /** Called by the reading threads. */
    private void read(Range range, ByteBuffer destination) throws IOException {
      source.read(destination, range.position);
      if (blockSize != 0) {
        range.runs = DataRuns.of(destination.flip(), range.position, blockSize);
        destination.position(destination.limit());
      }
    }

    private void copy(Transfer<Range> transfer) throws IOException {
      Range step = transfer.step();
      if (step.offload) {
        copyOnHost(step);
        return;
      }
      if (!step.read) {
        zero(step.position, step.length);
        return;
      }
      bytesRead += step.length;
      if (step.runs == null) {
        write(transfer.bytes(), 0, (int) step.length, step.position);
      } else {
        write(transfer.bytes(), step.runs, step.position);
      }
      checkpoint.reached(step.end());
    }

    private void copyOnHost(Range step) throws IOException {
      long position = step.position();
      if (offloads && target.copyFrom(source, position, position, step.length())) {
        bytesWritten += step.length();
        checkpoint.reached(step.end());
        return;
      }
      offloads = false;
      ByteBuffer bytes = ByteBuffer.allocateDirect((int) Math.min(transferSize(), step.length()));
      while (position < step.end()) {
        bytes.clear().limit((int) Math.min(bytes.capacity(), step.end() - position));
        source.read(bytes, position);
        bytesRead += bytes.flip().limit();
        write(bytes, 0, bytes.limit(), position);
        position += bytes.limit();
        checkpoint.reached(position);
      }
    }

    private void write(ByteBuffer bytes, DataRuns runs, long position) throws IOException {
      for (int run = 0; run < runs.count(); run++) {
        int from = runs.start(run);
        int to = runs.end(run);
        if (runs.isZero(run)) {
          zeroPiece(position + from, to - from);
        } else {
          write(bytes, from, to, position);
        }
      }
    }

    private void write(ByteBuffer bytes, int from, int to, long position) throws IOException {
      ByteBuffer piece = bytes.duplicate().limit(to).position(from);
      if (compressedClusterSize != 0) {
        // A part of a cluster is compressed only where the target ends with it.
        int rest = position + to == targetSize ? 0 : (to - from) % compressedClusterSize;
        piece.limit(to - rest);
        target.writeCompressed(piece, position + from);
        piece.limit(to);
      }
      target.write(piece, position + piece.position());
      bytesWritten += to - from;
    }

    private void zero(long position, long length) throws IOException {
      long end = position + length;
      long piece = targetIsZero ? length : ZERO_PIECE;
      for (long at = position; at < end; ) {
        long to = Math.min(end, at + piece);
        zeroPiece(at, to - at);
        at = to;
        checkpoint.reached(at);
      }
    }

    private void zeroPiece(long position, long length) throws IOException {
      if (!targetIsZero) {
        target.writeZeroes(position, length, ZeroMode.MAY_UNMAP);
      }
      bytesZero += length;
    }
  }

  /**
   * Cuts the source into reads that end at multiples of the buffer size, what the host can copy in
   * one piece, and runs of zeros.
   */
  private final class Cuts implements ReadAhead.Plan<Range> {
    private final ExtentWindows extents;
    private final int transferSize = transferSize();
    private final long size;

    /** What is read as a whole or not at all, in bytes. */
    private final int unit = Math.max(1, compressedClusterSize);

    private @Nullable Extent ahead;

    /** What follows {@link #ahead}, if that has been looked at already. */
    private @Nullable Extent putBack;

    private final BooleanSupplier offloads;
    private long position;

    Cuts(long size, BooleanSupplier offloads) throws IOException {
      this.size = size;
      this.offloads = offloads;
      this.extents = new ExtentWindows(source, size);
      this.ahead = extents.next();
    }

    @Override
    public @Nullable Range next() throws IOException {
      Extent extent = ahead;
      if (extent == null) {
        return null;
      }
      long start = position;
      if (extent.kind() == Extent.Kind.DATA
          && extent.hostOffset() != Extent.NO_HOST_OFFSET
          && offloads.getAsBoolean()) {
        position = Math.min(extent.end(), start + OFFLOAD_PIECE);
        if (position == extent.end()) {
          ahead = nextExtent();
        }
        return new Range(start, position - start, false, true);
      }
      boolean read = mustRead(extent);
      long stop = read ? start - start % transferSize + transferSize : start + ExtentWindows.WINDOW;
      Extent last = extent;
      while (extent != null && mustRead(extent) == read && position < stop) {
        last = extent;
        position = Math.min(stop, extent.end());
        if (position == extent.end()) {
          extent = nextExtent();
        }
      }
      long inCluster = extent == null ? 0 : position % unit;
      if (!read && inCluster != 0 && position - inCluster > start) {
        // The rest of these zeros shares a cluster with data, and is read with it.
        position -= inCluster;
        putBack = extent;
        extent = last;
      } else if (inCluster != 0) {
        read = true;
        position = Math.min(size, position - inCluster + unit);
        while (extent != null && extent.end() <= position) {
          extent = nextExtent();
        }
      }
      ahead = extent;
      return new Range(start, position - start, read, false);
    }

    private @Nullable Extent nextExtent() throws IOException {
      Extent next = putBack;
      putBack = null;
      return next != null ? next : extents.next();
    }

    private boolean mustRead(Extent extent) {
      return sparseBytes == 0 || !extent.readsAsZeroes();
    }
  }
}
