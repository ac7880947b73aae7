package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.Storage;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** A file in memory that does one thing wrong, or nothing. */
final class FaultyStorage extends Storage {
  /** What it does wrong. */
  enum Fault {
    NOTHING,
    NEW_FILE_HAS_BYTES,
    READ_ENDS_EARLY,
    WRITE_SHIFTS_WHAT_DOES_NOT_FIT_ONE_TRANSFER,
    WRITE_DOES_NOT_EXTEND,
    WRITE_TRUNCATES,
    GAP_IS_NOT_ZERO,
    CUT_BYTES_COME_BACK,
    SET_SIZE_DOES_NOT_EXTEND,
    SET_SIZE_DOES_NOT_CUT,
    READ_EXTENDS,
    FORCE_LOSES_A_BYTE
  }

  private static final int MOST = 4_093;

  private final Fault fault;
  private byte[] bytes = new byte[1 << 16];
  private int size;

  FaultyStorage(byte[] content, boolean readOnly, Fault fault) {
    super("faulty", readOnly);
    this.fault = fault;
    System.arraycopy(content, 0, bytes, 0, content.length);
    this.size = content.length;
    if (fault == Fault.NEW_FILE_HAS_BYTES && !readOnly) {
      size = 1;
    }
    if (fault == Fault.GAP_IS_NOT_ZERO) {
      Arrays.fill(bytes, size, bytes.length, (byte) 7);
    }
  }

  @Override
  protected synchronized int readHook(ByteBuffer destination, long position) {
    if (fault == Fault.READ_EXTENDS && position < 1 << 20) {
      ensure((int) position + destination.remaining());
      size = Math.max(size, (int) position + destination.remaining());
    }
    int end = fault == Fault.READ_ENDS_EARLY ? size - size / 100 : size;
    if (position >= end) {
      return -1;
    }
    int count = (int) Math.min(Math.min(destination.remaining(), MOST), end - position);
    destination.put(bytes, (int) position, count);
    return count;
  }

  @Override
  protected synchronized int writeHook(ByteBuffer source, long position) {
    int count = Math.min(source.remaining(), MOST);
    int end = Math.toIntExact(position + count);
    if (fault == Fault.WRITE_DOES_NOT_EXTEND && position > size) {
      source.position(source.limit());
      return count;
    }
    ensure(end);
    source.get(bytes, (int) position, count);
    size = fault == Fault.WRITE_TRUNCATES ? end : Math.max(size, end);
    return fault == Fault.WRITE_SHIFTS_WHAT_DOES_NOT_FIT_ONE_TRANSFER ? count + 1 : count;
  }

  @Override
  protected synchronized long sizeHook() {
    return size;
  }

  @Override
  protected synchronized void setSizeHook(long newSize) {
    int target = Math.toIntExact(newSize);
    if ((fault == Fault.SET_SIZE_DOES_NOT_EXTEND && target > size)
        || (fault == Fault.SET_SIZE_DOES_NOT_CUT && target < size)) {
      return;
    }
    ensure(target);
    if (fault != Fault.CUT_BYTES_COME_BACK && target < size) {
      Arrays.fill(bytes, target, size, (byte) 0);
    }
    size = target;
  }

  @Override
  protected synchronized void forceHook() {
    if (fault == Fault.FORCE_LOSES_A_BYTE) {
      bytes[0] = 0;
    }
  }

  @Override
  protected void closeHook() {}

  private void ensure(int length) {
    if (length > bytes.length) {
      bytes = Arrays.copyOf(bytes, Math.max(length, 2 * bytes.length));
    }
  }
}
