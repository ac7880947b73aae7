package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The host files that storages of this process have open: one {@link OpenFile} for each, however
 * many storages and whatever paths lead to it.
 *
 * <p>The monitor guards the map and who counts as having a file open; it is never held during I/O.
 * A file is taken off the map only when everything of it has been closed, so that no second {@link
 * OpenFile} can take locks that closing the first would drop.
 */
final class OpenFiles {
  /** There is one set of locks per process, so there is one register. */
  static final OpenFiles OF_THIS_PROCESS = new OpenFiles(RangeLocks.ofPlatform(), HostFiles::load);

  private static final class Entry {
    final OpenFile file;
    int users;

    Entry(OpenFile file) {
      this.file = file;
    }
  }

  /** Who opens descriptors: {@link HostFiles#load} but in tests. */
  @FunctionalInterface
  interface Descriptors {
    @Nullable HostFileProvider provider(boolean needed);
  }

  private final RangeLocks.Taker taker;
  private final Descriptors descriptors;
  private final Map<Object, Entry> entries = new HashMap<>();

  /** A register apart from that of the process, for tests; nobody provides descriptors. */
  OpenFiles(RangeLocks.Taker taker) {
    this(taker, needed -> null);
  }

  OpenFiles(RangeLocks.Taker taker, Descriptors descriptors) {
    this.taker = taker;
    this.descriptors = descriptors;
  }

  /** Something equal for all paths that lead to the file. */
  static Object key(HostFile file) throws IOException {
    Object identity = file.identity();
    return identity != null ? identity : file.path().toRealPath();
  }

  /** Counts one more user of a file. */
  synchronized OpenFile enter(Object key) {
    Entry entry =
        entries.computeIfAbsent(key, absent -> new Entry(new OpenFile(taker, descriptors)));
    entry.users++;
    return entry.file;
  }

  /** Counts one user less, who has closed all he had. */
  synchronized void leave(Object key) {
    Entry entry = entries.get(key);
    if (entry != null && --entry.users == 0) {
      entries.remove(key);
    }
  }

  /**
   * Somebody has closed a descriptor of a file that is not in this register, such as the one that
   * made it. Whoever has opened and locked the file meanwhile has lost the locks, and gets them
   * again.
   */
  void wasClosed(Path path) throws IOException {
    Object key = key(HostFile.at(path));
    OpenFile file = enter(key);
    try {
      file.channelWasClosed(null);
    } finally {
      leave(key);
    }
  }

  synchronized int size() {
    return entries.size();
  }
}
