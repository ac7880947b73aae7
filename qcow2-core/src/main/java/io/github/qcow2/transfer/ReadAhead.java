package io.github.qcow2.transfer;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Follows a plan over a device or a host file on threads of its own, a few transfers ahead of the
 * thread that uses the bytes. With several threads, transfers are read side by side, and handed
 * over in the order of the plan all the same.
 *
 * <p>Memory is bounded: each thread has a buffer to fill, at most {@value #BUFFERS_BESIDES} more
 * exist, each is used again once {@link #release released}, and at most {@value #STEPS_AHEAD} steps
 * wait. The monitor of this object guards all fields; it is never held during I/O. {@link
 * #planning} is held while the plan is asked.
 *
 * <p>{@link #close()} returns only when the reading threads have ended, so what they read from may
 * be closed after it. They are never interrupted, because an interrupt can close the channel below
 * them.
 */
public final class ReadAhead<S extends ReadAhead.Step> implements AutoCloseable {
  private static final int BUFFERS_BESIDES = 2;
  private static final int STEPS_AHEAD = 16;
  private static final int MOST_THREADS = 4;

  /** Where the bytes come from; called by the reading threads alone. */
  public interface Source<S extends Step> {
    /**
     * Fills the buffer with the bytes of a step. What is found out about them here, and kept in the
     * step, need not be found out by the thread that uses them.
     *
     * @param destination from position 0 to the limit
     */
    void read(S step, ByteBuffer destination) throws IOException;
  }

  /** Cuts the work into steps; called by the reading threads alone, by one at a time. */
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

  /**
   * The place of a transfer in the order of the plan; its last two fields are set when it is done.
   */
  private static final class Place<S extends Step> {
    final @Nullable Transfer<S> transfer;
    boolean done;
    @Nullable Throwable failure;

    Place(@Nullable Transfer<S> transfer) {
      this.transfer = transfer;
    }
  }

  private final Source<S> source;
  private final Plan<S> plan;
  private final int bufferSize;
  private final List<Thread> threads = new ArrayList<>();
  private final Object planning = new Object();

  private final Deque<Place<S>> places = new ArrayDeque<>();
  private final Deque<ByteBuffer> free = new ArrayDeque<>();
  private int buffers;
  private boolean ended;
  private boolean closed;

  private ReadAhead(String name, Source<S> source, Plan<S> plan, int bufferSize, int threads) {
    this.source = source;
    this.plan = plan;
    this.bufferSize = bufferSize;
    for (int i = 0; i < threads; i++) {
      Thread thread = new Thread(this::readAll, "qcow2-read-ahead " + name);
      thread.setDaemon(true);
      this.threads.add(thread);
    }
  }

  /**
   * How many threads read a whole disk: one for each processor, since what is read may have to be
   * decompressed, but no more than a disk and the memory for buffers are good for.
   */
  public static int threads() {
    return Math.min(MOST_THREADS, Runtime.getRuntime().availableProcessors());
  }

  /** Starts reading with one thread. */
  public static <S extends Step> ReadAhead<S> start(
      String name, Source<S> source, Plan<S> plan, int bufferSize) {
    return start(name, source, plan, bufferSize, 1);
  }

  /**
   * Starts reading.
   *
   * @param threads how many transfers are read at the same time
   */
  public static <S extends Step> ReadAhead<S> start(
      String name, Source<S> source, Plan<S> plan, int bufferSize, int threads) {
    ReadAhead<S> ahead = new ReadAhead<>(name, source, plan, bufferSize, threads);
    int started = 0;
    try {
      for (Thread thread : ahead.threads) {
        thread.start();
        started++;
      }
    } finally {
      if (started < threads) {
        ahead.threads.subList(started, threads).clear();
        ahead.close();
      }
    }
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
    Place<S> place = places.peek();
    while (place == null ? !ended : !place.done) {
      wait();
      place = places.peek();
    }
    if (place == null) {
      return null;
    }
    if (place.failure instanceof IOException io) {
      throw io;
    }
    if (place.failure instanceof RuntimeException runtime) {
      throw runtime;
    }
    if (place.failure instanceof Error error) {
      throw error;
    }
    places.remove();
    notifyAll();
    return place.transfer;
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
    for (Thread thread : threads) {
      interrupted |= join(thread);
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** Waits for the end of a thread, and says whether the calling one was interrupted meanwhile. */
  private static boolean join(Thread thread) {
    boolean interrupted = false;
    while (true) {
      try {
        thread.join();
        return interrupted;
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
  }

  private void readAll() {
    for (Place<S> place = begin(); place != null; place = begin()) {
      Transfer<S> transfer = place.transfer;
      if (transfer == null || transfer.data() == null) {
        // There is nothing to read.
        continue;
      }
      Throwable failure = null;
      try {
        ByteBuffer buffer = transfer.bytes();
        source.read(transfer.step(), buffer);
        buffer.flip();
      } catch (Throwable e) {
        failure = e;
      }
      finish(place, failure);
    }
  }

  /**
   * Takes the next step and its place in the order, or returns null when there is no more to do.
   */
  private @Nullable Place<S> begin() {
    synchronized (planning) {
      try {
        if (!waitForRoom()) {
          return null;
        }
        S step = plan.next();
        if (step == null) {
          end();
          return null;
        }
        ByteBuffer buffer = null;
        if (step.read()) {
          buffer = takeBuffer();
          if (buffer == null) {
            return null;
          }
          buffer.clear().limit(Math.toIntExact(step.length()));
        }
        Place<S> place = new Place<>(new Transfer<>(step, buffer));
        append(place, buffer == null);
        return place;
      } catch (InterruptedException e) {
        fail(new InterruptedIOException(Thread.currentThread().getName() + " was interrupted"));
      } catch (Throwable e) {
        fail(e);
      }
      return null;
    }
  }

  /** Waits until another step may be planned; false once nobody wants any. */
  private synchronized boolean waitForRoom() throws InterruptedException {
    while (places.size() == STEPS_AHEAD && !closed && !ended) {
      wait();
    }
    return !closed && !ended;
  }

  /** A buffer to read into, or null once nobody wants the bytes any more. */
  private synchronized @Nullable ByteBuffer takeBuffer() throws InterruptedException {
    while (free.isEmpty() && buffers == threads.size() + BUFFERS_BESIDES && !closed) {
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

  private synchronized void append(Place<S> place, boolean done) {
    place.done = done;
    places.add(place);
    notifyAll();
  }

  private synchronized void finish(Place<S> place, @Nullable Throwable failure) {
    place.failure = failure;
    place.done = true;
    ended |= failure != null;
    notifyAll();
  }

  private synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** The plan has failed: everything planned before is handed over first. */
  private synchronized void fail(Throwable failure) {
    Place<S> place = new Place<>(null);
    places.add(place);
    finish(place, failure);
  }
}
