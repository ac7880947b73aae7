package io.github.qcow2.testkit.build;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShape.Backing;
import io.github.qcow2.testkit.generate.ImageShapes;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.SnapshotFields;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.lifecycle.AfterProperty;
import net.jqwik.api.lifecycle.BeforeProperty;
import org.jspecify.annotations.Nullable;

/** QEMU finds no fault with what is built by hand, and reads from it what the oracle reads. */
@RequiresQemu
final class ImageBuilderInteropTest {
  private @Nullable Path directory;

  @BeforeProperty
  void makeDirectory() throws IOException {
    directory = Files.createTempDirectory("built");
  }

  @AfterProperty
  void deleteDirectory() throws IOException {
    for (String name : List.of("image.qcow2", "base.raw")) {
      Files.deleteIfExists(path(name));
    }
    Files.delete(path(""));
  }

  @Provide
  Arbitrary<ImageShape> shapes() {
    return ImageShapes.upTo(4 << 20).filter(shape -> shape.backing() != Backing.QCOW2);
  }

  @Property(tries = 40)
  void builtImagesAreCleanAndReadTheSame(@ForAll("shapes") ImageShape shape, @ForAll long seed)
      throws IOException {
    QemuTools qemu = QemuTools.required();
    Path file = path("image.qcow2");
    ImageBuilder description = RandomImage.describe(shape, seed);
    byte[] backing = Content.bytes(seed, 0, (int) shape.backingSize());
    if (shape.backing() == Backing.RAW) {
      Files.write(path("base.raw"), backing);
      description.backing("base.raw", "raw");
    }
    byte[] bytes = description.build().bytes();
    Files.write(file, bytes);
    SpecOracle oracle = SpecOracle.of(bytes).withBacking(ByteSource.of(backing));

    assertThat(oracle.check().findings()).isEmpty();
    assertThat(qemu.check(file).output().stderr()).isEmpty();
    assertThat(qemu.check(file).isClean()).isTrue();
    assertThat(Arrays.equals(all(oracle.content()), qemu.content(file))).isTrue();
    int index = 0;
    for (SnapshotFields snapshot : oracle.snapshots()) {
      assertThat(
              Arrays.equals(
                  all(oracle.snapshotContent(index++)),
                  qemu.snapshotContent(file, snapshot.name())))
          .isTrue();
    }
  }

  private Path path(String name) {
    if (directory == null) {
      throw new IllegalStateException("no directory");
    }
    return directory.resolve(name);
  }

  private static byte[] all(ByteSource source) throws IOException {
    byte[] bytes = new byte[(int) source.size()];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }
}
