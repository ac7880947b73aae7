package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * A block device cannot be emptied, and so holds something when it becomes an image. Needs a loop
 * device, and so the rights of root.
 */
@RequiresQemu
class BlockDeviceTest {
  private static final int SIZE = 1 << 20;

  @TempDir Path directory;
  private Twins twins;
  private Path image;
  private String device = "";

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    byte[] bytes = new byte[SIZE];
    Arrays.fill(bytes, 200_000, 300_100, (byte) 7);
    image = Files.write(directory.resolve("image"), bytes);
    byte[] other = new byte[SIZE];
    Arrays.fill(other, (byte) 1);
    Path file = Files.write(directory.resolve("file"), other);
    ToolOutput loop = losetup("-f", "--show", file.toString());
    assumeTrue(loop.exitCode() == 0, "no loop device");
    device = loop.stdout().strip();
  }

  @AfterEach
  void detach() throws IOException {
    if (!device.isEmpty()) {
      losetup("-d", device);
    }
  }

  private static ToolOutput losetup(String... arguments) throws IOException {
    try {
      return RealTool.run("losetup", "", arguments);
    } catch (IOException e) {
      return new ToolOutput(1, "", "not installed");
    }
  }

  private void run(String... arguments) {
    assertThat(twins.ours("qemu-img", "", arguments).exitCode()).isZero();
  }

  @Test
  void rawDiskOnADeviceHoldsNothingOfBefore() throws IOException {
    run("convert", "-f", "raw", "-O", "raw", image.toString(), device);
    assertThat(Path.of(device)).hasSameBinaryContentAs(image);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"", ",data_file_raw=on", ",preallocation=metadata", ",preallocation=full"})
  void diskWhoseDataFileIsADeviceHoldsNothingOfBefore(String options) throws IOException {
    String target = directory.resolve("t").toString();
    String list = "data_file=" + device + options;
    run("convert", "-f", "raw", "-O", "qcow2", "-o", list, image.toString(), target);
    assertThat(RealTool.run("qemu-img", "", "compare", "-f", "raw", image.toString(), target))
        .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
  }

  /** The device is longer than the disk then; what it holds behind the end never shows again. */
  @Test
  void diskWhoseDataFileIsADeviceShrinksAndGrows() throws IOException {
    String target = directory.resolve("t").toString();
    String list = "data_file=" + device;
    run("convert", "-f", "raw", "-O", "qcow2", "-o", list, image.toString(), target);
    run("resize", "-f", "qcow2", "--shrink", target, "256k");
    run("resize", "-f", "qcow2", target, "1M");

    byte[] expected = Arrays.copyOf(Arrays.copyOf(Files.readAllBytes(image), 256 << 10), SIZE);
    Path wanted = Files.write(directory.resolve("wanted"), expected);
    assertThat(RealTool.run("qemu-img", "", "compare", "-f", "raw", wanted.toString(), target))
        .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
  }
}
