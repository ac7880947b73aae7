package io.github.qcow2.jmh;

import io.github.qcow2.OverlapCheck;
import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.StandardOpenOption;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Overwrites 4 KiB at random places of a disk that is allocated, in place; beside it, a bare
 * channel that does so at the same places of the file. Nothing is flushed.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
public class OverwriteBenchmark {
  private static final int DISK_BYTES = 256 << 20;
  private static final int BYTES = 4096;

  /** An image whose clusters have all been written once. */
  @State(Scope.Benchmark)
  public static class Target {
    /** What writes are kept away from. */
    @Param({"NONE", "CACHED"})
    public OverlapCheck check = OverlapCheck.CACHED;

    final ByteBuffer bytes = ByteBuffer.allocateDirect(BYTES);
    FilledImage filled;
    Qcow2Image image;
    FileChannel channel;

    /** Fills the image. */
    @Setup(Level.Trial)
    public void open() throws IOException {
      filled = new FilledImage(DISK_BYTES);
      image = Qcow2Image.open(filled.path()).writable().overlapCheck(check).build();
      channel = filled.bare(StandardOpenOption.WRITE);
      // Or else the host would write back meanwhile what the run before has left.
      channel.force(false);
    }

    /** Deletes it. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      image.close();
      channel.close();
      filled.close();
    }
  }

  private static long randomOffset() {
    return ThreadLocalRandom.current().nextInt(DISK_BYTES / BYTES) * (long) BYTES;
  }

  /** In the image. */
  @Benchmark
  public void image(Target target) throws IOException {
    target.image.write(target.bytes.clear(), randomOffset());
  }

  /** In the file. */
  @Benchmark
  public void bareChannel(Target target) throws IOException {
    target.channel.write(target.bytes.clear(), FilledImage.DATA_START + randomOffset());
  }
}
