package io.github.qcow2.testkit.linear;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Durability;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.cache.CacheStatistics;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Many threads read, write, zero, discard, compress and flush overlapping ranges of one image, with
 * little memory for tables: every sector behaves as if they had done so one after the other (I1),
 * and shows nobody else's data (I5); in the end no cluster is lost and none counted wrongly (I2).
 *
 * <p>Runs for {@code qcow2.concurrency.seconds} in all, a minute if nothing is said.
 */
final class ConcurrencyTest {
  private static final int THREADS = 8;
  private static final int CACHE_BYTES = 64 << 10;
  private static final int CLUSTERS_PER_SPOT = 16;
  private static final int SECTOR = SectorStamp.SECTOR;
  private static final long SECONDS = Long.getLong("qcow2.concurrency.seconds", 60);

  /** What the sectors of a backing file seem to come from. */
  private static final long BACKING = -1;

  /** An image. */
  private record Shape(
      int version,
      int clusterSize,
      int refcountBits,
      boolean extendedL2,
      boolean backed,
      Durability durability,
      boolean lazy) {
    /**
     * What is used is spots so far from each other that each needs a slice of an L2 table of its
     * own, and more of them than fit the cache.
     */
    int spots() {
      return CACHE_BYTES / sliceBytes() * 5 / 2;
    }

    private int sliceBytes() {
      return Math.min(clusterSize, 4096);
    }

    int sectorsBetweenSpots() {
      return sliceBytes() / (extendedL2 ? 16 : 8) * sectorsPerCluster();
    }

    int sectorsPerSpot() {
      return CLUSTERS_PER_SPOT * sectorsPerCluster();
    }

    int sectorsPerCluster() {
      return clusterSize / SECTOR;
    }

    int sectors() {
      return (spots() - 1) * sectorsBetweenSpots() + sectorsPerSpot();
    }

    /** The disk ends, at first, in the middle of a cluster. */
    long size() {
      return (long) (sectors() + 1) * SECTOR;
    }

    /** Version 2 cannot say that zeros hide a backing file, so it keeps what is discarded. */
    int discardUnit() {
      return version == 2 && backed ? 0 : clusterSize;
    }
  }

  static List<Shape> shapes() {
    Durability back = Durability.WRITEBACK;
    return List.of(
        new Shape(3, 512, 64, false, false, back, false),
        new Shape(3, 4096, 16, false, false, back, false),
        new Shape(3, 4096, 16, false, true, Durability.WRITETHROUGH, false),
        new Shape(2, 4096, 16, false, true, back, false),
        new Shape(3, 64 << 10, 16, false, false, back, true),
        new Shape(3, 64 << 10, 1, true, true, back, false));
  }

  @ParameterizedTest
  @MethodSource("shapes")
  @Timeout(value = 10, unit = TimeUnit.MINUTES, threadMode = Timeout.ThreadMode.SEPARATE_THREAD)
  void everySectorBehavesAsIfThreadsTookTurns(Shape shape) throws Exception {
    HeapStorage created = new HeapStorage("image");
    ImageCreator creator =
        Qcow2Image.create(created, shape.size())
            .version(shape.version)
            .clusterSize(shape.clusterSize)
            .refcountBits(shape.refcountBits)
            .extendedL2(shape.extendedL2);
    if (shape.backed) {
      creator.backing("base", "raw");
    }
    creator.createOnly();
    HeapStorage storage = HeapStorage.copyOf("image", created.toByteArray());
    SectorRegisters registers = new SectorRegisters(shape.sectors(), shape.backed ? BACKING : 0);
    AtomicLong operations = new AtomicLong();
    CacheStatistics cache;
    try (BlockDevice below = RawImage.over(new StampedStorage(shape.size(), BACKING))) {
      ImageOpener opener =
          Qcow2Image.open(new RestlessStorage(storage))
              .writable()
              .cacheSize(CACHE_BYTES)
              .durability(shape.durability)
              .references(shape.backed ? ReferencePolicy.explicit(below) : ReferencePolicy.deny());
      if (shape.version > 2) {
        opener.lazyRefcounts(shape.lazy);
      }
      try (Qcow2Image image = opener.build()) {
        useFrom(THREADS, image, registers, shape, operations);
        cache = image.l2CacheStatistics();
      }
    }

    SpecOracle oracle =
        SpecOracle.of(storage.toByteArray())
            .withBacking(new StampedStorage(shape.backed ? shape.size() : 0, BACKING).source());
    assertThat(oracle.check().findings()).isEmpty();
    for (int spot = 0; spot < shape.spots(); spot++) {
      int first = spot * shape.sectorsBetweenSpots();
      int count = shape.sectorsPerSpot();
      SectorRegisters.Read last = registers.beginRead(first, count);
      registers.end(last, ByteBuffer.wrap(oracle.read((long) first * SECTOR, count * SECTOR)));
    }
    System.out.printf("%s: %d operations, %s%n", shape, operations.get(), cache);
    assertThat(cache.evictions()).isPositive();
    assertThat(cache.misses())
        .as("who finds nothing loads, and does not look again and again")
        .isLessThan(10 * cache.evictions());
  }

