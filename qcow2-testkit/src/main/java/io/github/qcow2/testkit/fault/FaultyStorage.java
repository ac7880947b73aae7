package io.github.qcow2.testkit.fault;

import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicLong;

/**
 * A storage that fails as planned, and otherwise does what the one behind it does. Closing it
 * closes that one. Thread-safe.
 *
 * <p>Besides the calls that {@link Faults} pick, it can
 *
 * <ul>
 *   <li>move fewer bytes in one call than it was asked to, which is no error: {@link
 *       #transferAtMost};
 *   <li>be on a disk that is full: {@link #fullAt}.
 * </ul>
 *
 * <p>A barrier that fails reports what a host may never report again: the next one succeeds, unless
 * the fault is {@linkplain Fault#forGood() for good}.
 */
public final class FaultyStorage extends ForwardingStorage {
  private final Faults faults;
  private final AtomicLong bytesRead = new AtomicLong();
  private final AtomicLong bytesWritten = new AtomicLong();
  private volatile int transferAtMost = Integer.MAX_VALUE;
  private volatile long lengthAtMost = Long.MAX_VALUE;

  /**
   * Stands before another storage, with a plan of its own.
   *
   * @param file where the bytes are
   */
  public FaultyStorage(Storage file) {
    this(file, new Faults());
  }

  /**
   * Stands before another storage.
   *
   * @param file where the bytes are
   * @param faults the plan, which other storages may share
   */
  public FaultyStorage(Storage file, Faults faults) {
    super(file);
    this.faults = faults;
  }

  /** Which calls fail. */
  public Faults faults() {
    return faults;
  }

  /**
   * Moves only so many bytes in one read or write, as a host may.
   *
   * @param bytes at least one
   */
  public void transferAtMost(int bytes) {
    if (bytes < 1) {
      throw new IllegalArgumentException(bytes + " bytes");
    }
    transferAtMost = bytes;
  }

  /**
   * The disk is full when the file has so many bytes. As on a real one, a write that does not fit
   * leaves what does, and everything inside the file can be overwritten; so it can where the file
   * is longer already.
   *
   * @param length in bytes; {@link Long#MAX_VALUE} for a disk without end
   */
  public void fullAt(long length) {
    lengthAtMost = length;
  }

  /** How many bytes have been read, zeros past the end included. */
  public long bytesRead() {
    return bytesRead.get();
  }

  /** How many bytes have been written. */
  public long bytesWritten() {
    return bytesWritten.get();
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    fail(StorageCall.READ);
    int end = destination.limit();
    destination.limit(destination.position() + Math.min(destination.remaining(), transferAtMost));
    try {
      int count = super.readHook(destination, position);
      bytesRead.addAndGet(Math.max(0, count));
      return count;
    } finally {
      destination.limit(end);
    }
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    Fault fault = faults.next(StorageCall.WRITE);
    if (fault != null) {
      writeSome(source, position, (int) Math.min(fault.bytesWritten(position), source.remaining()));
      throw failure(fault.reason());
    }
    int wanted = Math.min(source.remaining(), transferAtMost);
    if (lengthAtMost == Long.MAX_VALUE) {
      return writeSome(source, position, wanted);
    }
    long room = Math.max(lengthAtMost, sizeHook()) - position;
    if (room <= 0) {
      faults.diskIsFull(StorageCall.WRITE);
      throw failure(Fault.Reason.NO_SPACE);
    }
    return writeSome(source, position, (int) Math.min(room, wanted));
  }

  private int writeSome(ByteBuffer source, long position, int count) throws IOException {
    int end = source.limit();
    source.limit(source.position() + count);
    try {
      super.writeHook(source, position);
      bytesWritten.addAndGet(count);
      return count;
    } finally {
      source.limit(end);
    }
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    fail(StorageCall.DISCARD);
    return super.discardHook(position, length);
  }

  /** A fault that writes some bytes zeros as many. */
  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    Fault fault = faults.next(StorageCall.WRITE_ZEROES);
    long done = length;
    if (fault != null) {
      done = Math.min(fault.bytesWritten(position), length);
    } else if (!fits(position + length)) {
      faults.diskIsFull(StorageCall.WRITE_ZEROES);
      done = Math.max(0, lengthAtMost - position);
    }
    if (done > 0) {
      super.writeZeroesHook(position, done, mayUnmap);
    }
    if (fault != null || done < length) {
      throw failure(fault != null ? fault.reason() : Fault.Reason.NO_SPACE);
    }
  }

  @Override
  protected void allocateHook(long position, long length) throws IOException {
    fail(StorageCall.ALLOCATE);
    checkFits(StorageCall.ALLOCATE, position + length);
    super.allocateHook(position, length);
  }

  @Override
  protected boolean copyFromHook(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    fail(StorageCall.COPY);
    checkFits(StorageCall.COPY, position + length);
    return super.copyFromHook(source, sourcePosition, position, length);
  }

  @Override
  protected void setSizeHook(long size) throws IOException {
    fail(StorageCall.SET_SIZE);
    checkFits(StorageCall.SET_SIZE, size);
    super.setSizeHook(size);
  }

  @Override
  protected void extendHook(long size) throws IOException {
    fail(StorageCall.SET_SIZE);
    checkFits(StorageCall.SET_SIZE, size);
    super.extendHook(size);
  }

  private boolean fits(long end) throws IOException {
    return lengthAtMost == Long.MAX_VALUE || end <= Math.max(lengthAtMost, sizeHook());
  }

  private void checkFits(StorageCall call, long end) throws IOException {
    if (!fits(end)) {
      faults.diskIsFull(call);
      throw failure(Fault.Reason.NO_SPACE);
    }
  }

  @Override
  protected void forceHook() throws IOException {
    fail(StorageCall.FORCE);
    super.forceHook();
  }

  @Override
  protected void closeHook() throws IOException {
    try {
      fail(StorageCall.CLOSE);
    } finally {
      super.closeHook();
    }
  }

  private void fail(StorageCall call) throws IOException {
    Fault fault = faults.next(call);
    if (fault != null) {
      throw failure(fault.reason());
    }
  }

  private IOException failure(Fault.Reason reason) {
    return new IOException(name() + ": " + reason.message());
  }
}
