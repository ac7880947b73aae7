package io.github.qcow2.storage;

import io.github.qcow2.error.FileReplacedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.ClosedByInterruptException;
import java.nio.channels.FileChannel;
import java.nio.file.FileSystem;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.OpenOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A path and the one file it stood for when it was first opened.
 *
 * <p>Only regular files and block devices are opened. What a path leads to is asked before it is
 * opened, because opening a FIFO for reading waits for a writer, and again afterwards, because it
 * may have been exchanged in between; Java has no way to ask an open channel what it is, except
 * that only what has a size can be positioned in.
 *
 * @param path as the caller gave it
 * @param kind what it leads to
 * @param identity equal for the same file, or null where the file system does not tell
 */
record HostFile(Path path, Kind kind, @Nullable Object identity) {
  enum Kind {
    REGULAR,
    BLOCK_DEVICE
  }

  /** How to close a channel: closing one drops this process's locks on the file. */
  @FunctionalInterface
  interface Closer {
    void close(FileChannel channel) throws IOException;
  }

  /** The same for a descriptor. */
  @FunctionalInterface
  interface DescriptorCloser {
    void close(HostDescriptor descriptor) throws IOException;
  }

  /** File keys are unique within one file system only, and the one of a test may be a number. */
  private record Identity(FileSystem fileSystem, Object key) {}

  /** Keeps the number of a device apart from the file key of the node that names it. */
  private record DeviceNumber(Object number) {}

  /** Bits of {@code st_mode}, see inode(7). */
  private static final int TYPE_MASK = 0170000;

  private static final int TYPE_BLOCK_DEVICE = 0060000;

  /**
   * Looks at what a path leads to, without opening it.
   *
   * @throws UnsupportedFeatureException if it is neither a regular file nor a block device
   */
  static HostFile at(Path path) throws IOException {
    BasicFileAttributes attributes = Files.readAttributes(path, BasicFileAttributes.class);
    if (attributes.isRegularFile()) {
      return new HostFile(path, Kind.REGULAR, identity(path, attributes.fileKey()));
    }
    Object device = attributes.isOther() ? blockDevice(path) : null;
    if (device == null) {
      throw new UnsupportedFeatureException(
          path.toString(),
          Qcow2Exception.NO_OFFSET,
          "only regular files and block devices can be opened, and this is "
              + (attributes.isDirectory() ? "a directory" : "neither"));
    }
    return new HostFile(path, Kind.BLOCK_DEVICE, identity(path, device));
  }

  /**
   * Opens this very file. An interrupt delays that, but does not end it.
   *
   * @param writable whether for writing as well as reading
   * @param closer is given what had to be opened in vain, closed or not
   * @throws FileReplacedException if the path leads elsewhere by now
   */
  FileChannel open(boolean writable, Closer closer) throws IOException {
    Set<OpenOption> options =
        writable
            ? Set.of(StandardOpenOption.READ, StandardOpenOption.WRITE)
            : Set.of(StandardOpenOption.READ);
    checkStillThere();
    boolean interrupted = false;
    try {
      while (true) {
        interrupted |= Thread.interrupted();
        FileChannel channel = FileChannel.open(path, options);
        try {
          channel.position(0);
          checkStillThere();
          return channel;
        } catch (ClosedByInterruptException e) {
          // Once more: the loop clears the interrupt that did it.
          closer.close(channel);
        } catch (Throwable t) {
          closer.close(channel);
          throw t;
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Opens a descriptor of this very file that no interrupt closes, to sync through.
   *
   * @return null where only channels are to be had, as in file systems other than the default
   * @throws FileReplacedException if the path leads elsewhere by now
   */
  @Nullable RandomAccessFile openForSync() throws IOException {
    if (!path.getFileSystem().equals(FileSystems.getDefault())) {
      return null;
    }
    checkStillThere();
    RandomAccessFile descriptor = new RandomAccessFile(path.toFile(), "rw");
    try {
      checkStillThere();
      return descriptor;
    } catch (Throwable t) {
      descriptor.close();
      throw t;
    }
  }

  /**
   * Opens a descriptor of this very file.
   *
   * @param provider whom to ask
   * @param closer is given what had to be opened in vain: closing it may drop this process's locks
   * @return null where there are only channels, as in file systems other than the default
   * @throws FileReplacedException if the path leads elsewhere by now
   */
  @Nullable HostDescriptor openDescriptor(
      @Nullable HostFileProvider provider, boolean writable, DescriptorCloser closer)
      throws IOException {
    if (provider == null || !path.getFileSystem().equals(FileSystems.getDefault())) {
      return null;
    }
    checkStillThere();
    HostDescriptor descriptor = provider.open(path, writable);
    try {
      checkStillThere();
      return descriptor;
    } catch (Throwable t) {
      closer.close(descriptor);
      throw t;
    }
  }

  private void checkStillThere() throws IOException {
    HostFile now;
    try {
      now = at(path);
    } catch (NoSuchFileException e) {
      throw replaced("the file is no longer where it was");
    }
    if (!equals(now)) {
      throw replaced("another file has taken the place of the one that was opened");
    }
  }

  private FileReplacedException replaced(String rule) {
    return new FileReplacedException(path.toString(), Qcow2Exception.NO_OFFSET, rule);
  }

  private static @Nullable Object identity(Path path, @Nullable Object key) {
    return key == null ? null : new Identity(path.getFileSystem(), key);
  }

  /** The number of the block device that a path leads to, or null if it is something else. */
  private static @Nullable Object blockDevice(Path path) throws IOException {
    Map<String, Object> attributes;
    try {
      attributes = Files.readAttributes(path, "unix:mode,rdev");
    } catch (UnsupportedOperationException e) {
      return null;
    }
    boolean isBlockDevice =
        attributes.get("mode") instanceof Integer mode && (mode & TYPE_MASK) == TYPE_BLOCK_DEVICE;
    Object number = attributes.get("rdev");
    return isBlockDevice && number != null ? new DeviceNumber(number) : null;
  }
}
