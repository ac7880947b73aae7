package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.FaultyStorage;
import io.github.qcow2.testkit.model.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** What subclusters are for: small writes into an overlay copy little. */
final class SubclusterCostTest {
  private static final int CLUSTER = 128 << 10;
  private static final int WRITE = 4 << 10;
  private static final int CLUSTERS = 256;

  /**
   * Bytes of both files for each write.
   *
   * @param written to the image
   * @param read from the image and its backing file
   */
  private record Cost(double written, double read) {}

  private static Cost randomWrites(int clusterSize, boolean extended) throws IOException {
    int size = CLUSTERS * CLUSTER;
    HeapStorage empty = new HeapStorage("image");
    Qcow2Image.create(empty, size)
        .clusterSize(clusterSize)
        .extendedL2(extended)
        .backing("base", "raw")
        .createOnly();
    FaultyStorage file = new FaultyStorage(HeapStorage.copyOf("image", empty.toByteArray()));
    FaultyStorage base = new FaultyStorage(HeapStorage.copyOf("base", Content.bytes(1, 0, size)));
    List<Integer> clusters = new ArrayList<>();
    for (int i = 0; i < CLUSTERS; i++) {
      clusters.add(i);
    }
    Random random = new Random(1);
    Collections.shuffle(clusters, random);
    int writes = CLUSTERS / 2;
    try (BlockDevice below = RawImage.over(base);
        Qcow2Image image =
            Qcow2Image.open(file).writable().references(ReferencePolicy.explicit(below)).build()) {
      for (int i = 0; i < writes; i++) {
        long position =
            (long) clusters.get(i) * CLUSTER + (long) random.nextInt(CLUSTER / WRITE) * WRITE;
        image.write(ByteBuffer.wrap(Content.bytes(2, position, WRITE)), position);
      }
    }
    Cost cost =
        new Cost(
            (double) file.bytesWritten() / writes,
            (double) (file.bytesRead() + base.bytesRead()) / writes);
    System.out.printf(
        "%d random writes of 4 KiB, %d KiB clusters%s: %.0f bytes written, %.0f read for each%n",
        writes, clusterSize >> 10, extended ? " with subclusters" : "", cost.written, cost.read);
    return cost;
  }

  @Test
  void smallWritesIntoAnOverlayMoveAnEighthOfTheBytesAtMost() throws IOException {
    Cost with = randomWrites(CLUSTER, true);
    Cost without = randomWrites(CLUSTER, false);
    Cost usual = randomWrites(64 << 10, false);
    assertThat(with.written).isLessThanOrEqualTo(without.written / 8);
    assertThat(with.read).isLessThanOrEqualTo(without.read / 8);
    assertThat(with.written).isLessThanOrEqualTo(usual.written / 8);
    assertThat(with.read).isLessThanOrEqualTo(usual.read / 8);
  }
}
