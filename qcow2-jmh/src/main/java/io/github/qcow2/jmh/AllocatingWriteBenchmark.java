package io.github.qcow2.jmh;

import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Level;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OperationsPerInvocation;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Writes into an empty image, per write: whole clusters in guest order, and 4 KiB in random order,
 * each of which fills a cluster. Beside them, a bare channel that writes the same number of bytes
 * to an empty file. Every invocation fills 256 MiB and begins with a new file; nothing is flushed.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5)
@Measurement(iterations = 15)
public class AllocatingWriteBenchmark {
  private static final int CLUSTER = 64 << 10;
  private static final int CLUSTERS = 4096;

  /** A new file for each invocation. */
  @State(Scope.Benchmark)
  public static class Target {
    final ByteBuffer cluster = ByteBuffer.allocateDirect(CLUSTER);
    final ByteBuffer sectors = ByteBuffer.allocateDirect(4096);
    int[] order;
    Path path;
    Qcow2Image image;
    FileChannel channel;

    /** Fills the buffers and shuffles the clusters, the same way every time. */
    @Setup(Level.Trial)
    public void prepare() {
      byte[] bytes = new byte[CLUSTER];
      new Random(1).nextBytes(bytes);
      cluster.put(bytes);
      sectors.put(bytes, 0, 4096);
      order = ClusterOrder.shuffled(CLUSTERS);
    }

    /** Makes an empty image and an empty file. */
    @Setup(Level.Invocation)
    public void create() throws IOException {
      path = Files.createTempDirectory("write");
      image = Qcow2Image.create(path.resolve("image"), (long) CLUSTER * CLUSTERS).build();
      channel =
          FileChannel.open(
              path.resolve("file"), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
    }

    /** Deletes both. */
    @TearDown(Level.Invocation)
    public void delete() throws IOException {
      image.close();
      channel.close();
      Files.delete(path.resolve("image"));
      Files.delete(path.resolve("file"));
      Files.delete(path);
    }
  }

  /** 64 KiB, aligned, in guest order. */
  @Benchmark
  @OperationsPerInvocation(CLUSTERS)
  public void sequentialClusters(Target target) throws IOException {
    for (int i = 0; i < CLUSTERS; i++) {
      target.image.write(target.cluster.clear(), (long) i * CLUSTER);
    }
  }

  /** 4 KiB in random order; each fills a cluster. */
  @Benchmark
  @OperationsPerInvocation(CLUSTERS)
  public void random4KiB(Target target) throws IOException {
    for (int i : target.order) {
      target.image.write(target.sectors.clear(), (long) i * CLUSTER + 8192);
    }
  }

  /** The bytes of either on a bare channel that extends an empty file. */
  @Benchmark
  @OperationsPerInvocation(CLUSTERS)
  public void bareChannel(Target target) throws IOException {
    for (int i = 0; i < CLUSTERS; i++) {
      target.channel.write(target.cluster.clear(), (long) i * CLUSTER);
    }
  }
}
