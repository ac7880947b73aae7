package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.jspecify.annotations.Nullable;

/**
 * Sends requests to a disk as fast as it answers them.
 *
 * <p>As many requests are under way at a time as the load says, each on a thread of its own; a
 * thread takes the next one as soon as its last has been answered. Used once.
 */
final class BenchRun {
  private final BlockDevice device;
  private final Load load;
  private final Flushes flushes;
  private final AtomicLong next = new AtomicLong();
  private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

  /**
   * What is sent.
   *
   * @param writes whether requests write
   * @param count how many requests
   * @param depth how many of them at a time, at least one
   * @param offset of the first one, in guest bytes
   * @param bytes of each
   * @param step from the start of one to that of the next; past the end of the disk they go on at
   *     its start
   * @param pattern the byte that is written
   */
  record Load(
      boolean writes, int count, int depth, long offset, int bytes, int step, int pattern) {}

  /**
   * When the disk is flushed.
   *
   * @param interval after how many requests; 0 for never
   * @param drains whether a flush waits until the requests before it have been answered, and those
   *     after it wait for the flush
   */
  record Flushes(int interval, boolean drains) {}

  BenchRun(BlockDevice device, Load load, Flushes flushes) {
    this.device = device;
    this.load = load;
    this.flushes = flushes;
  }

  Load load() {
    return load;
  }

  Flushes flushes() {
    return flushes;
  }

  /** Runs it and returns how long it took, in nanoseconds. */
  long run() throws IOException {
    int perRound =
        flushes.interval != 0 && flushes.drains ? flushes.interval : Math.max(1, load.count);
    long start = System.nanoTime();
    for (long end = Math.min(perRound, load.count); ; end = Math.min(end + perRound, load.count)) {
      round(end);
      if (flushes.drains && flushes.interval != 0 && end % flushes.interval == 0) {
        device.flush();
      }
      if (end == load.count) {
        return System.nanoTime() - start;
      }
    }
  }

  /** Sends the requests up to the one with the number {@code end}, and waits for the answers. */
  private void round(long end) throws IOException {
    int threads = (int) Math.min(load.depth, end - next.get());
    List<Thread> workers = new ArrayList<>();
    for (int i = 1; i < threads; i++) {
      Thread worker = new Thread(() -> sendUntil(end), "bench-" + i);
      worker.start();
      workers.add(worker);
    }
    sendUntil(end);
    boolean interrupted = false;
    for (Thread worker : workers) {
      try {
        worker.join();
      } catch (InterruptedException e) {
        interrupted = true;
        failure.compareAndSet(null, new InterruptedIOException("interrupted"));
      }
    }
    next.set(end);
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
    Throwable thrown = failure.get();
    if (thrown instanceof IOException e) {
      throw e;
    } else if (thrown instanceof RuntimeException e) {
      throw e;
    } else if (thrown instanceof Error e) {
      throw e;
    }
  }

  private void sendUntil(long end) {
    try {
      ByteBuffer buffer = ByteBuffer.allocateDirect(load.bytes);
      for (int i = 0; i < load.bytes; i++) {
        buffer.put(i, (byte) load.pattern);
      }
      long number = next.getAndIncrement();
      while (number < end && failure.get() == null) {
        send(buffer, number);
        number = next.getAndIncrement();
      }
    } catch (IOException | RuntimeException | Error e) {
      failure.compareAndSet(null, e);
    }
  }

  private void send(ByteBuffer buffer, long number) throws IOException {
    long position = position(number);
    if (position > device.size() - load.bytes) {
      throw new IOException("Input/output error");
    }
    buffer.clear();
    if (load.writes) {
      device.write(buffer, position);
    } else {
      device.read(buffer, position);
    }
    if (flushes.interval != 0 && !flushes.drains && (number + 1) % flushes.interval == 0) {
      device.flush();
    }
  }

  private long position(long number) {
    long position = load.offset + number * load.step;
    return number == 0 || device.size() == 0 ? position : position % device.size();
  }
}
