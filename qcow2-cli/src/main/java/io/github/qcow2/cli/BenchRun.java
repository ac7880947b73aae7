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
 * <p>As many requests may be under way at a time as the load says. A thread sends one and waits for
 * its answer; then it takes the next. {@link BenchThreads} says how many threads there are. Used
 * once.
 */
final class BenchRun {
  private static final int LOOK_MILLISECONDS = 5;

  private final BlockDevice device;
  private final long size;
  private final Load load;
  private final Flushes flushes;
  private final BenchThreads threads;
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
    this.size = device.size();
    this.load = load;
    this.flushes = flushes;
    this.threads = new BenchThreads(Runtime.getRuntime().availableProcessors(), load.depth);
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
    List<Thread> workers = new ArrayList<>();
    boolean interrupted = false;
    long sent = next.get();
    long looked = System.nanoTime();
    start(workers, end);
    for (int ended = 0; ended < workers.size(); ) {
      Thread worker = workers.get(ended);
      try {
        worker.join(threads.canGrow() ? LOOK_MILLISECONDS : 0);
      } catch (InterruptedException e) {
        interrupted = true;
        failure.compareAndSet(null, new InterruptedIOException("interrupted"));
      }
      if (!worker.isAlive()) {
        ended++;
      }
      long now = System.nanoTime();
      long taken = Math.min(end, next.get());
      threads.look(now - looked, taken - sent);
      looked = now;
      sent = taken;
      start(workers, end);
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

  /** Starts threads until there are as many as there should be, or no more to be sent. */
  private void start(List<Thread> workers, long end) {
    while (workers.size() < threads.count() && next.get() < end) {
      Thread worker = new Thread(() -> sendUntil(end), "bench-" + workers.size());
      worker.start();
      workers.add(worker);
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
    if (position > size - load.bytes) {
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
    return number == 0 || size == 0 ? position : position % size;
  }
}
