package io.github.qcow2.posix;

import com.sun.jna.LastErrorException;
import com.sun.jna.Memory;
import io.github.qcow2.storage.HostDescriptor;
import java.io.IOException;
import java.nio.file.FileSystemException;
import org.jspecify.annotations.Nullable;

/**
 * An open file description of Linux, with its locks.
 *
 * <p>A number that has been closed is given to whatever is opened next, so a call that came too
 * late would hit another file. {@link #users} counts those who are using the number, and one for
 * being open; who takes it to zero closes. The monitor guards it; it is not held during a call.
 */
final class PosixDescriptor implements HostDescriptor {
  /** Copies in steps, so that whoever closes the file does not have to wait long for the kernel. */
  private static final long STEP = 256L << 20;

  private final String name;
  private final int number;
  private int users = 1;
  private boolean closed;

  PosixDescriptor(String name, int number) {
    this.name = name;
    this.number = number;
  }

  /** Something to do with the number of the descriptor. */
  @FunctionalInterface
  private interface Call {
    long make(int descriptor) throws IOException;
  }

  /** Whether this is a regular file or block device, and the one with these numbers. */
  boolean is(@Nullable Object device, @Nullable Object inode) throws IOException {
    try (Memory status = new Memory(SystemCalls.STATX_BYTES)) {
      status(status, SystemCalls.STATX_TYPE | SystemCalls.STATX_INO);
      int type = status.getShort(SystemCalls.STATX_MODE_AT) & SystemCalls.S_IFMT;
      long major = status.getInt(SystemCalls.STATX_DEVICE_MAJOR_AT) & 0xffffffffL;
      long minor = status.getInt(SystemCalls.STATX_DEVICE_MINOR_AT) & 0xffffffffL;
      return (type == SystemCalls.S_IFREG || type == SystemCalls.S_IFBLK)
          && Long.valueOf(status.getLong(SystemCalls.STATX_INO_AT)).equals(inode)
          && Long.valueOf(deviceNumber(major, minor)).equals(device);
    }
  }

  /** As makedev(3) puts it together. */
  private static long deviceNumber(long major, long minor) {
    return (major & 0xfffff000L) << 32
        | (major & 0xfff) << 8
        | (minor & 0xffffff00L) << 12
        | (minor & 0xff);
  }

  @Override
  public boolean punchHole(long position, long length) throws IOException {
    int mode = SystemCalls.FALLOC_FL_PUNCH_HOLE | SystemCalls.FALLOC_FL_KEEP_SIZE;
    return fallocate(mode, position, length);
  }

  @Override
  public boolean zeroRange(long position, long length) throws IOException {
    return fallocate(SystemCalls.FALLOC_FL_ZERO_RANGE, position, length);
  }

  @Override
  public boolean allocate(long position, long length) throws IOException {
    return fallocate(0, position, length);
  }

  private boolean fallocate(int mode, long position, long length) throws IOException {
    try {
      make(descriptor -> SystemCalls.fallocate(descriptor, mode, position, length));
      return true;
    } catch (LastErrorException e) {
      if (Errno.isUnsupported(e.getErrorCode())) {
        return false;
      }
      throw failure(e);
    }
  }

  @Override
  public long allocatedBytes() throws IOException {
    try (Memory status = new Memory(SystemCalls.STATX_BYTES)) {
      status(status, SystemCalls.STATX_BLOCKS);
      return status.getLong(SystemCalls.STATX_BLOCKS_AT) * SystemCalls.BLOCK;
    }
  }

  private void status(Memory result, int mask) throws IOException {
    try {
      make(
          descriptor -> SystemCalls.statx(descriptor, "", SystemCalls.AT_EMPTY_PATH, mask, result));
    } catch (LastErrorException e) {
      throw failure(e);
    }
  }

  @Override
  public long nextData(long position) throws IOException {
    return seek(position, SystemCalls.SEEK_DATA);
  }

  @Override
  public long nextHole(long position) throws IOException {
    return seek(position, SystemCalls.SEEK_HOLE);
  }

