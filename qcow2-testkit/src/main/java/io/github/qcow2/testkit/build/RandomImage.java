package io.github.qcow2.testkit.build;

import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import java.util.Arrays;
import java.util.Random;

/**
 * Descriptions of images that have something of everything a shape allows: clusters of every kind
 * at the start, at the borders of L2 tables and at the end, shared with snapshots or not.
 */
public final class RandomImage {
  private static final int CLUSTERS = 12;

  private final ImageShape shape;
  private final Random random;
  private final ImageBuilder image;

  private RandomImage(ImageShape shape, long seed) {
    this.shape = shape;
    this.random = new Random(seed);
    this.image = ImageBuilder.of(shape);
  }

  /**
   * Describes an image. The backing file, if the shape has one, is for the caller to name.
   *
   * @param seed the same seed gives the same image
   */
  public static ImageBuilder describe(ImageShape shape, long seed) {
    return new RandomImage(shape, seed).describe();
  }

  private ImageBuilder describe() {
    int snapshots = shape.refcountOrder() == 0 ? 0 : random.nextInt(3);
    // Two bits count to three: enough for three tables, or for three streams in a cluster.
    boolean compression = shape.refcountOrder() > 1 || snapshots == 0;
    for (int i = 0; i <= snapshots; i++) {
      if (i > 0) {
        image.snapshot("snapshot " + i);
      }
      for (int j = 0; j < CLUSTERS && shape.size() > 0; j++) {
        describe(guestCluster(), compression);
      }
    }
    return image;
  }

  private long guestCluster() {
    long last = (shape.size() - 1) >> shape.clusterBits();
    long perTable = shape.bytesPerL2Table() >> shape.clusterBits();
    long cluster =
        switch (random.nextInt(4)) {
          case 0 -> last - random.nextInt(2);
          case 1 -> perTable * (1 + random.nextInt(3)) - random.nextInt(2);
          default -> random.nextInt(8);
        };
    return Math.max(0, Math.min(last, cluster));
  }

  private void describe(long guest, boolean compression) {
    boolean version3 = shape.version() > 2;
    switch (random.nextInt(shape.extendedL2() ? 8 : 6)) {
      case 0 -> image.unallocated(guest);
      case 1 -> {
        if (compression) {
          image.compressed(guest, compressible());
        }
      }
      case 2 -> {
        if (version3) {
          image.zero(guest);
        }
      }
      case 3 -> {
        if (version3) {
          image.zeroAllocated(guest, content());
        }
      }
      case 6 -> image.subclusters(guest, (long) random.nextInt() << 32);
      case 7 -> {
        long zero = random.nextInt() & 0xffffffffL;
        long allocated = random.nextInt() & ~zero & 0xffffffffL;
        image.subclusters(guest, zero << 32 | allocated, content());
      }
      default -> image.data(guest, content());
    }
  }

  private byte[] content() {
    return Content.bytes(random.nextLong(), 0, shape.clusterSize());
  }

  /** Shrinks to a little more than half, so that few streams share a host cluster. */
  private byte[] compressible() {
    byte[] bytes = content();
    Arrays.fill(bytes, bytes.length * 5 / 8, bytes.length, bytes[0]);
    return bytes;
  }
}
