package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.generate.DiskHistories;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.interop.ImageVariant.Placement;
import io.github.qcow2.testkit.model.DiskOperation;
import io.github.qcow2.testkit.model.ReferenceDisk;
import io.github.qcow2.testkit.model.SideBySide;
import io.github.qcow2.testkit.qemu.QemuCheck;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import net.jqwik.api.sessions.JqwikSession;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whatever is written here, qemu-img finds the image in order and reads the same from it. */
@RequiresQemu
final class WritingInteropTest {
  private static final int OPERATIONS = 30;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  static List<ImageVariant> variants() {
    return ImageVariants.all();
  }

  static List<ImageVariant> ownMaking() {
    return ImageVariants.ownMaking();
  }

  @ParameterizedTest
  @MethodSource("variants")
  void imagesByQemuStayInOrderAndTheirSnapshotsUnchanged(ImageVariant variant) throws IOException {
    VariantImage made = new VariantImage(variant, directory, qemu);
    made.makeByQemu();
    Map<String, byte[]> snapshots = new LinkedHashMap<>();
    for (String name : made.snapshots()) {
      snapshots.put(name, qemu.snapshotContent(made.path(), name));
    }

    byte[] content = changeSomething(variant, made);

    assertInOrder(variant, made, content);
    for (Map.Entry<String, byte[]> snapshot : snapshots.entrySet()) {
      String what = snapshot.getKey() + " of " + variant;
      byte[] now = qemu.snapshotContent(made.path(), snapshot.getKey());
      assertSame(now, snapshot.getValue(), what);
      try (Qcow2Image image = made.open();
          BlockDevice device = image.openSnapshot(snapshot.getKey())) {
        byte[] here = GuestBytes.of(device);
        assertSame(here, Arrays.copyOf(now, here.length), what);
      }
    }
  }

  @ParameterizedTest
  @MethodSource("ownMaking")
  void imagesMadeHereAreInOrder(ImageVariant variant) throws IOException {
    VariantImage made = new VariantImage(variant, directory, qemu);
    made.make().close();
    assertInOrder(variant, made, qemu.content(made.path()));

    byte[] content = changeSomething(variant, made);

    assertInOrder(variant, made, content);
  }

  /** Writes, zeroes and discards, and returns what the disk holds then. */
  private byte[] changeSomething(ImageVariant variant, VariantImage made) throws IOException {
    byte[] before = qemu.content(made.path());
    ReferenceDisk model = GuestBytes.model(before);
    try (SideBySide sides = new SideBySide(model, made::openWritable)) {
      sides.applyAll(operations(variant, before.length));
    }
    return model.read(0, before.length);
  }

  /** The same in each run; random histories on images of all shapes are tested elsewhere. */
  private static List<DiskOperation> operations(ImageVariant variant, long size) {
    ImageShape shape =
        new ImageShape(
            variant.layout().version,
            variant.layout().clusterBits,
            Integer.numberOfTrailingZeros(variant.refcountBits()),
            variant.layout().extendedL2,
            size,
            ImageShape.Backing.NONE,
            0);
    List<DiskOperation> operations = new ArrayList<>();
    JqwikSession.run(
        () ->
            DiskHistories.operations(shape).generator(1000).stream(
                    new Random(variant.toString().hashCode()))
                .limit(OPERATIONS)
                .forEach(generated -> operations.add(generated.value())));
    return operations;
  }

  private void assertInOrder(ImageVariant variant, VariantImage made, byte[] content)
      throws IOException {
    QemuCheck check = qemu.check(made.path());
    assertThat(check.isClean()).as("%s: %s", variant, check).isTrue();
    Path raw = Files.write(directory.resolve("content.raw"), content);
    assertThat(qemu.identical(made.path(), "qcow2", raw, "raw")).as("%s", variant).isTrue();
    if (variant.placement() == Placement.RAW_DATA_FILE) {
      // As with QEMU, the last cluster of the file may be whole where that of the disk is not.
      byte[] data = Files.readAllBytes(made.dataFile());
      assertSame(data, Arrays.copyOf(content, data.length), "data file of " + variant);
    }
  }
}
