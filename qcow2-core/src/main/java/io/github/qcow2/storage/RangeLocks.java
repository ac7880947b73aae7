package io.github.qcow2.storage;

import io.github.qcow2.error.FileReplacedException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/**
 * Locks that belong to the process, as Java has them. Owns a channel that serves for nothing else
 * and is never read from or written to.
 *
 * <p>QEMU first locks its own bytes, shared, and then asks whether anybody has locked the bytes
 * that stand in the way. Java cannot ask; it can only try for an exclusive lock. So a byte that is
 * both held and in the way is locked exclusively first and then exchanged for a shared lock, which
 * leaves it free for a moment. Nobody slips in then: a writer has to lock byte 101 and finds 201 in
 * its way, or the other way round, and a reader finds 101 and 103 in its way; the exchange goes
 * from the last byte to the first, so 101 is still locked exclusively while 201 is free.
 *
 * <p>Used under the monitor of the {@link OpenFile} that owns it.
 */
final class RangeLocks implements FileLocks {
  /** How a byte is locked: {@link #ofPlatform()} but in tests. */
  @FunctionalInterface
  interface Taker {
    /**
     * Locks one byte.
     *
     * @return null if another process has locked it in a way that excludes this
     * @throws IOException if the file system has no locks
     * @throws UnsupportedOperationException likewise
     */
    @Nullable FileLock take(FileChannel channel, long position, boolean shared) throws IOException;

    /** Waits between two attempts. */
    default void pause(long nanos) {
      LockSupport.parkNanos(nanos);
    }
  }

  /** What it means for a file if {@link #probes} says no. */
  static final String BLIND =
      "the file cannot be opened for writing, so a writer would not be seen";

  private final FileChannel channel;
  private final boolean probes;
  private final Taker taker;
  private final LockClaim claim;
  private final Map<Integer, FileLock> held = new HashMap<>();

  private RangeLocks(FileChannel channel, boolean probes, Taker taker, LockClaim claim) {
    this.channel = channel;
    this.probes = probes;
    this.taker = taker;
    this.claim = claim;
  }

  /** Opens the channel; takes no lock yet. */
  static RangeLocks open(HostFile file, LockClaim claim, Taker taker, HostFile.Closer closer)
      throws IOException {
    try {
      return new RangeLocks(file.open(true, closer), true, taker, claim);
    } catch (FileReplacedException e) {
      throw e;
    } catch (IOException e) {
      return new RangeLocks(file.open(false, closer), false, taker, claim);
    }
  }

  /**
   * Locks as the operating system has them. On Windows a lock keeps everybody from the bytes
   * themselves, which are those of the header, so there are none; nor has QEMU any there.
   */
  static Taker ofPlatform() {
    if (System.getProperty("os.name", "").toLowerCase(Locale.ROOT).startsWith("windows")) {
      return (channel, position, shared) -> {
        throw new UnsupportedOperationException("Windows has no advisory locks");
      };
    }
    return (channel, position, shared) -> channel.tryLock(position, 1, shared);
  }

  /** Java can look for the lock of another only where it may write. */
  @Override
  public boolean probes() {
    return probes;
  }

  @Override
  public boolean areDroppedByClosing() {
    return true;
  }

  @Override
  public @Nullable String take() throws IOException {
    boolean taken = false;
    try {
      String obstacle = LockAttempts.make(this::attempt, taker::pause);
      taken = obstacle == null;
      return obstacle;
    } finally {
      if (!taken) {
        release();
      }
    }
  }

  private @Nullable String attempt() throws IOException {
    List<Integer> wanted = claim.held();
    List<Integer> probed = probes ? claim.probed() : List.of();
    String obstacle = null;
    for (int position : wanted) {
      if (obstacle == null && !probed.contains(position)) {
        obstacle = lock(position, true);
      }
    }
    for (int position : probed) {
      if (obstacle == null) {
        obstacle = lock(position, false);
        if (!wanted.contains(position)) {
          unlock(position);
        }
      }
    }
    for (int i = wanted.size() - 1; i >= 0; i--) {
      int position = wanted.get(i);
      if (obstacle == null && probed.contains(position)) {
        obstacle = lock(position, true);
      }
    }
    return obstacle;
  }

  /** Exchanges the lock on a byte, if there is one, for another; returns who is in the way. */
  private @Nullable String lock(int position, boolean shared) throws IOException {
    unlock(position);
    try {
      FileLock lock = taker.take(channel, position, shared);
      if (lock != null) {
        held.put(position, lock);
        return null;
      }
      return "another process " + LockClaim.meaning(position);
    } catch (OverlappingFileLockException e) {
      return "code of this process has locked a byte by which it " + LockClaim.meaning(position);
    }
  }

  private void unlock(int position) throws IOException {
    FileLock lock = held.remove(position);
    if (lock != null) {
      lock.release();
    }
  }

  private void release() throws IOException {
    for (int position : List.copyOf(held.keySet())) {
      unlock(position);
    }
  }

  /** Closing the channel gives up the locks by itself. */
  @Override
  public void close() {
    held.clear();
    OpenFile.closeQuietly(channel);
  }
}
