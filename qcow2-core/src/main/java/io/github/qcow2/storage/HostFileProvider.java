package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.file.Path;

/**
 * Does with files of the default file system what Java cannot: holes, reservations, copies in the
 * kernel, and locks that belong to one descriptor.
 *
 * <p>Found through {@link java.util.ServiceLoader}, by {@link HostFiles}. A provider that cannot
 * work where it is (another operating system, a native library that does not load) says so by
 * failing in its constructor, with whatever exception or error there is, and is passed over.
 *
 * <p>Implementations are thread-safe.
 */
public interface HostFileProvider {
  /** One word for messages. */
  String name();

  /** The name and what it relies on, with versions. */
  String description();

  /**
   * Opens the regular file or block device that a path leads to, and nothing else: who finds
   * another kind of file, or cannot say which file was opened, closes it and fails. Never waits.
   *
   * @param path of the default file system
   * @param writable whether the file may be changed through the descriptor
   * @throws IOException if it cannot be opened
   */
  HostDescriptor open(Path path, boolean writable) throws IOException;
}
