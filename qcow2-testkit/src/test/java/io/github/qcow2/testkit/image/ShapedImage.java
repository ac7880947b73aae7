package io.github.qcow2.testkit.image;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;

/**
 * An image of given features in memory, with the backing disk and the data file that they ask for,
 * and the model of what it holds.
 */
final class ShapedImage {
  private static final String BACKING_NAME = "backing";

  /** Every other stretch of the backing disk is empty. */
  private static final int BACKING_STRETCH = 24 << 10;

  private final ImageShape shape;
  private final ImageFeatures features;
  private final long cacheBytes;
  private final Random amendments;
  private String dataName = "data";
  private byte[] file = new byte[0];
  private byte[] backingFile = new byte[0];
  private HeapStorage open = new HeapStorage("none");
  private HeapStorage openData = new HeapStorage("none");
  private final ReferenceDisk backingModel;

  /**
   * Makes the backing disk; the image comes with {@link #sideBySide()}.
   *
   * @param cacheBytes memory for tables; few bytes make for many evictions
   */
  ShapedImage(ImageShape shape, long backingSeed, long cacheBytes) throws IOException {
    this(ImageFeatures.plain(shape), backingSeed, cacheBytes);
  }

  /**
   * Makes the backing disk; the image comes with {@link #sideBySide()}.
   *
   * @param seed of the content of the backing disk, and of what is amended between sessions
   * @param cacheBytes memory for tables; few bytes make for many evictions
   */
  ShapedImage(ImageFeatures features, long seed, long cacheBytes) throws IOException {
    this.features = features;
    this.shape = features.shape();
    this.cacheBytes = cacheBytes;
    this.amendments = new Random(seed);
    this.backingModel = new ReferenceDisk(shape.backingSize());
    if (shape.backing() != ImageShape.Backing.NONE) {
      makeBacking(seed);
    }
  }

  private void makeBacking(long seed) throws IOException {
    HeapStorage storage = new HeapStorage(BACKING_NAME);
    boolean raw = shape.backing() == ImageShape.Backing.RAW;
    if (raw) {
      storage.setSize(shape.backingSize());
    }
    try (BlockDevice device =
        raw
            ? RawImage.over(storage)
            : Qcow2Image.create(storage, shape.backingSize()).clusterSize(4096).build()) {
      long end = Math.min(shape.backingSize(), 64L * BACKING_STRETCH);
      for (long at = 0; at < end; at += 2L * BACKING_STRETCH) {
        byte[] bytes = Content.bytes(seed, at, (int) Math.min(BACKING_STRETCH, end - at));
        device.write(ByteBuffer.wrap(bytes), at);
        backingModel.write(at, bytes);
      }
    }
    backingFile = storage.toByteArray();
  }

  /** Sets where the data file is to be saved: QEMU does not look beside the image. */
  ShapedImage dataFileAt(Path path) {
    dataName = path.toString();
    return this;
  }

  /** Creates the image and puts the model beside it. */
  SideBySide sideBySide() throws IOException {
    HeapStorage storage = new HeapStorage("image");
    ImageCreator creator =
        Qcow2Image.create(storage, shape.size())
            .version(shape.version())
            .clusterSize(shape.clusterSize())
            .refcountBits(shape.refcountBits())
            .extendedL2(shape.extendedL2())
            .lazyRefcounts(features.lazyRefcounts())
            .preallocation(features.preallocation())
            .durability(features.durability());
    if (shape.backing() != ImageShape.Backing.NONE) {
      creator.backing(BACKING_NAME, shape.backing() == ImageShape.Backing.RAW ? "raw" : "qcow2");
    }
    HeapStorage data = new HeapStorage(dataName);
    if (hasDataFile()) {
      creator
          .dataFile(dataName, features.dataFile() == ImageFeatures.DataFile.RAW)
          .references(reference -> new ReferencePolicy.Answer.UseStorage(data));
    }
    creator.createOnly();
    openData = data;
    open = storage;
    ReferenceDisk model =
        shape.backing() == ImageShape.Backing.NONE
            ? new ReferenceDisk(shape.size())
            : ReferenceDisk.over(backingModel, shape.size());
    return new SideBySide(model, this::openAgain);
  }

  private Qcow2Image openAgain() throws IOException {
    open = HeapStorage.copyOf("image", open.toByteArray());
    openData = HeapStorage.copyOf(dataName, openData.toByteArray());
    if (features.amends()) {
      amend();
    }
    return Qcow2Image.open(open)
        .writable()
        .cacheSize(cacheBytes)
        .durability(features.durability())
        .discardKeepsClusters(features.keepsClusters())
        .detectZeroes(features.zeroDetection())
        .references(policy())
        .build();
  }

  /** Changes what can be changed of an image of version 3 without an effect on the guest. */
  private void amend() throws IOException {
    if (shape.version() == 2) {
      return;
    }
    byte[] before = open.toByteArray();
    try {
      Qcow2Image.amend(open)
          .lazyRefcounts(amendments.nextBoolean())
          .refcountBits(1 << amendments.nextInt(7))
          .run();
    } catch (LimitExceededException e) {
      // A cluster with several compressed pieces is counted for each of them.
      assertThat(open.toByteArray()).isEqualTo(before);
    }
    open = HeapStorage.copyOf("image", open.toByteArray());
  }

  private boolean hasDataFile() {
    return features.dataFile() != ImageFeatures.DataFile.NONE;
  }

  private ReferencePolicy policy() throws IOException {
    BlockDevice backing = shape.backing() == ImageShape.Backing.NONE ? null : openBacking();
    return reference -> {
      if (reference.kind() == ReferencePolicy.Kind.DATA_FILE && hasDataFile()) {
        return new ReferencePolicy.Answer.UseStorage(openData);
      }
      if (backing == null) {
        throw new AssertionError("no file is to be opened: " + reference);
      }
      return new ReferencePolicy.Answer.UseDevice(backing);
    };
  }

  private BlockDevice openBacking() throws IOException {
    Storage storage = HeapStorage.copyOf(BACKING_NAME, backingFile);
    return shape.backing() == ImageShape.Backing.RAW
        ? RawImage.over(storage)
        : Qcow2Image.open(storage).build();
  }

  /** The image file as it is now. */
  byte[] bytes() {
    file = open.toByteArray();
    return file;
  }

  /** An oracle of the image file as it is now. */
  SpecOracle oracle() throws IOException {
    SpecOracle oracle = SpecOracle.of(bytes());
    if (hasDataFile()) {
      oracle = oracle.withDataFile(ByteSource.of(openData.toByteArray()));
    }
    if (shape.backing() == ImageShape.Backing.NONE) {
      return oracle;
    }
    ByteSource backing =
        shape.backing() == ImageShape.Backing.RAW
            ? ByteSource.of(backingFile)
            : SpecOracle.of(backingFile).content();
    return oracle.withBacking(backing);
  }

  /** Writes image, data file and backing file into a directory, where qemu-img finds them. */
  Path save(Path directory) throws IOException {
    if (shape.backing() != ImageShape.Backing.NONE) {
      Files.write(directory.resolve(BACKING_NAME), backingFile);
    }
    if (hasDataFile()) {
      Files.write(directory.resolve(dataName), openData.toByteArray());
    }
    return Files.write(directory.resolve("image.qcow2"), bytes());
  }
}
