package io.github.qcow2.testkit.contract;

import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;

/** A file in memory that does one thing wrong, or nothing. */
final class BrokenStorage extends Storage {
  /** What it does wrong. */
  enum Flaw {
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
    FORCE_LOSES_A_BYTE,
    DISCARD_REACHES_TOO_FAR,
    DISCARD_LEAVES_OTHER_BYTES,
    DISCARD_CUTS,
    ZEROES_END_EARLY,
    ZEROES_DO_NOT_EXTEND,
    ALLOCATE_LOSES_WHAT_WAS_THERE,
    ALLOCATE_DOES_NOT_EXTEND,
    DATA_IS_CALLED_A_HOLE,
    HOLE_IS_FOUND_IN_DATA,
    COPY_IS_NOT_DONE
  }

  private static final int MOST = 4_093;

  private final Flaw flaw;
  private byte[] bytes = new byte[1 << 16];
  private int size;

  BrokenStorage(byte[] content, boolean readOnly, Flaw flaw) {
    super("broken", readOnly);
    this.flaw = flaw;
    System.arraycopy(content, 0, bytes, 0, content.length);
    this.size = content.length;
    if (flaw == Flaw.NEW_FILE_HAS_BYTES && !readOnly) {
      size = 1;
    }
    if (flaw == Flaw.GAP_IS_NOT_ZERO) {
      Arrays.fill(bytes, size, bytes.length, (byte) 7);
    }
  }

  @Override
  protected synchronized int readHook(ByteBuffer destination, long position) {
    if (flaw == Flaw.READ_EXTENDS && position < 1 << 20) {
      ensure((int) position + destination.remaining());
      size = Math.max(size, (int) position + destination.remaining());
    }
    int end = flaw == Flaw.READ_ENDS_EARLY ? size - size / 100 : size;
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
    if (flaw == Flaw.WRITE_DOES_NOT_EXTEND && position > size) {
      source.position(source.limit());
      return count;
    }
    ensure(end);
    source.get(bytes, (int) position, count);
    size = flaw == Flaw.WRITE_TRUNCATES ? end : Math.max(size, end);
    return flaw == Flaw.WRITE_SHIFTS_WHAT_DOES_NOT_FIT_ONE_TRANSFER ? count + 1 : count;
  }

  @Override
  protected synchronized long sizeHook() {
    return size;
  }

  @Override
  protected synchronized void setSizeHook(long newSize) {
    int target = Math.toIntExact(newSize);
    if ((flaw == Flaw.SET_SIZE_DOES_NOT_EXTEND && target > size)
        || (flaw == Flaw.SET_SIZE_DOES_NOT_CUT && target < size)) {
      return;
    }
    ensure(target);
    if (flaw != Flaw.CUT_BYTES_COME_BACK && target < size) {
      Arrays.fill(bytes, target, size, (byte) 0);
    }
    size = target;
  }

  @Override
  protected synchronized boolean discardHook(long position, long length) {
    int end = (int) (position + length);
    switch (flaw) {
      case DISCARD_REACHES_TOO_FAR -> Arrays.fill(bytes, (int) position, end + 1, (byte) 0);
      case DISCARD_LEAVES_OTHER_BYTES -> Arrays.fill(bytes, (int) position, end, (byte) 7);
      case DISCARD_CUTS -> size = Math.min(size, (int) position);
      default -> Arrays.fill(bytes, (int) position, end, (byte) 0);
    }
    return true;
  }

  @Override
  protected synchronized void writeZeroesHook(long position, long length, boolean mayUnmap)
      throws IOException {
    long wanted = flaw == Flaw.ZEROES_END_EARLY ? length - 1 : length;
    if (flaw == Flaw.ZEROES_DO_NOT_EXTEND) {
      wanted = Math.min(wanted, size - position);
    }
    if (wanted > 0) {
      super.writeZeroesHook(position, wanted, mayUnmap);
    }
  }

  @Override
  protected synchronized void allocateHook(long position, long length) throws IOException {
    if (flaw == Flaw.ALLOCATE_LOSES_WHAT_WAS_THERE) {
      writeZeroesHook(position, length, false);
    } else if (flaw != Flaw.ALLOCATE_DOES_NOT_EXTEND) {
      super.allocateHook(position, length);
    }
  }

  @Override
  protected long nextDataHook(long position) {
    return flaw == Flaw.DATA_IS_CALLED_A_HOLE ? position + 1 : position;
  }

  @Override
  protected long nextHoleHook(long position) {
    return flaw == Flaw.HOLE_IS_FOUND_IN_DATA ? position + 512 : Long.MAX_VALUE;
  }

  @Override
  protected boolean copyFromHook(Storage source, long from, long position, long length) {
    return flaw == Flaw.COPY_IS_NOT_DONE;
  }

  @Override
  protected synchronized void forceHook() {
    if (flaw == Flaw.FORCE_LOSES_A_BYTE) {
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
