package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class CompareCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    disk("empty4", "4M");
    disk("empty8", "8M");
    disk("data4", "4M", "write -P 1 1M 1M", "write -P 2 3M 4k");
    disk("data8", "8M", "write -P 1 1M 1M", "write -P 2 3M 4k");
    disk("other4", "4M", "write -P 1 1M 1M", "write -P 2 3M 4k", "write -P 9 1234567 1");
    disk("tail8", "8M", "write -P 1 1M 1M", "write -P 2 3M 4k", "write -P 3 6M 1k");
    disk("zero8", "8M", "write -P 1 1M 1M", "write -P 2 3M 4k", "write -z 6M 64k");
    twins.prepare("qemu-img", "convert", "-O", "raw", "@/data4.qcow2", "@/data4.raw");
  }

  private void disk(String name, String size, String... commands) throws IOException {
    String file = "@/" + name + ".qcow2";
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", file, size);
    for (String command : commands) {
      twins.prepare("qemu-io", "-c", command, file);
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "data4.qcow2 data4.qcow2 0",
        "data4.qcow2 data4.raw 0",
        "data4.raw data4.qcow2 0",
        "empty4.qcow2 empty8.qcow2 0",
        "data4.qcow2 data8.qcow2 0",
        "data8.qcow2 data4.qcow2 0",
        "data4.qcow2 zero8.qcow2 0",
        "data4.qcow2 other4.qcow2 1",
        "other4.qcow2 data8.qcow2 1",
        "empty4.qcow2 data4.qcow2 1",
        "data4.qcow2 empty4.qcow2 1",
        "data4.qcow2 tail8.qcow2 1",
        "tail8.qcow2 data4.qcow2 1",
        "tail8.qcow2 zero8.qcow2 1",
        "data4.raw tail8.qcow2 1",
        "nofile data4.raw 2",
        "data4.raw nofile 2",
      })
  void verdictIsThatOfQemuImg(String line) throws IOException {
    String[] words = line.split(" ", -1);
    String first = "@/" + words[0];
    String second = "@/" + words[1];
    ToolOutput output = twins.assertSame("compare", first, second);
    assertThat(output.exitCode()).isEqualTo(Integer.parseInt(words[2]));
    twins.assertSame("compare", "-q", first, second);
    twins.assertSame("compare", "-U", "-T", "none", first, second);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "data4.qcow2 data4.qcow2",
        "empty4.qcow2 empty8.qcow2",
        "data4.qcow2 other4.qcow2",
        "zero8.qcow2 zero8.qcow2"
      })
  void strictVerdictIsThatOfQemuImg(String line) throws IOException {
    String[] words = line.split(" ", -1);
    twins.assertSame("compare", "-s", "@/" + words[0], "@/" + words[1]);
    twins.assertSame("compare", "-s", "-q", "@/" + words[0], "@/" + words[1]);
  }

  /** qemu-img names the start of the extent in which it noticed; here it is the first such byte. */
  @Test
  @EnabledOnOs(OS.LINUX)
  void strictComparisonTellsHolesFromZerosThatAreStored() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "@/sparse.raw", "4M");
    java.nio.file.Files.write(twins.shared("zeros.raw"), new byte[4 << 20]);
    java.nio.file.Files.copy(twins.shared("zeros.raw"), twins.shared("copy.raw"));
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/empty.qcow2", "4M");
    for (String[] pair :
        new String[][] {
          {"@/sparse.raw", "@/zeros.raw"},
          {"@/zeros.raw", "@/sparse.raw"},
          {"@/zeros.raw", "@/copy.raw"},
          {"@/sparse.raw", "@/empty.qcow2"},
          {"@/empty.qcow2", "@/zeros.raw"}
        }) {
      // Where they differ first, qemu-img counts differently: it knows in advance where they end.
      assertThat(twins.ours("qemu-img", "", "compare", "-s", pair[0], pair[1]).exitCode())
          .isEqualTo(twins.real("qemu-img", "", "compare", "-s", pair[0], pair[1]).exitCode());
      twins.assertSame("compare", pair[0], pair[1]);
    }
  }

  @Test
  void strictComparisonFindsOtherAllocation() throws IOException {
    ToolOutput real = twins.real("qemu-img", "", "compare", "-s", "@/zero8.qcow2", "@/data8.qcow2");
    ToolOutput ours = twins.ours("qemu-img", "", "compare", "-s", "@/zero8.qcow2", "@/data8.qcow2");
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(1);
    assertThat(real.stdout()).matches("Strict mode: Offset [0-9]+ block status mismatch!\n");
    assertThat(ours.stdout()).isEqualTo("Strict mode: Offset 6291456 block status mismatch!\n");
  }

  @Test
  void formatsMayBeGiven() throws IOException {
    twins.assertSame("compare", "-f", "qcow2", "-F", "raw", "@/data4.qcow2", "@/data4.raw");
    twins.assertSame("compare", "-f", "raw", "@/data4.qcow2", "@/data4.raw");
    twins.assertSame("compare", "-f", "foo", "@/data4.qcow2", "@/data4.raw");
    twins.assertSame("compare", "-F", "foo", "@/data4.qcow2", "@/data4.raw");
    twins.assertSame("compare", "-F", "qcow2", "@/data4.qcow2", "@/data4.raw");
  }

  @Test
  void progressEndsWithALineFeedAfterTheVerdict() {
    ToolOutput same = twins.ours("qemu-img", "", "compare", "-p", "@/data4.qcow2", "@/data4.raw");
    assertThat(same.stdout())
        .startsWith("    (0.00/100%)\r")
        .endsWith("    (100.00/100%)\rImages are identical.\n\n");
    ToolOutput differ =
        twins.ours("qemu-img", "", "compare", "-p", "@/data4.raw", "@/other4.qcow2");
    assertThat(differ.stdout())
        .startsWith("    (0.00/100%)\r")
        .endsWith("Content mismatch at offset 1234432!\n\n");
    ToolOutput quiet =
        twins.ours("qemu-img", "", "compare", "-p", "-q", "@/data4.qcow2", "@/data4.raw");
    assertThat(quiet.stdout()).isEmpty();
  }

  @Test
  void imageWhoseTablesAreBrokenCannotBeMapped() throws IOException {
    byte[] bytes = Files.readAllBytes(twins.shared("data4.qcow2"));
    bytes[0x40000 + 8 * 16 + 6] |= 2;
    Files.write(twins.shared("bad.qcow2"), bytes);
    for (String[] pair :
        new String[][] {{"@/bad.qcow2", "@/data4.qcow2"}, {"@/data4.qcow2", "@/bad.qcow2"}}) {
      ToolOutput real = twins.real("qemu-img", "", "compare", pair[0], pair[1]);
      ToolOutput ours = twins.ours("qemu-img", "", "compare", pair[0], pair[1]);
      assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(3);
      String last = "Sector allocation test failed for @/bad.qcow2\n";
      assertThat(ours.stdout()).isEqualTo(real.stdout());
      assertThat(ours.stderr()).endsWith(last);
      assertThat(real.stderr()).endsWith(last);
    }
  }

  @Test
  void brokenCompressedDataCannotBeRead() throws IOException {
    twins.prepare("qemu-img", "convert", "-c", "-O", "qcow2", "@/data4.qcow2", "@/c.qcow2");
    byte[] bytes = Files.readAllBytes(twins.shared("c.qcow2"));
    java.util.Arrays.fill(bytes, 0x50000, bytes.length, (byte) 0xff);
    Files.write(twins.shared("c.qcow2"), bytes);
    ToolOutput real = twins.real("qemu-img", "", "compare", "@/c.qcow2", "@/data4.qcow2");
    ToolOutput ours = twins.ours("qemu-img", "", "compare", "@/c.qcow2", "@/data4.qcow2");
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(4);
    String last = "Error while reading offset 1048576 of @/c.qcow2: Input/output error\n";
    assertThat(real.stderr()).endsWith(last);
    assertThat(ours.stderr()).endsWith(last);
  }
}