  /** Lets threads use the image until time is up, and one more make it larger all the while. */
  private static void useFrom(
      int threads, Qcow2Image image, SectorRegisters registers, Shape shape, AtomicLong operations)
      throws Exception {
    long deadline = System.nanoTime() + SECONDS * 1_000_000_000L / shapes().size();
    StampedDisk disk = new StampedDisk(image, registers, shape.discardUnit());
    List<Callable<Void>> tasks = new ArrayList<>();
    for (int t = 0; t < threads; t++) {
      Random random = new Random(t);
      tasks.add(
          () -> {
            while (System.nanoTime() < deadline && !Thread.currentThread().isInterrupted()) {
              doSomething(image, disk, random, shape);
              operations.incrementAndGet();
            }
            return null;
          });
    }
    tasks.add(
        () -> {
          while (System.nanoTime() < deadline && image.size() < 2 * shape.size()) {
            image.grow(image.size() + shape.clusterSize);
            Thread.sleep(20);
          }
          return null;
        });
    ExecutorService pool = Executors.newFixedThreadPool(tasks.size());
    try {
      List<Future<Void>> running = new ArrayList<>();
      for (Callable<Void> task : tasks) {
        running.add(pool.submit(task));
      }
      for (Future<Void> each : running) {
        get(each);
      }
    } finally {
      pool.shutdownNow();
      assertThat(pool.awaitTermination(1, TimeUnit.MINUTES)).as("threads end").isTrue();
    }
  }

  private static void get(Future<Void> future) throws Exception {
    try {
      future.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof Error error) {
        throw error;
      }
      throw e;
    }
  }

  private static void doSomething(Qcow2Image image, StampedDisk disk, Random random, Shape shape)
      throws IOException {
    int perCluster = shape.sectorsPerCluster();
    // Half of all happens in one eighth of the spots.
    int spot = random.nextInt(random.nextBoolean() ? shape.spots() / 8 : shape.spots());
    int start = spot * shape.sectorsBetweenSpots();
    int length = shape.sectorsPerSpot();
    int longest = random.nextInt(4) == 0 ? 6 * perCluster : perCluster + 1;
    int count = 1 + random.nextInt(Math.min(longest, 256));
    int first = start + random.nextInt(length - count);
    int what = random.nextInt(100);
    if (what < 38) {
      disk.write(first, count);
    } else if (what < 72) {
      disk.read(first, count);
    } else if (what < 78) {
      disk.writeZeroes(first, count, ZeroMode.MAY_UNMAP);
    } else if (what < 83) {
      disk.writeZeroes(first, count, ZeroMode.KEEP_ALLOCATED);
    } else if (what < 92) {
      disk.discard(first, Math.max(count, Math.min(2 * perCluster, start + length - first)));
    } else if (what < 95) {
      disk.writeCompressed(first / perCluster * perCluster, perCluster);
    } else if (what < 98) {
      image.flush();
    } else {
      image.extents((long) first * SECTOR, (long) count * SECTOR).toList();
    }
  }
}
