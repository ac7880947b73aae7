package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;

@RequiresQemu
class MapCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
  }

  private void create(String... arguments) throws IOException {
    String[] all = new String[arguments.length + 4];
    System.arraycopy(new String[] {"create", "-q", "-f", "qcow2"}, 0, all, 0, 4);
    System.arraycopy(arguments, 0, all, 4, arguments.length);
    twins.prepare("qemu-img", all);
  }

  private void io(String image, String... commands) throws IOException {
    String[] all = new String[commands.length * 2 + 1];
    for (int i = 0; i < commands.length; i++) {
      all[2 * i] = "-c";
      all[2 * i + 1] = commands[i];
    }
    all[all.length - 1] = image;
    twins.prepare("qemu-io", all);
  }

  private void assertSameMap(String... options) throws IOException {
    String[] human = new String[options.length + 1];
    human[0] = "map";
    System.arraycopy(options, 0, human, 1, options.length);
    twins.assertSame(human);
    String[] json = new String[options.length + 2];
    json[0] = "map";
    json[1] = "--output=json";
    System.arraycopy(options, 0, json, 2, options.length);
    twins.assertSame(json);
  }

  @Test
  void chainOfDifferentSizes() throws IOException {
    create("@/base.qcow2", "4M");
    create("-b", "base.qcow2", "-F", "qcow2", "@/mid.qcow2", "8M");
    create("-b", "mid.qcow2", "-F", "qcow2", "@/top.qcow2", "16M");
    assertSameMap("@/top.qcow2");
    io("@/base.qcow2", "write -P 1 3M 256k");
    io("@/mid.qcow2", "write -P 2 128k 256k", "write 3900k 200k", "write -z 5M 64k");
    io("@/top.qcow2", "write 64k 128k", "write 1M 4k", "write -z 2M 64k", "write 15M 64k");
    assertSameMap("@/top.qcow2");
    assertSameMap("@/mid.qcow2");
    for (String start : new String[] {"0", "1", "100k", "1M", "3968k", "8M", "16M", "17M"}) {
      for (String length : new String[] {"0", "1000", "100k", "9M", "1T"}) {
        assertSameMap("-s", start, "-l", length, "@/top.qcow2");
        assertSameMap("--start-offset=" + start, "--max-length=" + length, "@/top.qcow2");
      }
      assertSameMap("-s", start, "@/top.qcow2");
    }
    create("-b", "mid.qcow2", "-F", "qcow2", "@/short.qcow2", "2M");
    assertSameMap("@/short.qcow2");
  }

  @Test
  void zeroClustersWithAndWithoutSpace() throws IOException {
    create("@/a.qcow2", "1M");
    io("@/a.qcow2", "write 0 192k", "write -z 0 64k", "write -zu 64k 64k", "discard 128k 64k");
    assertSameMap("@/a.qcow2");
  }

  @Test
  void subclusters() throws IOException {
    create("-o", "extended_l2=on", "@/a.qcow2", "1M");
    io("@/a.qcow2", "write 2k 2k", "write -z 64k 4k", "write 128k 64k", "write -z 130k 6k");
    assertSameMap("@/a.qcow2");
  }

  @Test
  void compressedClustersHaveNoOffset() throws IOException {
    create("@/a.qcow2", "1M");
    io("@/a.qcow2", "write 64k 320k", "write 640k 64k");
    twins.prepare("qemu-img", "convert", "-c", "-O", "qcow2", "@/a.qcow2", "@/c.qcow2");
    assertSameMap("@/c.qcow2");
  }

  @Test
  void dataFileIsWhereTheDataIs() throws IOException {
    create("-o", "data_file=@/d.raw", "@/a.qcow2", "1M");
    io("@/a.qcow2", "write 64k 64k", "write -z 256k 64k");
    assertSameMap("@/a.qcow2");
    Files.delete(twins.shared("d.raw"));
    assertSameMap("@/a.qcow2");
  }

  @Test
  void emptyDisk() throws IOException {
    create("@/a.qcow2", "0");
    assertSameMap("@/a.qcow2");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void holesOfARawFileAreZeros() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "@/a.raw", "16M");
    assertSameMap("-f", "raw", "@/a.raw");
    twins.prepare("qemu-io", "-f", "raw", "-c", "write 1M 64k", "-c", "write 5M 5k", "@/a.raw");
    assertSameMap("-f", "raw", "@/a.raw");
    assertSameMap("-f", "raw", "-s", "1030k", "-l", "5M", "@/a.raw");
    create("-b", "a.raw", "-F", "raw", "@/a.qcow2", "20M");
    io("@/a.qcow2", "write 2M 64k");
    assertSameMap("@/a.qcow2");
    Files.write(twins.shared("odd.raw"), new byte[1000]);
    assertSameMap("-f", "raw", "@/odd.raw");
  }

  @Test
  @EnabledOnOs(OS.LINUX)
  void discardedAndZeroedBytesOfARawFileAreGivenBackAsByQemuIo() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/a.raw", "8M");
    twins.prepare("qemu-io", "-f", "raw", "-c", "write 0 8M", "%/a.raw");
    twins.assertSameIo("-f", "raw", "-c", "discard 1M 2M", "-c", "discard 100 4000", "%/a.raw");
    assertSameMap("-f", "raw", "%/a.raw");
    twins.assertSameIo("-f", "raw", "-c", "write -z -u 4M 1M", "-c", "write -z 6M 1M", "%/a.raw");
    assertSameMap("-f", "raw", "%/a.raw");
    assertThat(allocated(twins.ours("a.raw"))).isEqualTo(allocated(twins.real("a.raw")));
  }

  private static long allocated(Path file) throws IOException {
    try (FileStorage storage = FileStorage.open(file)) {
      return storage.allocatedSize();
    }
  }

  @Test
  void rawFileWithoutHoles() throws IOException {
    byte[] bytes = new byte[8192];
    java.util.Arrays.fill(bytes, (byte) 7);
    Files.write(twins.shared("a.raw"), bytes);
    assertSameMap("-f", "raw", "@/a.raw");
    create("-b", "a.raw", "-F", "raw", "@/a.qcow2", "1M");
    assertSameMap("@/a.qcow2");
  }

  @Test
  void backingFormatThatIsNotRecordedIsGuessed() throws IOException {
    create("@/base.qcow2", "1M");
    io("@/base.qcow2", "write 64k 64k");
    create("-b", "base.qcow2", "-F", "qcow2", "@/a.qcow2");
    byte[] bytes = Files.readAllBytes(twins.shared("a.qcow2"));
    bytes[112] = 'X'; // The extension with the format becomes one that nobody knows.
    Files.write(twins.shared("a.qcow2"), bytes);
    assertSameMap("@/a.qcow2");
  }

  @Test
  void fileThatCannotBeOpenedIsNamedAtItsPlaceInTheChain() throws IOException {
    create("@/base.qcow2", "1M");
    create("-b", "base.qcow2", "-F", "qcow2", "@/mid.qcow2");
    create("-b", "mid.qcow2", "-F", "qcow2", "@/top.qcow2");
    assertSameMap("@/nofile");
    Files.delete(twins.shared("base.qcow2"));
    assertSameMap("@/top.qcow2");
    Files.delete(twins.shared("mid.qcow2"));
    assertSameMap("@/top.qcow2");
  }

  @Test
  void brokenEntryEndsTheMap() throws IOException {
    create("@/a.qcow2", "4M");
    io("@/a.qcow2", "write 0 1M");
    byte[] bytes = Files.readAllBytes(twins.shared("a.qcow2"));
    bytes[0x40000 + 8 + 6] |= 2; // An offset in the middle of a cluster.
    Files.write(twins.shared("a.qcow2"), bytes);
    ToolOutput ours = twins.ours("qemu-img", "", "map", "@/a.qcow2");
    ToolOutput real = twins.real("qemu-img", "", "map", "@/a.qcow2");
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(1);
    assertThat(ours.stderr()).endsWith("Could not read file metadata: Input/output error\n");
    assertThat(real.stderr()).endsWith("Could not read file metadata: Input/output error\n");
  }

  @Test
  void untrustedOverlayIsRefused() throws IOException {
    create("@/base.qcow2", "1M");
    create("-b", "base.qcow2", "-F", "qcow2", "@/a.qcow2");
    ToolOutput output = twins.ours("qemu-img", "", "map", "--untrusted", "@/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stdout()).isEmpty();
    assertThat(output.stderr()).contains("base.qcow2");
    assertThat(twins.ours("qemu-img", "", "map", "--untrusted", "@/base.qcow2").exitCode())
        .isZero();
  }
}
