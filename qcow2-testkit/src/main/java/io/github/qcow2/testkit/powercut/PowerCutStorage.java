package io.github.qcow2.testkit.powercut;

import io.github.qcow2.storage.Storage;
import java.nio.ByteBuffer;

/**
 * A file on the heap whose {@link PowerCutLog} records every write, discard, size change and
 * barrier. Got from {@link PowerCutLog#storage}.
 *
 * <p>It works as a file does while nothing goes wrong; what a power cut would have left of it is
 * for {@link CrashStates} to say. Closing it keeps the bytes.
 */
public final class PowerCutStorage extends Storage {
  private final PowerCutLog log;
  private final RecordedFile file;

  PowerCutStorage(PowerCutLog log, RecordedFile file) {
    super(file.name, false);
    this.log = log;
    this.file = file;
  }

  /** The number of the file in its log. */
  public int number() {
    return file.number;
  }

  /** The same file, opened again. */
  public PowerCutStorage reopen() {
    return new PowerCutStorage(log, file);
  }

  /** A copy of the bytes as they are now. Works on a closed storage, too. */
  public byte[] toByteArray() {
    synchronized (log) {
      return file.toByteArray();
    }
  }

  @Override
  public Object identity() {
    return file;
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) {
    synchronized (log) {
      return file.read(destination, position);
    }
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) {
    int count = source.remaining();
    log.write(file, source, position);
    return count;
  }

  @Override
  protected long sizeHook() {
    synchronized (log) {
      return file.size();
    }
  }

  @Override
  protected void setSizeHook(long size) {
    log.resize(file, size);
  }

  /** The bytes are zeros at once; a power cut may bring those of any sector back. */
  @Override
  protected boolean discardHook(long position, long length) {
    log.discard(file, position, length);
    return true;
  }

  @Override
  protected void allocateHook(long position, long length) {
    log.extend(file, position + length);
  }

  @Override
  protected void forceHook() {
    log.barrier(file);
  }

  @Override
  protected void closeHook() {}
}
