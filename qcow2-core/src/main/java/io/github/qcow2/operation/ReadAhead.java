package io.github.qcow2.operation;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * Follows a plan over a device or a host file on a thread of its own, a few transfers ahead of the
 * thread that uses the bytes.
 *
 * <p>Memory is bounded: at most {@value #BUFFERS} buffers exist, each is used again once {@link
 * #release released}, and at most {@value #STEPS_AHEAD} steps wait. The monitor of this object
 * guards all fields; it is never held during I/O.
 *
 * <p>{@link #close()} returns only when the reading thread has ended, so what it read from may be
 * closed after it. The thread is never interrupted, because an interrupt can close the channel
 * below it.
 */
final class ReadAhead implements AutoCloseable {
  private static final int BUFFERS = 4;
  private static final int STEPS_AHEAD = 16;

  /** Where the bytes come from; called by the reading thread alone. */
  interface Source {
    /** Fills the buffer with the bytes at {@code position}. */
    void read(ByteBuffer destination, long position) throws IOException;
  }

  /** Cuts the work into steps; called by the reading thread alone. */
  interface Plan {
    /** The next step, or null after the last. */
    @Nullable Step next() throws IOException;
  }

  /**
   * A range of what is read.
   *
   * @param position first byte
   * @param length in bytes; no more than a buffer holds when it is to be read
   * @param read whether its bytes are to be fetched
   * @param note what the plan tells the thread that uses the bytes
   */
  record Step(long position, long length, boolean read, Note note) {
    long end() {
      return position + length;
    }
  }

  /** What is known of a step before its bytes have been looked at. */
  enum Note {
    /** The device that is read has bytes here; nothing is said of another one. */
    READ,
    /** Known to be zeros without reading. */
    ZERO,
    /** Both devices of a comparison have bytes here. */
    READ_BOTH,
    /** Only the second device of a comparison has bytes here; the first reads as zeros. */
    READ_SECOND,
    /** The two devices of a comparison store this range in different ways. */
    STORED_DIFFERENTLY
  }

  /** A step together with its bytes, if it has any: from position 0 to the limit. */
  record Transfer(Step step, @Nullable ByteBuffer data) {
    /** The bytes of a step that was to be read. */
    ByteBuffer bytes() {
      if (data == null) {
        throw new IllegalStateException("not read: " + step);
      }
      return data;
    }
  }

  private final Source source;
  private final Plan plan;
  private final int bufferSize;
  private final Thread thread;

  private final Deque<Transfer> ready = new ArrayDeque<>();
  private final Deque<ByteBuffer> free = new ArrayDeque<>();
  private int buffers;
  private boolean ended;
  private boolean closed;
  private @Nullable Throwable failure;

  private ReadAhead(String name, Source source, Plan plan, int bufferSize) {
    this.source = source;
    this.plan = plan;
    this.bufferSize = bufferSize;
    this.thread = new Thread(this::readAll, "qcow2-read-ahead " + name);
    this.thread.setDaemon(true);
  }

  /** Starts reading. */
  static ReadAhead start(String name, Source source, Plan plan, int bufferSize) {
    ReadAhead ahead = new ReadAhead(name, source, plan, bufferSize);
    ahead.thread.start();
    return ahead;
  }

  /**
   * The next transfer, or null after the last. A failure of the plan or of a read is thrown here,
   * as it was, after the transfers that came before it.
   *
   * @throws InterruptedException if the calling thread is or gets interrupted
   */
  synchronized @Nullable Transfer next() throws IOException, InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    while (ready.isEmpty() && !ended) {
      wait();
    }
    Transfer transfer = ready.poll();
    if (transfer != null) {
      notifyAll();
      return transfer;
    }
    if (failure instanceof IOException io) {
      throw io;
    }
    if (failure instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (failure instanceof Error error) {
      throw error;
    }
    return null;
  }

  /** Gives the buffer of a transfer back. */
  synchronized void release(Transfer transfer) {
    if (transfer.data() != null) {
      free.push(transfer.data());
      notifyAll();
    }
  }

  @Override
  public void close() {
    synchronized (this) {
      closed = true;
      notifyAll();
    }
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        break;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  private void readAll() {
    Throwable thrown = null;
    try {
      for (Step step = plan.next(); step != null; step = plan.next()) {
        ByteBuffer buffer = null;
        if (step.read()) {
          buffer = takeBuffer();
          if (buffer == null) {
            break;
          }
          buffer.clear().limit(Math.toIntExact(step.length()));
          source.read(buffer, step.position());
          buffer.flip();
        }
        if (!offer(new Transfer(step, buffer))) {
          break;
        }
      }
    } catch (InterruptedException e) {
      thrown = new InterruptedIOException(thread.getName() + " was interrupted");
    } catch (Throwable e) {
      thrown = e;
    }
    synchronized (this) {
      failure = thrown;
      ended = true;
      notifyAll();
    }
  }

  /** A buffer to read into, or null once nobody wants the bytes any more. */
  private synchronized @Nullable ByteBuffer takeBuffer() throws InterruptedException {
    while (free.isEmpty() && buffers == BUFFERS && !closed) {
      wait();
    }
    if (closed) {
      return null;
    }
    if (free.isEmpty()) {
      buffers++;
      return ByteBuffer.allocateDirect(bufferSize);
    }
    return free.pop();
  }

  /** Hands a transfer over; false once nobody wants it any more. */
  private synchronized boolean offer(Transfer transfer) throws InterruptedException {
    while (ready.size() == STEPS_AHEAD && !closed) {
      wait();
    }
    ready.add(transfer);
    notifyAll();
    return !closed;
  }
}
