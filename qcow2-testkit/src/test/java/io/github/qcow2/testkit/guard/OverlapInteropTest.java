package io.github.qcow2.testkit.guard;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.OverlapCheck;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.oracle.SpecOracle;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import io.github.qcow2.testkit.qemu.ToolResult;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** The same broken images for qemu-io and for us. */
@RequiresQemu
final class OverlapInteropTest {
  private static final long COPIED = 1L << 63;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  static Stream<Arguments> everyTrapTargetAndCheck() {
    return OverlapRulesTest.everyTrapAndTarget()
        .flatMap(
            each ->
                Stream.of(OverlapCheck.values())
                    .map(check -> Arguments.of(each.get()[0], each.get()[1], check)));
  }

  private static boolean isMarked(Path image) throws IOException {
    return Files.readAllBytes(image)[79] != 0;
  }

  @ParameterizedTest
  @MethodSource("everyTrapTargetAndCheck")
  void bothMarkTheImageOrNeither(Trap trap, TrapImage.Target target, OverlapCheck check)
      throws IOException {
    BuiltImage built = TrapImage.build();
    byte[] spoiled = trap.set(built, target.offset(built)).bytes();
    Path theirs = Files.write(directory.resolve("theirs.qcow2"), spoiled);
    Path ours = Files.write(directory.resolve("ours.qcow2"), spoiled);
    String template = check.name().toLowerCase(Locale.ROOT);
    ToolResult result =
        qemu.io(
            theirs,
            "close",
            "open -o driver=qcow2,overlap-check=" + template + " " + theirs,
            trap.command());
    try (Qcow2Image image = Qcow2Image.open(ours).writable().overlapCheck(check).build()) {
      if (target.isProtectedBy(check)) {
        assertThatThrownBy(() -> trap.spring(image))
            .isInstanceOf(CorruptImageException.class)
            .hasMessageContaining("(overlaps with " + target.text + ")");
      } else {
        trap.spring(image);
      }
    }
    if (trap == Trap.NEW_L2_TABLE && target == TrapImage.Target.ACTIVE_L2) {
      // QEMU lets an L2 table be written over an L2 table.
      assertThat(isMarked(theirs)).isFalse();
      return;
    }
    assertThat(isMarked(ours)).isEqualTo(isMarked(theirs));
    if (target.isProtectedBy(check)) {
      assertThat(result.stderr())
          .contains("Preventing invalid write on metadata (overlaps with " + target.text + ")");
    }
    if (check == OverlapCheck.ALL) {
      assertSameAftermath(spoiled, theirs, ours);
    }
  }

  /** The guest's data is what it was; what can be done does not depend on who made the mark. */
  private void assertSameAftermath(byte[] spoiled, Path theirs, Path ours) throws IOException {
    for (Path image : new Path[] {theirs, ours}) {
      assertThat(qemu.io(image, "read 0 512").succeeded()).isFalse();
      assertThatThrownBy(() -> Qcow2Image.open(image).writable().build())
          .isInstanceOf(CorruptImageException.class);
    }
    byte[] content = SpecOracle.of(spoiled).read(0, TrapImage.DISK);
    TrapImage.assertSame(qemu.content(ours), content);
    try (Qcow2Image image = Qcow2Image.open(ours).build()) {
      ByteBuffer bytes = ByteBuffer.allocate(TrapImage.DISK);
      image.read(bytes, 0);
      TrapImage.assertSame(bytes.array(), content);
    }
    for (Path image : new Path[] {theirs, ours}) {
      qemu.img("check", "-q", "-f", "qcow2", "-r", "all", image.toString());
    }
    assertThat(isMarked(ours)).as("marked after a repair").isEqualTo(isMarked(theirs));
    try (Qcow2Image image = Qcow2Image.open(ours).writable().build()) {
      image.write(ByteBuffer.wrap(TrapImage.filled(9)), 7 * TrapImage.CLUSTER);
    }
    assertThat(qemu.check(ours).isClean()).isTrue();
  }

  /** QEMU believes COPIED and overwrites what the snapshot holds. */
  @Test
  void flagThatIsWrongDoesNotLetAWriteReachTheSnapshot() throws IOException {
    BuiltImage built =
        ImageBuilder.of(9, TrapImage.DISK)
            .data(0, TrapImage.filled(1))
            .snapshot("kept")
            .data(5, TrapImage.filled(1))
            .build();
    long entry = built.l2EntryOffset(0);
    byte[] spoiled = built.withU64(entry, built.u64(entry) | COPIED).bytes();
    Path theirs = Files.write(directory.resolve("theirs.qcow2"), spoiled);
    Path ours = Files.write(directory.resolve("ours.qcow2"), spoiled);
    qemu.io(theirs, "write -P 9 0 512").orThrow();
    try (Qcow2Image image = Qcow2Image.open(ours).writable().build()) {
      image.write(ByteBuffer.wrap(TrapImage.filled(9)), 0);
      try (BlockDevice kept = image.openSnapshot("kept")) {
        ByteBuffer bytes = ByteBuffer.allocate(512);
        kept.read(bytes, 0);
        assertThat(bytes.array()).containsOnly(1);
      }
    }
    assertThat(Arrays.copyOf(qemu.snapshotContent(theirs, "kept"), 512)).containsOnly(9);
    assertThat(Arrays.copyOf(qemu.snapshotContent(ours, "kept"), 512)).containsOnly(1);
    assertThat(Arrays.copyOf(qemu.content(ours), 512)).containsOnly(9);
    assertThat(qemu.check(ours).isClean()).isTrue();
  }

  /** QEMU marks the image on a read, too, if it was opened for writing. */
  @Test
  void brokenEntryMarksTheImageOnWritesAsWithQemu() throws IOException {
    BuiltImage built = ImageBuilder.of(10, 64 << 10).data(0, TrapImage.filled(1)).build();
    long entry = built.l2EntryOffset(0);
    byte[] spoiled = built.withU64(entry, built.u64(entry) | 512).bytes();
    Path theirs = Files.write(directory.resolve("theirs.qcow2"), spoiled);
    Path ours = Files.write(directory.resolve("ours.qcow2"), spoiled);
    assertThat(qemu.io(theirs, "read 0 512").stderr()).contains("Marking image as corrupt");
    assertThat(isMarked(theirs)).isTrue();
    Files.write(theirs, spoiled);
    assertThat(qemu.io(theirs, "write 0 512").stderr()).contains("Marking image as corrupt");
    assertThat(isMarked(theirs)).isTrue();
    try (Qcow2Image image = Qcow2Image.open(ours).writable().build()) {
      assertThatThrownBy(() -> image.read(ByteBuffer.allocate(512), 0))
          .isInstanceOf(CorruptImageException.class);
      assertThat(isMarked(ours)).isFalse();
      assertThatThrownBy(() -> image.write(ByteBuffer.allocate(512), 0))
          .isInstanceOf(CorruptImageException.class);
      assertThat(isMarked(ours)).isTrue();
    }
  }
}
