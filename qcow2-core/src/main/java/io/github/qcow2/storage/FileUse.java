package io.github.qcow2.storage;

import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * What one storage does with a host file, and its part in the {@link OpenFile}, whose monitor
 * guards {@link #channel} and {@link #lost}.
 */
final class FileUse {
  private final OpenFiles register;
  private final Object key;
  private final OpenFile open;
  private final HostFile file;
  private final boolean writable;
  private final LockMode mode;

  /** What the storage works with, or worked with until an interrupt closed it. */
  @Nullable FileChannel channel;

  /** Why the locks are gone for good, if they are. */
  @Nullable String lost;

  /** Counts as a user of the file until {@link #end}; opens nothing yet. */
  FileUse(OpenFiles register, HostFile file, boolean writable, LockMode mode) throws IOException {
    this.register = register;
    this.key = OpenFiles.key(file);
    this.file = file;
    this.writable = writable;
    this.mode = mode;
    this.open = register.enter(key);
  }

  HostFile file() {
    return file;
  }

  boolean writable() {
    return writable;
  }

  LockMode mode() {
    return mode;
  }

  LockClaim claim() {
    return LockClaim.of(writable);
  }

  /** See {@link OpenFile#sync}. */
  boolean sync() throws IOException {
    return open.sync();
  }

  /** See {@link OpenFile#descriptor}. */
  @Nullable HostDescriptor descriptor() {
    return open.descriptor(this);
  }

  /** Whether what others may do with the file is limited by this use of it. */
  boolean locks() {
    return mode != LockMode.OFF && lost == null;
  }

  /**
   * Opens and locks the file. If that fails, this use of it has ended.
   *
   * @throws ImageLockedException if somebody uses it in a way that excludes this
   */
  FileChannel begin() throws IOException {
    boolean begun = false;
    try {
      FileChannel first = open.begin(this);
      begun = true;
      return first;
    } finally {
      if (!begun) {
        register.leave(key);
      }
    }
  }

  /**
   * Opens the file again after an interrupt has closed the channel, and takes the locks again.
   *
   * @throws ImageLockedException if that cannot be done any more, now or ever
   */
  FileChannel reopen() throws IOException {
    return open.reopen(this);
  }

  /** To be called if an interrupt has closed a channel of this use after {@link #end}. */
  void closedAfterEnd(FileChannel closed) {
    open.channelWasClosed(closed);
  }

  /** Closes the file for this storage. */
  void end() throws IOException {
    try {
      open.end(this);
    } finally {
      register.leave(key);
    }
  }

  ImageLockedException locked(String rule) {
    return new ImageLockedException(file.path().toString(), Qcow2Exception.NO_OFFSET, rule);
  }
}
