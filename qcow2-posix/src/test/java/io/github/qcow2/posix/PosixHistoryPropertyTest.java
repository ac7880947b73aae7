package io.github.qcow2.posix;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.DiskHistory;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Assume;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.ShrinkingMode;

/** Whatever is done to an image in a file with holes, it holds what a plain array would hold. */
final class PosixHistoryPropertyTest {
  @Provide
  Arbitrary<DiskHistory> histories() {
    return DiskHistories.on(
        ImageShapes.upTo(8L << 20)
            .filter(shape -> shape.backing() == ImageShape.Backing.NONE && shape.size() > 0),
        30);
  }

  @Property(tries = 60, shrinking = ShrinkingMode.BOUNDED)
  void imagesAgreeWithTheReferenceDisk(@ForAll("histories") DiskHistory history)
      throws IOException {
    Assume.that(System.getProperty("os.name").equals("Linux"));
    Path raw = Files.createTempFile("history", ".raw");
    Path qcow2 = Files.createTempFile("history", ".qcow2");
    long size = history.shape().size();
    try {
      RawImage.create(raw, size).close();
      run(size, () -> RawImage.openWritable(raw), history.operations());
      Qcow2Image.create(qcow2, size)
          .clusterSize(history.shape().clusterSize())
          .overwriteExisting()
          .build()
          .close();
      run(size, () -> Qcow2Image.open(qcow2).writable().build(), history.operations());
      assertThat(ImageCheck.of(qcow2).run().isClean()).isTrue();
    } finally {
      Files.delete(raw);
      Files.delete(qcow2);
    }
  }

  private static void run(long size, SideBySide.Opener opener, List<DiskOperation> operations)
      throws IOException {
    try (SideBySide sides = new SideBySide(new ReferenceDisk(size), opener)) {
      sides.applyAll(operations);
    }
  }
}
