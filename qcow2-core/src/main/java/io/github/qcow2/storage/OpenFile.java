package io.github.qcow2.storage;

import io.github.qcow2.error.ImageLockedException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.channels.FileChannel;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * One host file, as all storages of this process together have it open.
 *
 * <p>Owns the locks and every channel and descriptor on the file. Where a {@link HostFileProvider}
 * has locks that belong to a descriptor, that is all there is to them. Those that Java has belong
 * to the process, and closing any descriptor of the file drops all of them. So while the file is
 * locked that way,
 *
 * <ul>
 *   <li>channels that nobody needs any more are set aside, and given to whoever opens the file
 *       next; the last storage with a lock closes them;
 *   <li>where a channel was closed nevertheless (an interrupt does that, and a failed opening), the
 *       locks are taken again before anybody goes on. If another process has come in between, each
 *       storage that relied on them loses its channel and fails from then on.
 * </ul>
 *
 * <p>The monitor guards all fields, and those of each {@link FileUse}. It is held while the file is
 * opened, locked and closed, never while it is read or written.
 */
final class OpenFile {
  private static final Logger LOG = LoggerFactory.getLogger(OpenFile.class);
  private static final String HINT = "; only LockMode.OFF opens it nonetheless";

  private final RangeLocks.Taker taker;
  private final OpenFiles.Descriptors descriptors;
  private final List<FileUse> uses = new ArrayList<>();
  private final Deque<FileChannel> idleReadOnly = new ArrayDeque<>();
  private final Deque<FileChannel> idleWritable = new ArrayDeque<>();

  /** Null if nobody wants any, or if the file system has none. */
  private @Nullable FileLocks locks;

  /** Whether a channel was closed since the locks were taken. */
  private boolean dropped;

  /** Opened when first asked for, and closed when nobody has the file open any more. */
  private @Nullable HostDescriptor reading;

  private @Nullable HostDescriptor writing;

  /** Open from the first writer on until nobody has the file open; see {@link #sync}. */
  private @Nullable RandomAccessFile syncing;

  OpenFile(RangeLocks.Taker taker, OpenFiles.Descriptors descriptors) {
    this.taker = taker;
    this.descriptors = descriptors;
  }

  /** Opens a channel and takes the locks, if there are any to be taken. */
  synchronized FileChannel begin(FileUse use) throws IOException {
    if (use.mode() != LockMode.OFF) {
      refuseWithinProcess(use);
    }
    FileChannel channel = open(use);
    boolean begun = false;
    try {
      if (use.mode() != LockMode.OFF) {
        lock(use);
      }
      if (use.writable() && syncing == null) {
        syncing = openForSync(use);
      }
      use.channel = channel;
      uses.add(use);
      begun = true;
      return channel;
    } finally {
      if (!begun) {
        giveUp(use, channel);
      }
    }
  }

  private @Nullable RandomAccessFile openForSync(FileUse use) throws IOException {
    try {
      return use.file().openForSync();
    } catch (IOException e) {
      // It may have been opened for a moment.
      dropped = true;
      lockAgain();
      throw e;
    }
  }

  /**
   * Makes everything durable through a descriptor that was there from the beginning. A force that
   * an interrupt has cut off may have failed without anybody hearing of it; the host reports that
   * failure once to each descriptor, and a channel opened afterwards would hear of success.
   *
   * @return false if there is no such descriptor
   */
  boolean sync() throws IOException {
    RandomAccessFile descriptor;
    synchronized (this) {
      descriptor = syncing;
    }
    if (descriptor == null) {
      return false;
    }
    descriptor.getFD().sync();
    return true;
  }

  /**
   * A descriptor to do with the file what a channel cannot. All uses share it.
   *
   * @return null if there is none to be had: nobody provides any, or the path leads elsewhere now
   */
  synchronized @Nullable HostDescriptor descriptor(FileUse use) {
    HostDescriptor descriptor = use.writable() ? writing : reading;
    if (descriptor == null) {
      try {
        descriptor =
            use.file().openDescriptor(descriptors.provider(true), use.writable(), this::discard);
      } catch (IOException e) {
        LOG.debug("{}: no descriptor besides the channel", use.file().path(), e);
        // It may have been opened for a moment.
        dropped = true;
        lockAgain();
      }
      if (use.writable()) {
        writing = descriptor;
      } else {
        reading = descriptor;
      }
    }
    return descriptor;
  }

  /** Opens a channel in place of one that was closed, once the locks are there again. */
  synchronized FileChannel reopen(FileUse use) throws IOException {
    channelWasClosed(use.channel);
    refuseLost(use);
    FileChannel channel = open(use);
    if (use.lost != null) {
      channel.close();
    }
    refuseLost(use);
    use.channel = channel;
    return channel;
  }

  /**
   * Takes the locks again after an interrupt has closed a channel, or is just about to: a channel
   * says that it is closed before its descriptor is. Closing it once more waits for that; locks
   * that were taken earlier would be dropped.
   */
  synchronized void channelWasClosed(@Nullable FileChannel channel) {
    closeQuietly(channel);
    dropped = true;
    lockAgain();
  }

  /** Gives up a channel, and the locks if nobody else needs them. */
  synchronized void end(FileUse use) throws IOException {
    uses.remove(use);
    FileChannel channel = use.channel;
    if (uses.isEmpty()) {
      closeQuietly(syncing);
      closeQuietly(reading);
      closeQuietly(writing);
      syncing = null;
      reading = null;
      writing = null;
    }
    if (channel != null) {
      giveUp(use, channel);
    }
  }

