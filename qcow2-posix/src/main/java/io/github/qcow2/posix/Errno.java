package io.github.qcow2.posix;

import java.util.Set;

/** Numbers of errors of Linux, and what they mean for who asked. */
final class Errno {
  static final int EPERM = 1;
  static final int EINTR = 4;
  static final int ENXIO = 6;
  static final int EAGAIN = 11;
  static final int EACCES = 13;
  static final int EXDEV = 18;
  static final int EINVAL = 22;
  static final int ETXTBSY = 26;
  static final int ENOSYS = 38;
  static final int EOPNOTSUPP = 95;

  /** Neither the file system nor the kernel can do it, or not with this file. */
  private static final Set<Integer> UNSUPPORTED =
      Set.of(EPERM, EXDEV, EINVAL, ETXTBSY, ENOSYS, EOPNOTSUPP);

  private Errno() {}

  static boolean isUnsupported(int errno) {
    return UNSUPPORTED.contains(errno);
  }
}
