package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assertions.assertTimeoutPreemptively;

import com.sun.management.ThreadMXBean;
import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.ImageInfo;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.format.SnapshotRecord;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Random;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Example;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/**
 * Bytes of an image that nobody can vouch for: whatever they are, the worst is a typed exception,
 * in bounded time and memory.
 */
final class HostileImageTest {
  /** Generous for a loaded machine; what it tells apart is an end and none. */
  private static final Duration AN_END = Duration.ofSeconds(30);

  /**
   * The L1 table may have 32 MiB and the refcount table 8, each of them read once and kept once.
   */
  private static final long BYTES_ALLOCATED = 160L << 20;

  private static final int GUEST_BYTES = 1 << 20;
  private static final int EXTENTS = 2000;

  @Provide
  Arbitrary<ImageShape> shapes() {
    return ImageShapes.upTo(4L << 20);
  }

  @Property(tries = 300, shrinking = ShrinkingMode.BOUNDED)
  void damagedMetadataGivesTypedExceptionsAndNothingWorse(
      @ForAll("shapes") ImageShape shape, @ForAll long seed) throws IOException {
    Random random = new Random(seed);
    ImageBuilder description = RandomImage.describe(shape, seed);
    if (shape.backing() != ImageShape.Backing.NONE) {
      description.backing("base", "raw");
    }
    byte[] file = damage(description.build(), shape, random);

    assertTimeoutPreemptively(
        AN_END,
        () -> {
          readEverything(file);
          changeSomething(file, random);
        });
  }

  /** Damages up to four words, mostly of tables. */
  private static byte[] damage(BuiltImage built, ImageShape shape, Random random) {
    byte[] file = built.bytes().clone();
    ByteBuffer words = ByteBuffer.wrap(file);
    for (int i = random.nextInt(4); i >= 0; i--) {
      long place =
          switch (random.nextInt(7)) {
            case 0 -> random.nextInt(104);
            case 1 -> words.getLong(40);
            case 2 -> words.getLong(48);
            case 3 -> words.getLong(64);
            case 4 -> words.getLong((int) within(words.getLong(48), file.length));
            case 5 -> words.getLong((int) within(words.getLong(40), file.length)) & 0xffffffff00L;
            default -> random.nextInt(file.length);
          };
      int at =
          (int) within(place + random.nextInt(Math.min(256, shape.clusterSize())), file.length);
      switch (random.nextInt(5)) {
        case 0 -> file[at] ^= (byte) (1 << random.nextInt(8));
        case 1 -> file[at] = (byte) random.nextInt();
        case 2 -> words.putLong(at & -8, random.nextLong());
        case 3 -> words.putLong(at & -8, words.getLong(at & -8) ^ (1L << random.nextInt(64)));
        default ->
            words.putLong(
                at & -8,
                (random.nextLong() & 0xc000000000000001L)
                    | ((long) random.nextInt(1 + file.length / shape.clusterSize())
                        << shape.clusterBits()));
      }
    }
    return file;
  }

  private static long within(long place, int length) {
    return place < 0 || place > length - 8 ? 0 : place;
  }

  private static ReferencePolicy policy() {
    return reference -> {
      HeapStorage file = HeapStorage.copyOf("other", new byte[10_000]);
      return reference.kind() == ReferencePolicy.Kind.BACKING_FILE
          ? new ReferencePolicy.Answer.UseDevice(RawImage.over(file))
          : new ReferencePolicy.Answer.UseStorage(file);
    };
  }

  private static void readEverything(byte[] file) throws IOException {
    Storage storage = HeapStorage.copyOf("hostile", file);
    try (Qcow2Image image = Qcow2Image.open(storage).references(policy()).build()) {
      look(image);
      for (SnapshotRecord snapshot : image.snapshots().stream().limit(5).toList()) {
        attempt(
            () -> {
              try (BlockDevice device = image.openSnapshot(snapshot.id())) {
                look(device);
              }
            });
      }
    } catch (Qcow2Exception e) {
      assertThat(e.image()).isNotNull();
    } catch (java.io.FileNotFoundException e) {
      throw new AssertionError("a snapshot in the list is not found", e);
    }
  }

