package io.github.qcow2.testkit.image;

import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.DiskOperation;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;

/**
 * What is done to one image.
 *
 * @param features of the image
 * @param seed of the backing disk's content, and of what is amended
 * @param operations in this order
 */
record FeatureHistory(ImageFeatures features, long seed, List<DiskOperation> operations) {
  private static final int SECTOR = 512;

  /** Histories of all features together, on disks of up to 16 MiB that change their size. */
  static Arbitrary<FeatureHistory> all(int maxOperations) {
    return ImageFeatures.on(ImageShapes.upTo(16L << 20))
        .flatMap(
            features ->
                Combinators.combine(
                        Arbitraries.longs().between(1, 1_000_000),
                        DiskHistories.sequences(features.shape(), maxOperations),
                        sizes(features.shape().size()).list().ofMaxSize(3))
                    .as((seed, operations, sizes) -> with(features, seed, operations, sizes)))
        .withoutEdgeCases();
  }

  /** Some sectors more or less, or anything up to more than twice the first size. */
  private static Arbitrary<Long> sizes(long first) {
    long sectors = first / SECTOR;
    return Arbitraries.oneOf(
            Arbitraries.longs().between(Math.max(0, sectors - 9), sectors + 9),
            Arbitraries.longs().between(0, 2 * sectors + 1000))
        .map(count -> count * SECTOR);
  }

  /** Puts the changes of size between the operations, of which those behind the end are cut. */
  private static FeatureHistory with(
      ImageFeatures features, long seed, List<DiskOperation> operations, List<Long> sizes) {
    List<DiskOperation> all = new ArrayList<>();
    long size = features.shape().size();
    int turns = sizes.size() + 1;
    for (int i = 0; i < operations.size(); i++) {
      all.addAll(cut(operations.get(i), size, features.shape().clusterSize()));
      int turn = (i + 1) * turns / operations.size();
      if (turn > i * turns / operations.size() && turn <= sizes.size()) {
        long next = sizes.get(turn - 1);
        all.add(
            next < size
                ? new DiskOperation.Shrink(next)
                : new DiskOperation.Grow(next, features.preallocation()));
        size = next;
      }
    }
    return new FeatureHistory(features, seed, all);
  }

  /** What of an operation lies in a disk of this size: itself, a part of it, or nothing. */
  private static List<DiskOperation> cut(DiskOperation operation, long size, int clusterSize) {
    if (operation instanceof DiskOperation.Write write) {
      int length = left(write.position(), write.length(), size);
      return ifAny(length, new DiskOperation.Write(write.position(), length, write.seed()));
    }
    if (operation instanceof DiskOperation.WriteCompressed write) {
      int length = left(write.position(), write.length(), size);
      // What was the short last cluster is no whole cluster once the disk has grown.
      boolean whole = length % clusterSize == 0 || write.position() + length == size;
      return ifAny(
          length,
          whole
              ? new DiskOperation.WriteCompressed(write.position(), length, write.seed())
              : new DiskOperation.Write(write.position(), length, write.seed()));
    }
    if (operation instanceof DiskOperation.WriteZeroes zeroes) {
      int length = left(zeroes.position(), zeroes.length(), size);
      return ifAny(length, new DiskOperation.WriteZeroes(zeroes.position(), length, zeroes.mode()));
    }
    if (operation instanceof DiskOperation.Discard discard) {
      int length = left(discard.position(), discard.length(), size);
      return ifAny(length, new DiskOperation.Discard(discard.position(), length));
    }
    if (operation instanceof DiskOperation.Read read) {
      int length = left(read.position(), read.length(), size);
      return ifAny(length, new DiskOperation.Read(read.position(), length));
    }
    return List.of(operation);
  }

  private static int left(long position, int length, long size) {
    return (int) Math.max(0, Math.min(length, size - position));
  }

  private static List<DiskOperation> ifAny(int length, DiskOperation operation) {
    return length == 0 ? List.of() : List.of(operation);
  }
}
