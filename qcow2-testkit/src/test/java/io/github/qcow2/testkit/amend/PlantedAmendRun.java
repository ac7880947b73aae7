package io.github.qcow2.testkit.amend;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.model.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.Callable;

/**
 * Changes of images with the power cut at every moment, until something is found. Made and called
 * by reflection, since the library it sees is another than the caller's.
 */
public final class PlantedAmendRun implements Callable<String> {
  /** For the caller, who knows it as a {@link Callable} only. */
  public PlantedAmendRun() {}

  /** A disk full of data, with several refcount blocks that lie among it. */
  static byte[] full() throws IOException {
    HeapStorage file = new HeapStorage("image");
    try (Qcow2Image image =
        Qcow2Image.create(file, 96 << 10).clusterSize(512).refcountBits(64).build()) {
      image.write(ByteBuffer.wrap(Content.bytes(1, 0, 96 << 10)), 0);
    }
    return file.toByteArray();
  }

  /** An image whose header has several sectors. */
  static byte[] withLongHeader() {
    return ImageBuilder.of(12, 1 << 20)
        .extension(1, Content.bytes(1, 0, 600))
        .dataFile("data")
        .build()
        .bytes();
  }

  /**
   * Runs.
   *
   * @return what was found first, or an empty text
   */
  @Override
  public String call() throws IOException {
    try {
      new AmendTrial(withLongHeader(), amender -> amender.dataFile("a".repeat(500))).cutPower();
      new AmendTrial(full(), amender -> amender.refcountBits(8)).cutPower();
      new ShrinkTrial(full(), 20_000 & -512).cutPower();
      return "";
    } catch (AssertionError e) {
      return e + " " + e.getCause();
    }
  }
}
