package io.github.qcow2.transfer;

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
public final class ReadAhead<S extends ReadAhead.Step> implements AutoCloseable {
  private static final int BUFFERS = 4;
  private static final int STEPS_AHEAD = 16;

  /** Where the bytes come from; called by the reading thread alone. */
  public interface Source {
    /** Fills the buffer with the bytes at {@code position}. */
    void read(ByteBuffer destination, long position) throws IOException;
  }

  /** Cuts the work into steps; called by the reading thread alone. */
  public interface Plan<S extends Step> {
    /** The next step, or null after the last. */
    @Nullable S next() throws IOException;
  }

  /** A range that a plan comes to, with whatever else the plan knows about it. */
  public interface Step {
    /** First byte. */
    long position();

    /** Bytes; no more than a buffer holds when they are to be read. */
    long length();

    /** Whether the bytes are to be read. */
    boolean read();

    /** First byte after the range. */
    default long end() {
      return position() + length();
    }
  }

  /** A step together with its bytes, if it has any: from position 0 to the limit. */
  public record Transfer<S extends Step>(S step, @Nullable ByteBuffer data) {
    /** The bytes of a step that was to be read. */
    public ByteBuffer bytes() {
      if (data == null) {
        throw new IllegalStateException("not read: " + step);
      }
      return data;
    }
  }

  private final Source source;
  private final Plan<S> plan;
  private final int bufferSize;
  private final Thread thread;

  private final Deque<Transfer<S>> ready = new ArrayDeque<>();
  private final Deque<ByteBuffer> free = new ArrayDeque<>();
  private int buffers;
  private boolean ended;
  private boolean closed;
  private @Nullable Throwable failure;

  private ReadAhead(String name, Source source, Plan<S> plan, int bufferSize) {
    this.source = source;
    this.plan = plan;
    this.bufferSize = bufferSize;
    this.thread = new Thread(this::readAll, "qcow2-read-ahead " + name);
    this.thread.setDaemon(true);
  }

  /** Starts reading. */
  public static <S extends Step> ReadAhead<S> start(
      String name, Source source, Plan<S> plan, int bufferSize) {
    ReadAhead<S> ahead = new ReadAhead<>(name, source, plan, bufferSize);
    ahead.thread.start();
    return ahead;
  }

  /**
   * The next transfer, or null after the last. A failure of the plan or of a read is thrown here,
   * as it was, after the transfers that came before it.
   *
   * @throws InterruptedException if the calling thread is or gets interrupted
   */
  public synchronized @Nullable Transfer<S> next() throws IOException, InterruptedException {
    if (Thread.interrupted()) {
      throw new InterruptedException();
    }
    while (ready.isEmpty() && !ended) {
      wait();
    }
    Transfer<S> transfer = ready.poll();
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
  public synchronized void release(Transfer<S> transfer) {
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
      for (S step = plan.next(); step != null; step = plan.next()) {
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
        if (!offer(new Transfer<>(step, buffer))) {
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
  private synchronized boolean offer(Transfer<S> transfer) throws InterruptedException {
    while (ready.size() == STEPS_AHEAD && !closed) {
      wait();
    }
    ready.add(transfer);
    notifyAll();
    return !closed;
  }
}
