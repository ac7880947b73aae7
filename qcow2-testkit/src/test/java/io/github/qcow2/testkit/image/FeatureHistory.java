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

  /** Histories of all features together, on disks of up to 16 MiB. */
  static Arbitrary<FeatureHistory> all(int maxOperations) {
    return ImageFeatures.on(ImageShapes.upTo(16L << 20))
        .flatMap(
            features ->
                Combinators.combine(
                        Arbitraries.longs().between(1, 1_000_000),
                        DiskHistories.sequences(features.shape(), maxOperations),
                        Arbitraries.longs().between(1, 8).list().ofMaxSize(2))
                    .as((seed, operations, steps) -> with(features, seed, operations, steps)))
        .withoutEdgeCases();
  }

  /** Makes the disk larger now and then; all other operations stay inside its first size. */
  private static FeatureHistory with(
      ImageFeatures features, long seed, List<DiskOperation> operations, List<Long> steps) {
    List<DiskOperation> all = new ArrayList<>(operations);
    long size = features.shape().size();
    for (int i = 0; i < steps.size(); i++) {
      size += steps.get(i) * steps.get(i) * 512 * (i == 0 ? 1 : 97);
      all.add(all.size() * (i + 1) / 3, new DiskOperation.Grow(size));
    }
    if (!steps.isEmpty()) {
      all.replaceAll(operation -> wholeClustersOnly(features, operation));
    }
    return new FeatureHistory(features, seed, all);
  }

  /** What was the disk's short last cluster is no whole cluster once the disk has grown. */
  private static DiskOperation wholeClustersOnly(ImageFeatures features, DiskOperation operation) {
    return operation instanceof DiskOperation.WriteCompressed write
            && write.length() % features.shape().clusterSize() != 0
        ? new DiskOperation.Write(write.position(), write.length(), write.seed())
        : operation;
  }
}
