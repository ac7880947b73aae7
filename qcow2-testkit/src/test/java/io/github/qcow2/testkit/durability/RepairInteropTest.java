package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.testkit.powercut.CrashBounds;
import io.github.qcow2.testkit.powercut.CrashStates;
import io.github.qcow2.testkit.powercut.PowerCutLog;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Images that qemu was killed over are repaired as qemu itself repairs them. */
@RequiresQemu
final class RepairInteropTest {
  private static final long SIZE = 8 << 20;

  private final QemuTools qemu = QemuTools.required();

  @TempDir Path directory;
  private Path image;

  /**
   * How qemu leaves an image.
   *
   * @param options as after {@code -o}, besides lazy refcounts
   * @param before what is done in earlier sessions, each closed: a command of qemu-io, or {@code
   *     snapshot NAME}
   * @param last what is done in the session that is killed
   */
  record Left(String options, List<String> before, List<String> last) {
    @Override
    public String toString() {
      return options + " " + before + " " + last;
    }
  }

  static List<Left> left() {
    List<String> writes = List.of("write -P 1 0 300k", "write -P 2 4M 70k", "flush");
    List<String> all =
        List.of("write -P 1 0 300k", "discard 64k 64k", "write -z 128k 64k", "write -P 3 1M 10k");
    return List.of(
        new Left("cluster_size=64k", List.of(), writes),
        new Left("cluster_size=64k", List.of("write -P 9 0 1M"), all),
        new Left("cluster_size=512,refcount_bits=64", List.of(), writes),
        new Left("cluster_size=4k,refcount_bits=1", List.of("write -P 9 0 1M"), all),
        new Left("cluster_size=16k,extended_l2=on", List.of("write -P 9 0 1M"), all),
        new Left(
            "cluster_size=4k",
            List.of("write -P 9 0 400k", "snapshot one", "write -P 8 100k 50k", "snapshot two"),
            all),
        new Left(
            "cluster_size=4k",
            List.of("write -c -P 9 0 64k", "snapshot one"),
            List.of("write -c -P 7 1M 64k", "write -P 1 0 6k", "write -c -P 6 2M 64k", "flush")),
        new Left("cluster_size=4k,backing_file=base,backing_fmt=raw", List.of(), all),
        new Left("cluster_size=4k,data_file=data", List.of("write -P 9 0 1M"), all));
  }

  @BeforeEach
  void makeBase() throws IOException {
    Files.write(directory.resolve("base"), new byte[1 << 20]);
    image = directory.resolve("image.qcow2");
  }

  private void make(Left left) throws IOException {
    // Qemu looks for the data file where the test runs, and so it must be named in full.
    String options = left.options.replace("data_file=", "data_file=" + directory + "/");
    qemu.create(image, SIZE, options, "lazy_refcounts=on");
    for (String step : left.before) {
      if (step.startsWith("snapshot ")) {
        qemu.img("snapshot", "-c", step.substring(9), image.toString()).orThrow();
      } else {
        qemu.io(image, step).orThrow();
      }
    }
    String[] commands = new String[left.last.size() + 1];
    left.last.toArray(commands);
    commands[left.last.size()] = "abort";
    qemu.io(image, commands);
    assertThat(qemu.info(image)).containsEntry("dirty-flag", true);
  }

  @ParameterizedTest
  @MethodSource("left")
  void imageThatQemuWasKilledOverIsRepaired(Left left) throws IOException {
    make(left);
    Path theirs = directory.resolve("theirs.qcow2");
    Files.copy(image, theirs);
    qemu.img("check", "-q", "-r", "all", "-f", "qcow2", theirs.toString());

    open().close();

    assertThat(qemu.check(image).isClean()).isTrue();
    assertThat(qemu.info(image)).containsEntry("dirty-flag", false);
    assertThat(qemu.identical(image, "qcow2", theirs, "qcow2")).isTrue();
    for (String step : left.before) {
      if (step.startsWith("snapshot ")) {
        String name = step.substring(9);
        assertThat(qemu.snapshotContent(image, name)).isEqualTo(qemu.snapshotContent(theirs, name));
      }
    }
    try (Qcow2Image writable = open()) {
      writable.write(ByteBuffer.wrap(new byte[] {5}), 50_000);
    }
    assertThat(qemu.check(image).isClean()).isTrue();
  }

  private Qcow2Image open() throws IOException {
    return Qcow2Image.open(image).writable().references(ReferencePolicy.allowAll()).build();
  }

  @Test
  void imageOfAnUnfinishedRepairIsRepairedByQemu() throws IOException {
    make(left().get(2));
    byte[] before = qemu.content(image);
    Random random = new Random(1);
    byte[] stale =
        StaleImage.of(Files.readAllBytes(image))
            .withRandomCounts(random)
            .withoutBlocks(random)
            .bytes();
    PowerCutLog log = new PowerCutLog();
    Qcow2Image.open(log.storage("image", stale)).writable().build().close();
    int[] seen = {0};
    CrashStates.of(log)
        .bounds(CrashBounds.QUICK)
        .forEach(
            state -> {
              if (seen[0]++ % 20 == 0) {
                Path cut = Files.write(directory.resolve("cut.qcow2"), state.toByteArray(0));
                qemu.io(cut, "length").orThrow();
                assertThat(qemu.check(cut).isClean()).isTrue();
                assertThat(qemu.content(cut)).isEqualTo(before);
              }
            });
    assertThat(seen[0]).isGreaterThan(100);
  }
}