  private static void look(BlockDevice device) throws IOException {
    long size = device.size();
    int length = (int) Math.min(size, GUEST_BYTES);
    for (int at = 0; at < length; at += 4096) {
      int start = at;
      attempt(() -> GuestBytes.of(device, start, Math.min(4096, length - start)));
    }
    attempt(() -> GuestBytes.of(device, size - length, length));
    attempt(
        () -> {
          ExtentCursor cursor = device.extents(0, size);
          long at = 0;
          for (int i = 0; i < EXTENTS; i++) {
            Extent extent = cursor.next();
            if (extent == null) {
              assertThat(at).isEqualTo(size);
              break;
            }
            assertThat(extent.start()).isEqualTo(at);
            assertThat(extent.length()).isPositive();
            at = extent.end();
          }
        });
  }

  private static void changeSomething(byte[] file, Random random) throws IOException {
    Storage storage = HeapStorage.copyOf("hostile", file);
    Qcow2Image image;
    try {
      image =
          Qcow2Image.open(storage)
              .writable()
              .cacheSize(random.nextInt(64 << 10))
              .references(policy())
              .build();
    } catch (Qcow2Exception e) {
      return;
    }
    long size = image.size();
    for (int i = 0; i < 20 && size > 0; i++) {
      long position =
          random.nextBoolean()
              ? (long) (random.nextDouble() * size)
              : random.nextInt((int) Math.min(size, 100_000));
      int length = (int) Math.min(size - position, 1 + random.nextInt(20_000));
      switch (random.nextInt(5)) {
        case 0 -> attempt(() -> image.writeZeroes(position, length, ZeroMode.MAY_UNMAP));
        case 1 -> attempt(() -> image.discard(position, length));
        case 2 -> attempt(image::flush);
        default -> attempt(() -> GuestBytes.fill(image, 1, position, length));
      }
    }
    if (size < 1L << 40) {
      attempt(() -> image.grow((size + 1_000_000) & -512));
    }
    attempt(image::close);
  }

  /** Something that may fail, but in one way only. */
  @FunctionalInterface
  private interface Attempt {
    void run() throws IOException;
  }

  private static void attempt(Attempt attempt) {
    try {
      attempt.run();
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("hostile");
    }
  }

  @Example
  void smallFileWithTheLargestNumbersAllocatesNoMoreThanItsTables() throws IOException {
    for (int[] patch :
        new int[][] {
          {36, 4_194_304}, {56, 128}, {36, 4_194_304, 56, 128}, {60, 65_536, 64, 0, 68, 0x20000}
        }) {
      byte[] file = new byte[52 << 10];
      byte[] valid = ImageBuilder.of(16, 1 << 20).build().bytes();
      System.arraycopy(valid, 0, file, 0, Math.min(valid.length, file.length));
      for (int i = 0; i < patch.length; i += 2) {
        ByteBuffer.wrap(file).putInt(patch[i], patch[i + 1]);
      }
      assertThat(allocatedBy(() -> readEverything(file))).isLessThan(BYTES_ALLOCATED);
      assertThat(allocatedBy(() -> changeSomething(file, new Random(1))))
          .isLessThan(2 * BYTES_ALLOCATED);
      Path path = Files.createTempFile("hostile", ".qcow2");
      try {
        Files.write(path, file);
        assertThat(allocatedBy(() -> inspect(path))).isLessThan(BYTES_ALLOCATED);
      } finally {
        Files.delete(path);
      }
    }
  }

  private static void inspect(Path path) throws IOException {
    try {
      ImageInfo info = Qcow2Image.inspect(path);
      assertThat(info.snapshots()).hasSizeLessThan(65_537);
    } catch (Qcow2Exception e) {
      assertThat(e.rule()).isNotEmpty();
    }
  }

  private static long allocatedBy(Attempt work) throws IOException {
    ThreadMXBean threads = (ThreadMXBean) ManagementFactory.getThreadMXBean();
    long before = threads.getCurrentThreadAllocatedBytes();
    work.run();
    return threads.getCurrentThreadAllocatedBytes() - before;
  }

  /** Deflate makes a megabyte of a kilobyte; a cluster of two megabytes is where it ends. */
  @Example
  void bombInACompressedClusterGivesOneCluster() throws IOException {
    byte[] cluster = new byte[2 << 20];
    BuiltImage built = ImageBuilder.of(21, 4 << 20).compressed(0, cluster).build();
    long allocated =
        allocatedBy(
            () -> {
              try (Qcow2Image image =
                  Qcow2Image.open(HeapStorage.copyOf("bomb", built.bytes())).build()) {
                assertThat(GuestBytes.of(image, 0, 512)).containsOnly(0);
                assertThat(GuestBytes.of(image, 1 << 20, 512)).containsOnly(0);
              }
            });
    assertThat(allocated).isLessThan(32L << 20);
    assertThat(List.of(built.bytes().length)).allMatch(length -> length < 32 << 20);
  }
}
