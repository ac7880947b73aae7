package io.github.qcow2.storage;

import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import org.jspecify.annotations.Nullable;

/**
 * A file channel that interrupts do not close (I10).
 *
 * <p>{@link Thread#interrupt} closes the channel that the interrupted thread is using, and with it
 * everybody's. Whoever then finds the channel closed opens the file anew, one thread for all of
 * them, once {@link FileUse} has the locks again, and repeats its operation in full. Operations
 * have to be positional and idempotent for that: one that was cut short, or done without anybody
 * hearing of it, is simply done again. A thread's interrupt status is cleared while it works,
 * because it would close the new channel as well, and set again when the operation returns.
 *
 * <p>{@link #lock} guards the exchange of {@link #channel}. An interrupt costs one reopening; there
 * is no other reason to repeat, so nothing here can spin.
 */
final class ReopeningChannel {
  /** Something to do with a channel: positional and idempotent. */
  @FunctionalInterface
  interface Operation {
    /**
     * Does it.
     *
     * @param buffer what {@link #perform} was given, at the same position even when repeated
     * @param argument a position or a size
     * @return a count or a size
     */
    long on(FileChannel channel, ByteBuffer buffer, long argument) throws IOException;
  }

  private final FileUse use;
  private final Object lock = new Object();

  /** Closed for a moment after an interrupt, and for longer if reopening fails. */
  private volatile FileChannel channel;

  /** Guarded by {@link #lock}. */
  private boolean released;

  /** Written before the flag that says so. */
  private @Nullable HostDescriptor descriptor;

  private volatile boolean descriptorKnown;

  ReopeningChannel(FileUse use) throws IOException {
    this.use = use;
    this.channel = use.begin();
  }

  /**
   * Does an operation to its end, whatever interrupts there are.
   *
   * @return what the operation returns
   */
  long perform(Operation operation, ByteBuffer buffer, long argument) throws IOException {
    int start = buffer.position();
    boolean interrupted = false;
    try {
      while (true) {
        interrupted |= Thread.interrupted();
        FileChannel current = channel;
        try {
          return operation.on(current, buffer, argument);
        } catch (ClosedChannelException e) {
          buffer.position(start);
          replace(current);
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * Makes everything durable. Not an operation like others, since it must not simply be repeated:
   * see {@link OpenFile#sync}.
   */
  void force() throws IOException {
    boolean interrupted = false;
    try {
      boolean done = false;
      while (!done) {
        interrupted |= Thread.interrupted();
        FileChannel current = channel;
        try {
          current.force(false);
          done = true;
        } catch (ClosedChannelException e) {
          replace(current);
          done = use.sync();
        }
      }
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }

  /**
   * A descriptor of the same file, which no interrupt closes.
   *
   * @return null if there is none to be had
   */
  @Nullable HostDescriptor descriptor() {
    if (!descriptorKnown) {
      synchronized (lock) {
        if (!released) {
          descriptor = use.descriptor();
        }
        descriptorKnown = true;
      }
    }
    return descriptor;
  }

  /** Later operations fail. Those under way in other threads may fail, too. */
  void close() throws IOException {
    synchronized (lock) {
      released = true;
      use.end();
    }
  }

  private void replace(FileChannel closed) throws IOException {
    synchronized (lock) {
      if (released) {
        use.closedAfterEnd(closed);
        throw new DeviceClosedException(
            use.file().path().toString(), Qcow2Exception.NO_OFFSET, "the storage is closed");
      }
      if (channel == closed) {
        channel = use.reopen();
      }
    }
  }
}
