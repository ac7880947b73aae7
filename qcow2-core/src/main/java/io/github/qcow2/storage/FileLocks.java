package io.github.qcow2.storage;

import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * The record locks by which this process and others, QEMU's tools among them, keep off each other's
 * files. Used under the monitor of the {@link OpenFile} that owns it.
 */
interface FileLocks {
  /** Whether the locks of others can be seen; if not, only one's own are taken. */
  boolean probes();

  /** Whether the operating system drops them when any descriptor of the file is closed. */
  boolean areDroppedByClosing();

  /**
   * Takes the locks, or takes them again after the operating system has dropped them.
   *
   * @return null if they are taken; otherwise who is in the way, and then none is
   * @throws IOException if the file system has no locks; none is taken then
   * @throws UnsupportedOperationException likewise
   */
  @Nullable String take() throws IOException;

  /** Gives up the locks. */
  void close();
}
