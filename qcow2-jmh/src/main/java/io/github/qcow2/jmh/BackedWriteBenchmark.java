package io.github.qcow2.jmh;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
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
 * Writes 4 KiB into each cluster of an empty overlay, in random order, so that the rest of the
 * cluster has to be copied from the backing file; and the same into an overlay with subclusters of
 * 2 KiB, where nothing has to be. Every invocation fills a new overlay for 256 MiB; nothing is
 * flushed.
 */
@BenchmarkMode(Mode.SingleShotTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Fork(1)
@Warmup(iterations = 5)
@Measurement(iterations = 15)
public class BackedWriteBenchmark {
  private static final int CLUSTER = 64 << 10;
  private static final int CLUSTERS = 4096;

  /** New overlays for each invocation, above one backing file. */
  @State(Scope.Benchmark)
  public static class Target {
    final ByteBuffer sectors = ByteBuffer.allocateDirect(4096);
    int[] order;
    FilledImage filled;
    Path directory;
    Qcow2Image plain;
    Qcow2Image extendedL2;

    /** Fills the backing file and shuffles the clusters. */
    @Setup(Level.Trial)
    public void fill() throws IOException {
      order = ClusterOrder.shuffled(CLUSTERS);
      filled = new FilledImage((long) CLUSTER * CLUSTERS);
    }

    /** Makes the overlays. */
    @Setup(Level.Invocation)
    public void create() throws IOException {
      directory = Files.createTempDirectory("overlays");
      plain = overlay("plain", false);
      extendedL2 = overlay("extended", true);
    }

    private Qcow2Image overlay(String name, boolean extended) throws IOException {
      return Qcow2Image.create(directory.resolve(name), (long) CLUSTER * CLUSTERS)
          .backing(filled.path().toString(), "qcow2")
          .references(ReferencePolicy.allowAll())
          .extendedL2(extended)
          .build();
    }

    /** Deletes the overlays. */
    @TearDown(Level.Invocation)
    public void delete() throws IOException {
      plain.close();
      extendedL2.close();
      Files.delete(directory.resolve("plain"));
      Files.delete(directory.resolve("extended"));
      Files.delete(directory);
    }

    /** Deletes the backing file. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      filled.close();
    }
  }

  /** Into clusters without subclusters. */
  @Benchmark
  @OperationsPerInvocation(CLUSTERS)
  public void plain(Target target) throws IOException {
    write(target, target.plain);
  }

  /** Into clusters with subclusters. */
  @Benchmark
  @OperationsPerInvocation(CLUSTERS)
  public void extendedL2(Target target) throws IOException {
    write(target, target.extendedL2);
  }

  private static void write(Target target, Qcow2Image image) throws IOException {
    for (int cluster : target.order) {
      image.write(target.sectors.clear(), (long) cluster * CLUSTER + 8192);
    }
  }
}
