package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.function.Consumer;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresQemu
class CheckCommandTest {
  private static final int REFCOUNT_BLOCK = 0x20000;
  private static final int L2_TABLE = 0x40000;

  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
  }

  /** An image of 64 clusters, the first 16 of them written, then broken. */
  private void image(Consumer<ByteBuffer> fault) throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/a.qcow2", "4M");
    twins.prepare("qemu-io", "-c", "write -P 1 0 1M", "-c", "write 2M 128k", "@/a.qcow2");
    Path image = twins.shared("a.qcow2");
    byte[] bytes = Files.readAllBytes(image);
    fault.accept(ByteBuffer.wrap(bytes));
    Files.write(image, bytes);
  }

  private void assertSameCheck(int exitCode, String... options) throws IOException {
    String[] arguments = new String[options.length + 2];
    arguments[0] = "check";
    System.arraycopy(options, 0, arguments, 1, options.length);
    arguments[options.length + 1] = "@/a.qcow2";
    assertThat(twins.assertSame(arguments).exitCode()).isEqualTo(exitCode);
  }

  private void assertSameChecks(int exitCode) throws IOException {
    assertSameCheck(exitCode);
    assertSameCheck(exitCode, "--output=json");
    assertSameCheck(exitCode, "--output", "human", "-f", "qcow2", "-U");
    assertSameCheck(exitCode, "-q");
    assertSameCheck(exitCode, "-q", "--output=json");
  }

  @Test
  void cleanImage() throws IOException {
    image(bytes -> {});
    assertSameChecks(0);
  }

  @Test
  void leaks() throws IOException {
    image(bytes -> bytes.putShort(REFCOUNT_BLOCK + 2 * 23, (short) 1));
    Files.write(
        twins.shared("a.qcow2"),
        java.util.Arrays.copyOf(Files.readAllBytes(twins.shared("a.qcow2")), 24 << 16));
    assertSameChecks(3);
  }

  @Test
  void refcountTooLow() throws IOException {
    image(bytes -> bytes.putShort(REFCOUNT_BLOCK + 2 * 6, (short) 0));
    assertSameChecks(2);
  }

  @Test
  void corruptionAndLeaksTogether() throws IOException {
    image(bytes -> bytes.putLong(L2_TABLE + 8, bytes.getLong(L2_TABLE)));
    assertSameChecks(2);
  }

  @Test
  void reservedBits() throws IOException {
    image(bytes -> bytes.putLong(L2_TABLE + 8, bytes.getLong(L2_TABLE + 8) | 2));
    assertSameChecks(2);
  }

  @Test
  void referencesBeyondTheEndOfTheFile() throws IOException {
    image(bytes -> bytes.putLong(L2_TABLE + 8, 0x8000000010000000L));
    assertSameChecks(2);
  }

  @Test
  void dirtyAndCorruptBitsAloneAreNoErrors() throws IOException {
    image(bytes -> bytes.putLong(72, 3));
    assertSameChecks(0);
  }

  @Test
  void compressedAndFragmentedImage() throws IOException {
    image(bytes -> {});
    twins.prepare("qemu-img", "convert", "-c", "-O", "qcow2", "@/a.qcow2", "@/c.qcow2");
    twins.assertSame("check", "@/c.qcow2");
    twins.assertSame("check", "--output=json", "@/c.qcow2");
  }

  @Test
  void everyPercentageIsRoundedAlike() throws IOException {
    image(bytes -> {});
    for (int clusters = 1; clusters <= 48; clusters++) {
      String file = "@/p" + clusters + ".qcow2";
      twins.prepare(
          "qemu-img", "create", "-q", "-f", "qcow2", "-o", "cluster_size=4k", file, "192k");
      twins.prepare("qemu-io", "-c", "write 0 " + 4 * clusters + "k", file);
      twins.assertSame("check", file);
    }
  }

  @Test
  void rawImageHasNoChecks() throws IOException {
    image(bytes -> {});
    assertSameCheck(63, "-f", "raw");
    assertSameCheck(63, "-f", "raw", "--output=json");
  }

  @Test
  void imageThatCannotBeOpened() throws IOException {
    image(bytes -> {});
    assertThat(twins.assertSame("check", "@/nofile").exitCode()).isEqualTo(1);
    assertSameCheck(1, "-f", "foo");
    assertSameCheck(1, "-T", "foo");
  }

  @Test
  void missingBackingFileFailsUnlessTheImageIsNotTrusted() throws IOException {
    image(bytes -> {});
    twins.prepare(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-u",
        "-b",
        "gone",
        "-F",
        "raw",
        "@/o.qcow2",
        "1M");
    twins.assertSame("check", "@/o.qcow2");
    assertThat(twins.ours("qemu-img", "", "check", "--untrusted", "@/o.qcow2").exitCode()).isZero();
  }

  @Test
  void repairIsRefusedAndChangesNothing() throws IOException {
    image(bytes -> bytes.putShort(REFCOUNT_BLOCK + 2 * 6, (short) 0));
    byte[] before = Files.readAllBytes(twins.shared("a.qcow2"));
    ToolOutput output = twins.ours("qemu-img", "", "check", "-r", "all", "@/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).contains("not supported");
    assertThat(Files.readAllBytes(twins.shared("a.qcow2"))).isEqualTo(before);
  }

  @Test
  void findingsBeyondTheFirstThousandAreOnlyCounted() throws IOException {
    image(
        bytes -> {
          for (int entry = 0; entry < 8192; entry++) {
            bytes.putLong(L2_TABLE + 8 * entry, bytes.getLong(L2_TABLE) | 2);
          }
        });
    ToolOutput output = twins.ours("qemu-img", "", "check", "@/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(2);
    assertThat(output.stderr().lines().count()).isEqualTo(1001);
    assertThat(output.stderr()).containsPattern("\\.\\.\\. and [0-9]+ more\n$");
  }
}
