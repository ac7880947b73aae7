package io.github.qcow2.jmh;

import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.SplittableRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Reads a disk of 1 GiB: 4 KiB at random places, and 2 MiB at a time from its start to its end.
 * Beside it, a bare channel that does so at the same places of the file. Once with all L2 tables
 * cached, and once with a cache for a tenth of them, so that nine reads in ten have to read a slice
 * first.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class ReadBenchmark {
  private static final int DISK_BYTES = 1 << 30;
  private static final int SMALL = 4096;
  private static final int LARGE = 2 << 20;

  /** Entries of 8 bytes for clusters of 64 KiB. */
  private static final int THIN_CACHE_BYTES = DISK_BYTES / (64 << 10) * Long.BYTES / 10;

  /** The image and its file, open for reading. */
  @State(Scope.Benchmark)
  public static class Source {
    FilledImage filled;
    Qcow2Image image;
    Qcow2Image thinlyCached;
    FileChannel channel;

    /** Fills and opens it. */
    @Setup(Level.Trial)
    public void open() throws IOException {
      filled = new FilledImage(DISK_BYTES);
      image = Qcow2Image.open(filled.path()).build();
      thinlyCached = Qcow2Image.open(filled.path()).l2CacheSize(THIN_CACHE_BYTES).build();
      channel = filled.bare(StandardOpenOption.READ);
    }

    /** Closes it. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      image.close();
      thinlyCached.close();
      channel.close();
      filled.close();
    }
  }

  /** What one thread needs. */
  @State(Scope.Thread)
  public static class Worker {
    final ByteBuffer small = ByteBuffer.allocateDirect(SMALL);
    final ByteBuffer large = ByteBuffer.allocateDirect(LARGE);
    final SplittableRandom random = new SplittableRandom(Thread.currentThread().getId());
    private long next;

    long anywhere() {
      return random.nextInt(DISK_BYTES / SMALL) * (long) SMALL;
    }

    long next() {
      long position = next;
      next = (position + LARGE) % DISK_BYTES;
      return position;
    }
  }

  /** 4 KiB from the image. */
  @Benchmark
  public void random(Source source, Worker worker) throws IOException {
    source.image.read(worker.small.clear(), worker.anywhere());
  }

  /** 4 KiB from the image with the small cache. */
  @Benchmark
  public void randomThinlyCached(Source source, Worker worker) throws IOException {
    source.thinlyCached.read(worker.small.clear(), worker.anywhere());
  }

  /** 4 KiB from the file. */
  @Benchmark
  public int bareRandom(Source source, Worker worker) throws IOException {
    return source.channel.read(worker.small.clear(), FilledImage.DATA_START + worker.anywhere());
  }

  /** 4 KiB from the image, on two threads. */
  @Benchmark
  @Threads(2)
  public void randomOnTwoThreads(Source source, Worker worker) throws IOException {
    random(source, worker);
  }

  /** 4 KiB from the file, on two threads. */
  @Benchmark
  @Threads(2)
  public int bareRandomOnTwoThreads(Source source, Worker worker) throws IOException {
    return bareRandom(source, worker);
  }

  /** 2 MiB from the image. */
  @Benchmark
  public void sequential(Source source, Worker worker) throws IOException {
    source.image.read(worker.large.clear(), worker.next());
  }

  /** 2 MiB from the file. */
  @Benchmark
  public int bareSequential(Source source, Worker worker) throws IOException {
    return source.channel.read(worker.large.clear(), FilledImage.DATA_START + worker.next());
  }
}