  /** Moves the position of the descriptor, which nobody uses for anything. */
  private long seek(long position, int whence) throws IOException {
    try {
      return make(descriptor -> SystemCalls.lseek(descriptor, position, whence));
    } catch (LastErrorException e) {
      if (e.getErrorCode() == Errno.ENXIO) {
        return Long.MAX_VALUE;
      }
      if (Errno.isUnsupported(e.getErrorCode())) {
        return -1;
      }
      throw failure(e);
    }
  }

  @Override
  public long copyFrom(HostDescriptor source, long sourcePosition, long position, long length)
      throws IOException {
    if (!(source instanceof PosixDescriptor from)) {
      return 0;
    }
    try (Memory positions = new Memory(2 * Long.BYTES)) {
      positions.setLong(0, sourcePosition);
      positions.setLong(Long.BYTES, position);
      return from.make(
          in ->
              make(
                  out ->
                      SystemCalls.copy_file_range(
                          in,
                          positions,
                          out,
                          positions.share(Long.BYTES),
                          Math.min(length, STEP),
                          0)));
    } catch (LastErrorException e) {
      if (Errno.isUnsupported(e.getErrorCode())) {
        return 0;
      }
      throw failure(e);
    }
  }

  @Override
  public boolean lockShared(long position) throws IOException {
    try (Memory lock = lock(SystemCalls.F_RDLCK, position)) {
      lock(SystemCalls.F_OFD_SETLK, lock);
      return true;
    } catch (LastErrorException e) {
      if (e.getErrorCode() == Errno.EAGAIN || e.getErrorCode() == Errno.EACCES) {
        return false;
      }
      throw failure(e);
    }
  }

  @Override
  public void unlock(long position) throws IOException {
    try (Memory lock = lock(SystemCalls.F_UNLCK, position)) {
      lock(SystemCalls.F_OFD_SETLK, lock);
    } catch (LastErrorException e) {
      throw failure(e);
    }
  }

  @Override
  public boolean isLockedElsewhere(long position) throws IOException {
    try (Memory lock = lock(SystemCalls.F_WRLCK, position)) {
      lock(SystemCalls.F_OFD_GETLK, lock);
      return lock.getShort(SystemCalls.FLOCK_TYPE) != SystemCalls.F_UNLCK;
    } catch (LastErrorException e) {
      throw failure(e);
    }
  }

  private static Memory lock(short type, long position) {
    Memory lock = new Memory(SystemCalls.FLOCK_BYTES);
    lock.clear();
    lock.setShort(SystemCalls.FLOCK_TYPE, type);
    lock.setLong(SystemCalls.FLOCK_START, position);
    lock.setLong(SystemCalls.FLOCK_LENGTH, 1);
    return lock;
  }

  /** A kernel before 3.15 takes the command for an invalid one. */
  private void lock(int command, Memory lock) throws IOException {
    try {
      make(descriptor -> SystemCalls.fcntl(descriptor, command, lock));
    } catch (LastErrorException e) {
      if (e.getErrorCode() == Errno.EINVAL) {
        throw new UnsupportedOperationException("no locks of a descriptor", e);
      }
      throw e;
    }
  }

  @Override
  public void close() throws IOException {
    synchronized (this) {
      if (closed) {
        return;
      }
      closed = true;
    }
    leave();
  }

  /** Makes a call, again if a signal has ended it, on a number that stays open meanwhile. */
  private long make(Call call) throws IOException {
    synchronized (this) {
      if (closed) {
        throw new FileSystemException(name, null, "the descriptor is closed");
      }
      users++;
    }
    try {
      while (true) {
        try {
          return call.make(number);
        } catch (LastErrorException e) {
          if (e.getErrorCode() != Errno.EINTR) {
            throw e;
          }
        }
      }
    } finally {
      leave();
    }
  }

  private void leave() throws IOException {
    synchronized (this) {
      users--;
      if (users > 0) {
        return;
      }
    }
    try {
      SystemCalls.close(number);
    } catch (LastErrorException e) {
      throw failure(e);
    }
  }

  private IOException failure(LastErrorException e) {
    return failure(name, e);
  }

  /** What Java's own file operations throw, with the words of the C library. */
  static IOException failure(String name, LastErrorException e) {
    String message = String.valueOf(e.getMessage());
    return new FileSystemException(name, null, message.substring(message.indexOf(']') + 1).strip());
  }
}
