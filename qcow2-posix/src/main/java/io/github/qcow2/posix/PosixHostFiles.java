package io.github.qcow2.posix;

import com.sun.jna.LastErrorException;
import com.sun.jna.Native;
import io.github.qcow2.storage.HostDescriptor;
import io.github.qcow2.storage.HostFileProvider;
import java.io.IOException;
import java.nio.charset.Charset;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;

/**
 * The system calls of Linux, through JNA.
 *
 * <p>Works on 64-bit Linux with a C library that has {@code statx} and {@code copy_file_range}
 * (glibc from 2.28 on). Elsewhere, on macOS among others, the constructor fails, and files are used
 * without a provider.
 */
public final class PosixHostFiles implements HostFileProvider {
  /** How the virtual machine turns paths into bytes. */
  private static final Charset PATHS =
      Charset.forName(System.getProperty("sun.jnu.encoding", "UTF-8"));

  /**
   * Loads what is needed.
   *
   * @throws UnsupportedOperationException if this is not a 64-bit Linux
   * @throws LinkageError if JNA or the C library lacks something
   */
  public PosixHostFiles() {
    if (!System.getProperty("os.name", "").equals("Linux")) {
      throw new UnsupportedOperationException("not a Linux: " + System.getProperty("os.name"));
    }
    if (Native.POINTER_SIZE != Long.BYTES) {
      throw new UnsupportedOperationException("not a 64-bit system");
    }
    try {
      // Fails, but not before everything is loaded.
      SystemCalls.close(-1);
    } catch (LastErrorException expected) {
      // Bad file descriptor.
    }
  }

  @Override
  public String name() {
    return "posix";
  }

  @Override
  public String description() {
    return name() + " (JNA " + Native.VERSION + ")";
  }

  /**
   * {@inheritDoc}
   *
   * <p>What was opened is compared with what Java sees at the path, so that a name that the two
   * write in different bytes leads to no other file.
   */
  @Override
  public HostDescriptor open(Path path, boolean writable) throws IOException {
    Map<String, Object> expected = Files.readAttributes(path, "unix:dev,ino");
    byte[] name = path.toAbsolutePath().toString().getBytes(PATHS);
    int access = writable ? SystemCalls.O_RDWR : SystemCalls.O_RDONLY;
    int flags = access | SystemCalls.O_NONBLOCK | SystemCalls.O_NOCTTY | SystemCalls.O_CLOEXEC;
    int number;
    try {
      number = SystemCalls.open(Arrays.copyOf(name, name.length + 1), flags, 0);
    } catch (LastErrorException e) {
      throw PosixDescriptor.failure(path.toString(), e);
    }
    PosixDescriptor descriptor = new PosixDescriptor(path.toString(), number);
    boolean good = false;
    try {
      good = descriptor.is(expected.get("dev"), expected.get("ino"));
    } finally {
      if (!good) {
        descriptor.close();
      }
    }
    if (!good) {
      throw new FileSystemException(path.toString(), null, "another file was opened");
    }
    return descriptor;
  }
}
