package io.github.qcow2.jmh;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.cache.MetadataCaches;
import io.github.qcow2.format.Geometry;
import io.github.qcow2.format.Header;
import io.github.qcow2.mapping.GuestMap;
import io.github.qcow2.mapping.Mapping;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.Damage;
import io.github.qcow2.metadata.SliceStore;
import io.github.qcow2.metadata.TopTable;
import io.github.qcow2.metadata.TrackedFile;
import io.github.qcow2.storage.FileStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
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
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Threads;
import org.openjdk.jmh.annotations.Warmup;

/**
 * From a random guest offset to its host offset, with 64 KiB clusters: with every slice cached, and
 * with a cache of two slices, so that nearly every lookup reads 4 KiB. The L2 tables of a disk of 1
 * GiB fit in the cache of a core; those of 64 GiB, 8 MiB, do not.
 */
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.NANOSECONDS)
@Fork(1)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
public class L2LookupBenchmark {
  private static final int SLICE_BYTES = 4096;

  /** The image and two maps of it. */
  @State(Scope.Benchmark)
  public static class Image {
    /** How large the disk is. */
    @Param({"1", "64"})
    public int gibibytes = 1;

    long diskBytes;
    Path path;
    FileStorage storage;
    FileChannel channel;
    GuestMap cached;
    GuestMap uncached;
    long fileBytes;

    /** Makes an image whose L2 tables are all there. */
    @Setup(Level.Trial)
    public void open() throws IOException {
      diskBytes = (long) gibibytes << 30;
      path = Files.createTempFile("lookup", ".qcow2");
      try (Qcow2Image image = Qcow2Image.create(path, diskBytes).overwriteExisting().build()) {
        image.writeZeroes(0, diskBytes, ZeroMode.KEEP_ALLOCATED);
      }
      storage = FileStorage.open(path);
      channel = FileChannel.open(path, StandardOpenOption.READ);
      fileBytes = channel.size();
      try (Qcow2Image image = Qcow2Image.open(path).build()) {
        Header header = image.header();
        cached = map(header, (int) (diskBytes >> 16) * Long.BYTES / SLICE_BYTES * 2);
        uncached = map(header, 2);
      }
      Mapping mapping = new Mapping();
      for (long at = 0; at < diskBytes; at += 1 << 20) {
        cached.resolve(at, 1, mapping);
      }
    }

    private GuestMap map(Header header, int slices) throws IOException {
      Geometry geometry = header.geometry();
      TrackedFile file = new TrackedFile(storage, true);
      BufferPool buffers = new BufferPool();
      TopTable l1 =
          TopTable.load(
              file, ClusterKind.ACTIVE_L1, header.l1TableOffset(), header.l1Entries(), buffers);
      SliceStore l2 =
          new SliceStore(
              file,
              ClusterKind.ACTIVE_L2,
              MetadataCaches.clock(),
              slices,
              slices / 2,
              SLICE_BYTES,
              buffers);
      return new GuestMap(Damage.thrownOnly("benchmark"), geometry, false, l1, l2);
    }

    /** Deletes the image. */
    @TearDown(Level.Trial)
    public void close() throws IOException {
      channel.close();
      storage.close();
      Files.delete(path);
    }
  }

  /** What one thread needs. */
  @State(Scope.Thread)
  public static class Worker {
    final Mapping mapping = new Mapping();
    final ByteBuffer slice = ByteBuffer.allocateDirect(SLICE_BYTES);
    final SplittableRandom random = new SplittableRandom(Thread.currentThread().getId());

    long guestOffset(Image image) {
      return random.nextLong() & (image.diskBytes - 512);
    }
  }

  /** A lookup in a cached slice. */
  @Benchmark
  public Mapping hit(Image image, Worker worker) throws IOException {
    image.cached.resolve(worker.guestOffset(image), 512, worker.mapping);
    return worker.mapping;
  }

  /** The same on two threads. */
  @Benchmark
  @Threads(2)
  public Mapping hitOnTwoThreads(Image image, Worker worker) throws IOException {
    image.cached.resolve(worker.guestOffset(image), 512, worker.mapping);
    return worker.mapping;
  }

  /** A lookup that has to read its slice. */
  @Benchmark
  public Mapping miss(Image image, Worker worker) throws IOException {
    image.uncached.resolve(worker.guestOffset(image), 512, worker.mapping);
    return worker.mapping;
  }

  /** What a miss cannot be faster than: the same read on the bare channel. */
  @Benchmark
  public int missOnBareChannel(Image image, Worker worker) throws IOException {
    worker.slice.clear();
    long slices = image.fileBytes / SLICE_BYTES;
    return image.channel.read(worker.slice, worker.random.nextLong(slices) * SLICE_BYTES);
  }
}
