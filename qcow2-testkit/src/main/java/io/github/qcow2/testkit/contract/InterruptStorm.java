package io.github.qcow2.testkit.contract;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.ZeroMode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * Threads that read, write, zero and flush one disk while they are interrupted at random.
 *
 * <p>A sector carries its own number and a version; every fifth version of a sector is zeros. In
 * the first half of the disk neighbouring sectors belong to different threads, so that clusters are
 * shared; in the second half larger pieces do, so that whole clusters are zeroed and filled again.
 * Only the thread that owns a sector writes to it. Whoever reads it must find versions between the
 * last that was complete before the read began and the last that was begun before it ended.
 *
 * <p>A thread that was interrupted is not interrupted again before it has seen that, so an
 * interrupt that is swallowed is found out in the end.
 */
public final class InterruptStorm {
  private static final int SECTOR = 512;
  private static final int PIECE = 16;
  private static final int LONGEST_READ = 64;
  private static final int ZERO_VERSIONS = 5;

  private final BlockDevice disk;
  private final int threads;
  private final int sectors;
  private final AtomicIntegerArray begun;
  private final AtomicIntegerArray complete;
  private final AtomicBoolean done = new AtomicBoolean();
  private final AtomicIntegerArray pending;
  private final AtomicIntegerArray seen;

  /** A storm over a disk of zeros. */
  public InterruptStorm(BlockDevice disk, int threads) {
    this.disk = disk;
    this.threads = threads;
    this.sectors = (int) (disk.size() / SECTOR);
    this.begun = new AtomicIntegerArray(sectors);
    this.complete = new AtomicIntegerArray(sectors);
    this.pending = new AtomicIntegerArray(threads);
    this.seen = new AtomicIntegerArray(threads);
  }

  /**
   * Lets it rage.
   *
   * @return how many interrupts were sent and seen
   */
  public int run(long millis) throws Exception {
    List<Thread> running = new ArrayList<>();
    List<FutureTask<Void>> tasks = new ArrayList<>();
    for (int id = 0; id < threads; id++) {
      int self = id;
      FutureTask<Void> task = new FutureTask<>(() -> work(self));
      tasks.add(task);
      running.add(new Thread(task, "storm-" + id));
    }
    running.forEach(Thread::start);
    Random random = new Random(42);
    long end = System.nanoTime() + TimeUnit.MILLISECONDS.toNanos(millis);
    while (System.nanoTime() < end && tasks.stream().noneMatch(FutureTask::isDone)) {
      int id = random.nextInt(threads);
      if (pending.compareAndSet(id, 0, 1)) {
        running.get(id).interrupt();
      }
      LockSupport.parkNanos(random.nextInt(1_000_000));
    }
    done.set(true);
    int all = 0;
    for (int id = 0; id < threads; id++) {
      tasks.get(id).get();
      all += seen.get(id);
    }
    return all;
  }

  /** Reads every sector, by a thread that nobody interrupts. */
  public void verifyAll() throws IOException {
    verifyAll(disk);
  }

  /** Likewise, of a disk that should have the same content. */
  public void verifyAll(BlockDevice same) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(LONGEST_READ * SECTOR);
    for (int first = 0; first < sectors; first += LONGEST_READ) {
      read(same, first, Math.min(LONGEST_READ, sectors - first), buffer);
    }
  }

  private Void work(int self) throws IOException {
    Random random = new Random(self);
    ByteBuffer buffer =
        self % 2 == 0
            ? ByteBuffer.allocate(LONGEST_READ * SECTOR)
            : ByteBuffer.allocateDirect(LONGEST_READ * SECTOR);
    while (!done.get()) {
      int action = random.nextInt(100);
      if (action < 30) {
        int place = random.nextInt(sectors / 2 / threads) * threads + self;
        write(place, 1, buffer);
      } else if (action < 55) {
        int place = random.nextInt(sectors / 2 / PIECE / threads) * threads + self;
        write(sectors / 2 + place * PIECE, PIECE, buffer);
      } else if (action < 60) {
        disk.flush();
      } else {
        int first = random.nextInt(sectors);
        read(disk, first, 1 + random.nextInt(Math.min(LONGEST_READ, sectors - first)), buffer);
      }
      if (Thread.interrupted()) {
        seen.incrementAndGet(self);
        pending.set(self, 0);
      }
    }
    if (pending.get(self) != 0 && !Thread.interrupted()) {
      throw new AssertionError("an interrupt was swallowed");
    }
    return null;
  }

  /** Gives sectors that are always written together their next version. */
  private void write(int first, int count, ByteBuffer buffer) throws IOException {
    int version = begun.get(first) + 1;
    for (int sector = first; sector < first + count; sector++) {
      begun.set(sector, version);
    }
    long position = (long) first * SECTOR;
    if (isZero(version)) {
      disk.writeZeroes(position, (long) count * SECTOR, ZeroMode.MAY_UNMAP);
    } else {
      buffer.clear();
      for (int sector = first; sector < first + count; sector++) {
        for (int i = 0; i < SECTOR; i += Long.BYTES) {
          buffer.putInt(sector).putInt(version);
        }
      }
      disk.write(buffer.flip(), position);
    }
    for (int sector = first; sector < first + count; sector++) {
      complete.set(sector, version);
    }
  }

  private static boolean isZero(int version) {
    return version % ZERO_VERSIONS == 0;
  }

  private void read(BlockDevice from, int first, int count, ByteBuffer buffer) throws IOException {
    int[] least = new int[count];
    for (int i = 0; i < count; i++) {
      least[i] = complete.get(first + i);
    }
    buffer.clear().limit(count * SECTOR);
    from.read(buffer, (long) first * SECTOR);
    for (int i = 0; i < count; i++) {
      int sector = first + i;
      check(sector, least[i], begun.get(sector), buffer.slice(i * SECTOR, SECTOR));
    }
  }

  /**
   * Each eight bytes must be of a version that is possible. Where no write was under way that is
   * one version; where one was, the host may give some bytes from before it and some from after it,
   * for its page cache does not know of sectors.
   */
  private static void check(int sector, int least, int most, ByteBuffer bytes) {
    for (int at = 0; at < SECTOR; at += Long.BYTES) {
      int number = bytes.getInt(at);
      int version = bytes.getInt(at + Integer.BYTES);
      boolean zeros = number == 0 && version == 0;
      boolean possible =
          zeros
              ? most / ZERO_VERSIONS * ZERO_VERSIONS >= least
              : number == sector && version >= least && version <= most && !isZero(version);
      if (!possible) {
        throw new AssertionError(
            "sector "
                + sector
                + " has at byte "
                + at
                + " the content of sector "
                + number
                + " in version "
                + version
                + ", and not of a version from "
                + least
                + " to "
                + most);
      }
    }
  }
}
