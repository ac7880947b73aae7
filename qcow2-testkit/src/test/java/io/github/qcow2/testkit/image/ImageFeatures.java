package io.github.qcow2.testkit.image;

import io.github.qcow2.Durability;
import io.github.qcow2.Preallocation;
import io.github.qcow2.ZeroDetection;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShape.Backing;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.Tuple;

/**
 * A shape, what else an image can be made with, and how it is opened. All that exclude each other
 * have been left out.
 *
 * @param shape of image and backing file
 * @param dataFile where guest data is
 * @param preallocation at creation, and when the disk grows
 * @param lazyRefcounts whether refcounts on disk may be stale
 * @param keepsClusters whether discarded clusters keep their place
 * @param zeroDetection of writes
 * @param durability of the sessions
 * @param amends whether the image is changed between sessions
 */
record ImageFeatures(
    ImageShape shape,
    DataFile dataFile,
    Preallocation preallocation,
    boolean lazyRefcounts,
    boolean keepsClusters,
    ZeroDetection zeroDetection,
    Durability durability,
    boolean amends) {

  /** Where guest data is. */
  enum DataFile {
    NONE,
    PLAIN,
    /** A data file that by itself is the disk. */
    RAW
  }

  /** Drops what the format does not have together. */
  ImageFeatures {
    if (shape.version() == 2) {
      dataFile = DataFile.NONE;
      lazyRefcounts = false;
      keepsClusters = false;
    }
    if (shape.backing() != Backing.NONE && dataFile == DataFile.RAW) {
      dataFile = DataFile.PLAIN;
    }
    if (shape.backing() != Backing.NONE && !shape.extendedL2()) {
      preallocation = Preallocation.OFF;
    }
  }

  /** Nothing but a shape. */
  static ImageFeatures plain(ImageShape shape) {
    return new ImageFeatures(
        shape,
        DataFile.NONE,
        Preallocation.OFF,
        false,
        false,
        ZeroDetection.OFF,
        Durability.WRITEBACK,
        false);
  }

  /** The product of all of them. */
  static Arbitrary<ImageFeatures> on(Arbitrary<ImageShape> shapes) {
    return Combinators.combine(
            shapes,
            Arbitraries.frequency(
                Tuple.of(4, DataFile.NONE), Tuple.of(1, DataFile.PLAIN), Tuple.of(1, DataFile.RAW)),
            Arbitraries.frequency(
                Tuple.of(5, Preallocation.OFF),
                Tuple.of(2, Preallocation.METADATA),
                Tuple.of(1, Preallocation.FALLOC),
                Tuple.of(1, Preallocation.FULL)),
            Arbitraries.of(false, true),
            Arbitraries.of(false, true),
            Arbitraries.of(ZeroDetection.class),
            Arbitraries.frequency(
                Tuple.of(4, Durability.WRITEBACK),
                Tuple.of(1, Durability.WRITETHROUGH),
                Tuple.of(1, Durability.UNSAFE)),
            Arbitraries.of(false, true))
        .as(ImageFeatures::new)
        .withoutEdgeCases();
  }
}
