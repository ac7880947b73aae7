package io.github.qcow2.posix;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import com.sun.jna.NativeLibrary;
import com.sun.jna.Pointer;

/**
 * Functions of the C library of 64-bit Linux. Numbers and layouts are the same for all of its
 * processors that a JDK runs on.
 *
 * <p>{@code fcntl} is declared with the three arguments that it is called with: where the kernel is
 * Linux, those of a variadic function are passed like any others. {@code statx} is used rather than
 * {@code fstat} because the layout of its result is part of the kernel's interface, and the same
 * everywhere.
 */
final class SystemCalls {
  static final int O_RDONLY = 0;
  static final int O_RDWR = 2;
  static final int O_NOCTTY = 0x100;
  static final int O_NONBLOCK = 0x800;
  static final int O_CLOEXEC = 0x80000;

  static final int FALLOC_FL_KEEP_SIZE = 0x01;
  static final int FALLOC_FL_PUNCH_HOLE = 0x02;
  static final int FALLOC_FL_ZERO_RANGE = 0x10;

  static final int SEEK_DATA = 3;
  static final int SEEK_HOLE = 4;

  static final int F_OFD_GETLK = 36;
  static final int F_OFD_SETLK = 37;
  static final short F_RDLCK = 0;
  static final short F_WRLCK = 1;
  static final short F_UNLCK = 2;

  /** {@code struct flock}: type, whence (0: from the start), position, length, process. */
  static final int FLOCK_BYTES = 32;

  static final int FLOCK_TYPE = 0;
  static final int FLOCK_START = 8;
  static final int FLOCK_LENGTH = 16;

  /** The path is empty: the descriptor itself is asked about. */
  static final int AT_EMPTY_PATH = 0x1000;

  static final int STATX_TYPE = 0x001;
  static final int STATX_INO = 0x100;
  static final int STATX_BLOCKS = 0x400;

  /** {@code struct statx}, see statx(2). */
  static final int STATX_BYTES = 256;

  static final int STATX_MODE_AT = 28;
  static final int STATX_INO_AT = 32;
  static final int STATX_BLOCKS_AT = 48;
  static final int STATX_DEVICE_MAJOR_AT = 136;
  static final int STATX_DEVICE_MINOR_AT = 140;

  /** Bytes of the blocks that {@code stx_blocks} counts. */
  static final int BLOCK = 512;

  static final int S_IFMT = 0170000;
  static final int S_IFREG = 0100000;
  static final int S_IFBLK = 0060000;

  static {
    Native.register(SystemCalls.class, NativeLibrary.getInstance(null));
  }

  private SystemCalls() {}

  /** The path ends with a zero byte. */
  static native int open(byte[] path, int flags, int mode) throws LastErrorException;

  static native int close(int descriptor) throws LastErrorException;

  static native int fallocate(int descriptor, int mode, long position, long length)
      throws LastErrorException;

  static native long lseek(int descriptor, long position, int whence) throws LastErrorException;

  static native int fcntl(int descriptor, int command, Pointer argument) throws LastErrorException;

  static native int statx(int directory, String path, int flags, int mask, Pointer result)
      throws LastErrorException;

  static native long copy_file_range(
      int from, Pointer fromPosition, int to, Pointer toPosition, long length, int flags)
      throws LastErrorException;
}
