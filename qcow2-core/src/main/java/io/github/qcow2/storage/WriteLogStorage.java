package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * Forwards to another storage and keeps a {@link WriteLog} of every write, size change and barrier,
 * in the order in which they completed: for tools that judge what a power cut would have left.
 *
 * <pre>{@code
 * Storage file = FileStorage.openWritable(path);
 * WriteLog log = new WriteLog(FileStorage.create(logPath));
 * try (Qcow2Image image = Qcow2Image.open(new WriteLogStorage(file, log)).writable().build()) {
 *   ...
 * }
 * }</pre>
 *
 * <ul>
 *   <li>Replayed onto a copy of the file as it was when logging began, the log gives the file as it
 *       is. Sectors are whole in the log: where a write covers one in part, the rest is read from
 *       the file.
 *   <li>Sectors that are zeroed are logged as a discard, which says just that. Of those that were
 *       discarded, the ones that read as zeros are.
 *   <li>The format knows no file sizes. Bytes that are cut off are logged as a discard. Where a
 *       replay would end with another size than the file has, a mark with the text {@code size=n}
 *       says how many bytes there are.
 *   <li>A write that fails is not logged, though it may have changed the file: what comes later in
 *       the log is then not the whole truth. A failure to write the log is thrown by the operation
 *       that was to be logged, which has been done.
 * </ul>
 *
 * <p>{@link #lock} is held by every change while it is done and logged, so that the log has them in
 * an order that explains the file. Reads take no lock.
 */
public final class WriteLogStorage extends Storage {
  /** Bounds the memory that a write at odd positions takes. */
  private static final int READ_BACK = 64 << 10;

  private static final int SECTOR = WriteLog.SECTOR;

  private final Storage target;
  private final WriteLog log;
  private final Object lock = new Object();

  /** What the size is and what a replay would make it; guarded by {@link #lock}. */
  private long size;

  private long replayedSize;

  /**
   * Begins to log.
   *
   * @param target what to forward to; closed with this storage
   * @param log closed with this storage
   */
  public WriteLogStorage(Storage target, WriteLog log) throws IOException {
    super(target.name(), target.isReadOnly());
    this.target = target;
    this.log = log;
    this.size = target.size();
    this.replayedSize = size;
  }

  /** The identity of the target: both are the same host file. */
  @Override
  public @Nullable Object identity() {
    return target.identity();
  }

  @Override
  public boolean hasFixedSize() {
    return target.hasFixedSize();
  }

  /** Never at the end of the file: the target gives zeros for what lies past it. */
  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    int count = destination.remaining();
    target.read(destination, position);
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    int count = source.remaining();
    ByteBuffer logged = source.duplicate();
    synchronized (lock) {
      target.write(source, position);
      long from = position & -SECTOR;
      long to = roundUp(position + count);
      if (from == position && to == position + count) {
        log.write(position, logged);
      } else {
        logFromTarget(from, to);
      }
      size = Math.max(size, position + count);
      replayedSize = Math.max(replayedSize, to);
      logSize();
    }
    return count;
  }

  @Override
  protected long sizeHook() throws IOException {
    return target.size();
  }

  @Override
  protected void setSizeHook(long newSize) throws IOException {
    synchronized (lock) {
      target.setSize(newSize);
      if (newSize < size) {
        logCut(newSize);
      }
      size = newSize;
      logSize();
    }
  }

  @Override
  protected void extendHook(long newSize) throws IOException {
    synchronized (lock) {
      target.extend(newSize);
      size = Math.max(size, newSize);
      logSize();
    }
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    synchronized (lock) {
      boolean told = target.discard(position, length);
      if (told) {
        logZeroesOfTarget(position, position + length);
      }
      return told;
    }
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    synchronized (lock) {
      target.writeZeroes(position, length, mayUnmap);
      long end = position + length;
      long from = Math.min(roundUp(position), end & -SECTOR);
      long to = Math.max(from, end & -SECTOR);
      logFromTarget(position & -SECTOR, from);
      logDiscard(from, to);
      logFromTarget(to, roundUp(end));
      size = Math.max(size, end);
      if (to < roundUp(end)) {
        replayedSize = Math.max(replayedSize, roundUp(end));
      }
      logSize();
    }
  }

  @Override
  protected void allocateHook(long position, long length) throws IOException {
    synchronized (lock) {
      target.allocate(position, length);
      size = Math.max(size, position + length);
      logSize();
    }
  }

  @Override
  protected long allocatedSizeHook() throws IOException {
    return target.allocatedSize();
  }

  @Override
  protected long nextDataHook(long position) throws IOException {
    return target.nextData(position);
  }

  @Override
  protected long nextHoleHook(long position) throws IOException {
    return target.nextHole(position);
  }

  @Override
  protected boolean copyFromHook(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    synchronized (lock) {
      boolean copied = target.copyFrom(source, sourcePosition, position, length);
      if (copied) {
        long to = roundUp(position + length);
        logFromTarget(position & -SECTOR, to);
        size = Math.max(size, position + length);
        replayedSize = Math.max(replayedSize, to);
        logSize();
      }
      return copied;
    }
  }

  @Override
  protected void forceHook() throws IOException {
    synchronized (lock) {
      target.force();
      log.flush();
    }
  }

  @Override
  protected void closeHook() throws IOException {
    try (target;
        log) {
      // Both are closed, whatever becomes of the other.
    }
  }

  private void logCut(long newSize) throws IOException {
    long whole = roundUp(newSize);
    logDiscard(whole, roundUp(size));
    logFromTarget(newSize & -SECTOR, whole);
  }

  /** Logs whole sectors as they are now. */
  private void logFromTarget(long from, long to) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(READ_BACK, to - from));
    for (long at = from; at < to; at += bytes.limit()) {
      bytes.clear().limit((int) Math.min(READ_BACK, to - at));
      target.read(bytes, at);
      log.write(at, bytes.flip());
    }
  }

  /** Logs those of some sectors that are zeros as discarded. */
  private void logZeroesOfTarget(long from, long to) throws IOException {
    ByteBuffer sector = ByteBuffer.allocate(SECTOR);
    ByteBuffer zeroes = ByteBuffer.allocate(SECTOR);
    long zeroFrom = from;
    for (long at = from; at < to; at += SECTOR) {
      target.read(sector.clear(), at);
      if (!sector.flip().equals(zeroes)) {
        logDiscard(zeroFrom, at);
        zeroFrom = at + SECTOR;
      }
    }
    logDiscard(zeroFrom, to);
  }

  private void logDiscard(long from, long to) throws IOException {
    if (from < to) {
      log.discard(from, to - from);
    }
  }

  private void logSize() throws IOException {
    if (size != replayedSize) {
      log.mark("size=" + size);
      replayedSize = size;
    }
  }

  private static long roundUp(long position) {
    return (position + SECTOR - 1) & -SECTOR;
  }
}