  /** Gives up the channel of a use that is none any more, or has not become one. */
  private void giveUp(FileUse use, FileChannel channel) throws IOException {
    if (uses.stream().anyMatch(FileUse::locks)) {
      release(use, channel);
      return;
    }
    try {
      channel.close();
    } finally {
      unlock();
    }
  }

  private void refuseWithinProcess(FileUse newcomer) throws ImageLockedException {
    for (FileUse use : uses) {
      if (use.locks() && !use.claim().goesWith(newcomer.claim())) {
        throw newcomer.locked("this process has the file open for " + use.claim().purpose() + HINT);
      }
    }
  }

  private static void refuseLost(FileUse use) throws ImageLockedException {
    if (use.lost != null) {
      throw use.locked(
          "the locks were dropped for a moment and cannot be taken again: " + use.lost);
    }
  }

  private FileChannel open(FileUse use) throws IOException {
    Deque<FileChannel> idle = use.writable() ? idleWritable : idleReadOnly;
    FileChannel channel = idle.poll();
    while (channel != null && !channel.isOpen()) {
      channel = idle.poll();
    }
    if (channel != null) {
      return channel;
    }
    try {
      return use.file().open(use.writable(), this::discard);
    } finally {
      lockAgain();
    }
  }

  /** Sets a channel aside, or closes it if that does no harm or is the lesser one. */
  private void release(FileUse use, FileChannel channel) throws IOException {
    if (closingDropsLocks() && channel.isOpen() && use.file().identity() != null) {
      (use.writable() ? idleWritable : idleReadOnly).add(channel);
    } else {
      discard(channel);
      lockAgain();
    }
  }

  private void discard(FileChannel channel) throws IOException {
    dropped = true;
    channel.close();
  }

  private void discard(HostDescriptor descriptor) throws IOException {
    dropped = true;
    descriptor.close();
  }

  private boolean closingDropsLocks() {
    return locks != null && locks.areDroppedByClosing();
  }

  private void lock(FileUse use) throws IOException {
    boolean required = use.mode() == LockMode.REQUIRED;
    if (locks != null) {
      if (required && !locks.probes()) {
        throw unsupported(use, RangeLocks.BLIND);
      }
      return;
    }
    FileLocks fresh = openLocks(use);
    boolean taken = false;
    try {
      if (required && !fresh.probes()) {
        throw unsupported(use, RangeLocks.BLIND);
      }
      String obstacle;
      try {
        obstacle = fresh.take();
      } catch (IOException | UnsupportedOperationException e) {
        if (required) {
          throw unsupported(use, "the file system does not lock bytes (" + e.getMessage() + ")");
        }
        LOG.warn(
            "{}: opened without a lock against other programs, since the file system has none"
                + " ({}); LockMode.OFF opens it so without a warning, LockMode.REQUIRED not at all",
            use.file().path(),
            e.getMessage());
        return;
      }
      if (obstacle != null) {
        throw use.locked(obstacle + HINT);
      }
      locks = fresh;
      dropped = false;
      taken = true;
    } finally {
      if (!taken) {
        fresh.close();
      }
    }
  }

  private FileLocks openLocks(FileUse use) throws IOException {
    HostDescriptor descriptor = null;
    try {
      descriptor = use.file().openDescriptor(descriptors.provider(false), false, this::discard);
      if (descriptor != null) {
        // Asks whether there are such locks at all.
        descriptor.isLockedElsewhere(use.claim().probed().get(0));
        return new DescriptorLocks(descriptor, use.claim());
      }
    } catch (IOException | UnsupportedOperationException e) {
      LOG.debug("{}: no locks of a descriptor", use.file().path(), e);
      closeQuietly(descriptor);
    }
    return RangeLocks.open(use.file(), use.claim(), taker, this::discard);
  }

  private static UnsupportedFeatureException unsupported(FileUse use, String why) {
    return new UnsupportedFeatureException(
        use.file().path().toString(),
        Qcow2Exception.NO_OFFSET,
        why + ", and LockMode.REQUIRED was asked for; LockMode.AUTO goes on without");
  }

  /** Leaves everybody with locks that hold, or without a channel. */
  private void lockAgain() {
    if (locks == null || !closingDropsLocks() || !dropped) {
      return;
    }
    dropped = false;
    String obstacle;
    try {
      obstacle = locks.take();
    } catch (IOException | UnsupportedOperationException e) {
      obstacle = "the file can no longer be locked (" + e.getMessage() + ")";
    }
    if (obstacle == null) {
      return;
    }
    for (FileUse use : uses) {
      if (use.locks()) {
        use.lost = obstacle;
        closeQuietly(use.channel);
      }
    }
    unlock();
  }

  private void unlock() {
    if (locks != null) {
      locks.close();
      locks = null;
    }
    idleReadOnly.forEach(OpenFile::closeQuietly);
    idleReadOnly.clear();
    idleWritable.forEach(OpenFile::closeQuietly);
    idleWritable.clear();
  }

  /** Closes what has nothing to lose by it any more. */
  static void closeQuietly(@Nullable Closeable file) {
    if (file != null) {
      try {
        file.close();
      } catch (IOException e) {
        LOG.debug("closing a file", e);
      }
    }
  }
}
