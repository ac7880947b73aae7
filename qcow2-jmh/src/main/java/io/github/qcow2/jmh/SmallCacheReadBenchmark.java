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
import org.openjdk.jmh.annotations.Warmup;

/**
 * Reads 4 KiB at random places of a disk of 1 GiB whose L2 cache covers a tenth of it, so that nine
 * in ten reads have to read a slice first; beside it, a bare channel that reads the same bytes from
 * a plain file.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class SmallCacheReadBenchmark {
  private static final int DISK_BYTES = 1 << 30;
  private static final int BYTES = 4096;

  /** Entries of 8 bytes for clusters of 64 KiB. */
  private static final int CACHE_BYTES = DISK_BYTES / (64 << 10) * Long.BYTES / 10;

  /** The image and its file, open for reading. */
  @State(Scope.Benchmark)
  public static class Source {
    FilledImage filled;
    Qcow2Image image;
    FileChannel channel;

    /** Fills and opens it. */
    @Setup(Level.Trial)
    public void open() throws IOException {
      filled = new FilledImage(DISK_BYTES);
      image = Qcow2Image.open(filled.path()).l2CacheSize(CACHE_BYTES).build();
      channel = filled.bare(StandardOpenOption.READ);
    }

    /** Closes it. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      image.close();
      channel.close();
      filled.close();
    }
  }

  /** What one thread needs. */
  @State(Scope.Thread)
  public static class Worker {
    final ByteBuffer bytes = ByteBuffer.allocateDirect(BYTES);
    final SplittableRandom random = new SplittableRandom(Thread.currentThread().getId());

    long position() {
      return random.nextInt(DISK_BYTES / BYTES) * (long) BYTES;
    }
  }

  /** From the image. */
  @Benchmark
  public void image(Source source, Worker worker) throws IOException {
    source.image.read(worker.bytes.clear(), worker.position());
  }

  /** From the file. */
  @Benchmark
  public int bareChannel(Source source, Worker worker) throws IOException {
    return source.channel.read(worker.bytes.clear(), FilledImage.DATA_START + worker.position());
  }
}
