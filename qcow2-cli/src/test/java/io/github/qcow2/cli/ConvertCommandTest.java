package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class ConvertCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/a.qcow2", "8M");
    twins.prepare(
        "qemu-io",
        "-c",
        "write -P 1 64k 128k",
        "-c",
        "write -P 2 1M 4k",
        "-c",
        "write -P 0 3M 64k",
        "-c",
        "write -z 4M 64k",
        "-c",
        "write -P 3 5000000 200000",
        "@/a.qcow2");
    twins.prepare("qemu-img", "convert", "-O", "raw", "@/a.qcow2", "@/a.raw");
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "@/small.raw", "1M");
  }

  /** Converts with both tools, and wants targets that qemu-img finds equal and in order. */
  private void assertSameCopy(String format, String... arguments) throws IOException {
    ToolOutput output = twins.assertSame(arguments);
    assertThat(output.exitCode()).as("%s", output).isZero();
    Path ours = twins.ours("t");
    Path real = twins.real("t");
    assertThat(run("compare", "-f", format, "-F", format, ours.toString(), real.toString()))
        .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
    if (format.equals("qcow2")) {
      assertThat(run("check", "-f", format, ours.toString()).exitCode()).isZero();
      assertThat(allocation(ours)).isEqualTo(allocation(real));
    } else {
      assertThat(ours).hasSize(Files.size(real));
    }
  }

  private static ToolOutput run(String... arguments) throws IOException {
    return RealTool.run("qemu-img", "", arguments);
  }

  /** The map without places in the file. */
  private static String allocation(Path image) throws IOException {
    return run("map", "--output=json", image.toString())
        .stdout()
        .replaceAll(", \"offset\": [0-9]+", "");
  }

  @Test
  void rawToQcow2AndBack() throws IOException {
    assertSameCopy("qcow2", "convert", "-O", "qcow2", "@/a.raw", "%/t");
    assertSameCopy("raw", "convert", "@/a.qcow2", "%/t");
    assertSameCopy("raw", "convert", "-f", "qcow2", "-O", "raw", "@/a.qcow2", "%/t");
    assertSameCopy("qcow2", "convert", "-q", "-O", "qcow2", "@/a.qcow2", "%/t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"cluster_size=4k", "compat=0.10", "extended_l2=on", "lazy_refcounts=on,size=1M"})
  void optionsOfTheTarget(String options) throws IOException {
    assertSameCopy("qcow2", "convert", "-O", "qcow2", "-o", options, "@/a.qcow2", "%/t");
    ToolOutput ours = run("info", twins.ours("t").toString());
    ToolOutput real = run("info", twins.real("t").toString());
    assertThat(ours.stdout().replaceAll("(?m)^(image|disk size): .*", ""))
        .isEqualTo(real.stdout().replaceAll("(?m)^(image|disk size): .*", ""));
  }

  @ParameterizedTest
  @ValueSource(strings = {"0", "512", "4k", "64k", "1M", "16M"})
  void sparseDetection(String size) throws IOException {
    ToolOutput output = twins.assertSame("convert", "-S", size, "-O", "qcow2", "@/a.qcow2", "%/t");
    assertThat(output.exitCode()).isZero();
    assertThat(run("compare", twins.ours("t").toString(), twins.shared("a.qcow2").toString()))
        .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
    if (size.equals("0")) {
      assertThat(allocation(twins.ours("t"))).isEqualTo(allocation(twins.real("t")));
    }
  }

  @Test
  void hintsForTheSchedulerChangeNothing() throws IOException {
    assertSameCopy(
        "raw", "convert", "-m", "16", "-W", "-t", "none", "-T", "none", "-U", "@/a.qcow2", "%/t");
  }

  @Test
  void severalSourcesAreJoined() throws IOException {
    Files.write(twins.shared("odd.raw"), new byte[] {1, 2, 3});
    assertSameCopy(
        "qcow2",
        "convert",
        "-O",
        "qcow2",
        "@/a.qcow2",
        "@/small.raw",
        "@/odd.raw",
        "@/a.raw",
        "%/t");
  }

  @Test
  void oddLengthIsRoundedUp() throws IOException {
    byte[] bytes = new byte[1000];
    java.util.Arrays.fill(bytes, (byte) 5);
    Files.write(twins.shared("odd.raw"), bytes);
    assertSameCopy("qcow2", "convert", "-O", "qcow2", "@/odd.raw", "%/t");
    assertSameCopy("raw", "convert", "@/odd.raw", "%/t");
  }

  @Test
  void emptyDisk() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/e.qcow2", "0");
    assertSameCopy("raw", "convert", "-p", "@/e.qcow2", "%/t");
    assertSameCopy("qcow2", "convert", "-O", "qcow2", "@/e.qcow2", "%/t");
  }

  @Test
  void existingTargetKeepsWhatLiesBeyondTheSource() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/t", "10M");
    twins.prepare("qemu-io", "-c", "write -P 9 0 10M", "%/t");
    assertSameCopy("qcow2", "convert", "-n", "-O", "qcow2", "@/a.qcow2", "%/t");
    assertThat(
            RealTool.run("qemu-io", "", "-c", "read -P 9 8M 2M", twins.ours("t").toString())
                .exitCode())
        .isZero();
  }

  @Test
  void existingRawTarget() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/t", "10M");
    twins.prepare("qemu-io", "-f", "raw", "-c", "write -P 9 0 10M", "%/t");
    assertSameCopy("raw", "convert", "-n", "-O", "raw", "@/a.qcow2", "%/t");
  }

  @Test
  void targetThatIsZeroKeepsItsHoles() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/t", "8M");
    assertSameCopy("qcow2", "convert", "-n", "--target-is-zero", "-O", "qcow2", "@/a.raw", "%/t");
  }

  @Test
  void overlayIsCopiedWithoutWhatItsBackingFileHolds() throws IOException {
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/o.qcow2");
    twins.prepare(
        "qemu-io",
        "-c",
        "write -P 6 64k 64k",
        "-c",
        "write -z 1M 64k",
        "-c",
        "write -P 0 2M 64k",
        "-c",
        "write -P 7 8323072 64k",
        "@/o.qcow2");
    assertSameCopy(
        "qcow2", "convert", "-O", "qcow2", "-B", "@/a.qcow2", "-F", "qcow2", "@/o.qcow2", "%/t");
    assertSameCopy(
        "qcow2",
        "convert",
        "-O",
        "qcow2",
        "-o",
        "backing_file=@/a.qcow2,backing_fmt=qcow2",
        "@/o.qcow2",
        "%/t");
    assertSameCopy(
        "qcow2",
        "convert",
        "-n",
        "-O",
        "qcow2",
        "-B",
        "@/a.qcow2",
        "-F",
        "qcow2",
        "@/o.qcow2",
        "%/t");
  }

  /** qemu-img makes both files and then fails at the first write. */
  @Test
  void compressedDataCannotGoIntoADataFileAndNothingIsMade() {
    ToolOutput ours =
        twins.ours(
            "qemu-img",
            "",
            "convert",
            "-c",
            "-O",
            "qcow2",
            "-o",
            "data_file=%/d",
            "@/a.raw",
            "%/t");
    assertThat(ours.exitCode()).isEqualTo(1);
    assertThat(ours.stderr()).contains("external data file");
    assertThat(twins.ours("t")).doesNotExist();
    assertThat(twins.ours("d")).doesNotExist();
  }

  /** With -B only the top layer is copied, whatever is between it and the new backing file. */
  @Test
  void layersBetweenTheTopAndTheNewBackingFileAreLeftOutAsByQemu() throws IOException {
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/m.qcow2");
    twins.prepare("qemu-io", "-c", "write -P 6 64k 64k", "@/m.qcow2");
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "m.qcow2", "-F", "qcow2", "@/o.qcow2");
    twins.prepare("qemu-io", "-c", "write -P 7 1M 64k", "@/o.qcow2");
    assertSameCopy(
        "qcow2", "convert", "-O", "qcow2", "-B", "@/a.qcow2", "-F", "qcow2", "@/o.qcow2", "%/t");
  }

  @ParameterizedTest
  @ValueSource(strings = {"s1", "2", "snapshot.id=1", "snapshot.name=s2"})
  void internalSnapshot(String snapshot) throws IOException {
    twins.prepare("qemu-img", "snapshot", "-c", "s1", "@/a.qcow2");
    twins.prepare("qemu-io", "-c", "write -P 8 0 1M", "@/a.qcow2");
    twins.prepare("qemu-img", "snapshot", "-c", "s2", "@/a.qcow2");
    twins.prepare("qemu-io", "-c", "write -P 9 0 1M", "@/a.qcow2");
    assertSameCopy("qcow2", "convert", "-l", snapshot, "-O", "qcow2", "@/a.qcow2", "%/t");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-O foo @/a.raw %/t",
        "@/nofile %/t",
        "-f foo @/a.qcow2 %/t",
        "-f qcow2 @/a.raw %/t",
        "-O qcow2 @/a.raw %/nonexistent/t",
        "@/a.raw %/nonexistent/t",
        "-O qcow2 -o foo=1 @/a.raw %/t",
        "-O qcow2 -o cluster_size=4000 @/a.raw %/t",
        "-n -O qcow2 @/a.raw %/nofile",
        "-n -O foo @/a.raw @/small.raw",
        "-n -O raw @/a.raw @/small.raw",
        "-O qcow2 -B a.qcow2 @/a.raw %/t",
        "-O qcow2 -o backing_file=a.qcow2 @/a.raw %/t",
        "-O qcow2 -F qcow2 @/a.raw %/t",
        "-O raw -B a.qcow2 -F qcow2 @/a.raw %/t",
        "-O qcow2 -B @/a.qcow2 -F foo @/a.raw %/t",
        "-O qcow2 -B @/a.qcow2 -F qcow2 @/a.raw @/a.raw %/t",
        "-l nosuch @/a.qcow2 %/t",
        "-l snapshot.foo=1 @/a.qcow2 %/t",
        "-l s1 @/a.raw %/t",
        "-l s1 @/a.qcow2 @/a.qcow2 %/t",
        "-t foo @/a.raw %/t",
        "@/a.raw foo:%/t",
        "-O qcow2 @/a.qcow2 @/a.qcow2",
        "-O qcow2 @/a.raw @/a.raw",
      })
  void refusalIsThatOfQemuImg(String line) throws IOException {
    assertThat(twins.assertSame(("convert " + line).split(" ", -1)).exitCode()).isEqualTo(1);
  }

  @Test
  void sourceIsNotOverwrittenThroughALinkOrItsOverlay() throws IOException {
    byte[] before = Files.readAllBytes(twins.shared("a.qcow2"));
    Files.createSymbolicLink(twins.shared("link"), twins.shared("a.qcow2"));
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/o.qcow2");
    twins.assertSame("convert", "-O", "qcow2", "@/a.qcow2", "@/link");
    twins.assertSame("convert", "-O", "qcow2", "@/o.qcow2", "@/a.qcow2");
    assertThat(Files.readAllBytes(twins.shared("a.qcow2"))).isEqualTo(before);
  }

  @Test
  void progressGoesFromNothingToAll() {
    ToolOutput output =
        twins.ours("qemu-img", "", "convert", "-p", "-O", "qcow2", "@/a.raw", "%/t");
    assertThat(output.stdout()).matches("(    \\(\\d+\\.\\d\\d/100%\\)\r)+\n");
    assertThat(output.stdout()).startsWith("    (0.00/100%)\r").endsWith("    (100.00/100%)\r\n");
    assertThat(twins.ours("qemu-img", "", "convert", "-p", "-q", "@/a.raw", "%/t").stdout())
        .isEmpty();
  }

  @Test
  void brokenSourceIsReported() throws IOException {
    byte[] bytes = Files.readAllBytes(twins.shared("a.qcow2"));
    bytes[0x40000 + 8 + 6] |= 2;
    Files.write(twins.shared("bad.qcow2"), bytes);
    ToolOutput real = twins.real("qemu-img", "", "convert", "@/bad.qcow2", "%/t");
    ToolOutput ours = twins.ours("qemu-img", "", "convert", "@/bad.qcow2", "%/t");
    String last = "error while reading block status at offset 65536: Input/output error\n";
    assertThat(real.stderr()).endsWith(last);
    assertThat(ours.stderr()).endsWith(last);
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(1);
  }

  @Test
  void rateLimitIsRefusedBeforeAFileIsMade() {
    ToolOutput output =
        twins.ours("qemu-img", "", "convert", "-r", "1M", "-O", "qcow2", "@/a.raw", "%/t");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).isEqualTo("qemu-img: Option '-r' is not supported\n");
    assertThat(twins.ours("t")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-o cluster_size=4k",
        "-o cluster_size=2M",
        "-o compat=0.10",
        "-o extended_l2=on",
        "-o compression_type=zstd",
        "-S 0",
        "-W -m 4"
      })
  void compressedCopy(String options) throws IOException {
    List<String> arguments = new ArrayList<>(List.of("convert", "-c", "-O", "qcow2"));
    if (!options.isEmpty()) {
      arguments.addAll(List.of(options.split(" ")));
    }
    arguments.addAll(List.of("@/a.qcow2", "%/t"));
    assertSameCopy("qcow2", arguments.toArray(String[]::new));
    assertThat(Files.size(twins.ours("t")))
        .isLessThan(Files.size(twins.real("t")) * 11 / 10 + 4096);
  }

  @Test
  void compressedCopyOntoABackingFile() throws IOException {
    twins.prepare(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "cluster_size=4k",
        "-b",
        "a.raw",
        "-F",
        "raw",
        "@/o.qcow2");
    twins.prepare("qemu-io", "-c", "write -P 9 68k 4k", "-c", "write -P 8 5M 12k", "@/o.qcow2");
    twins.prepare("qemu-img", "convert", "-O", "raw", "@/a.raw", "%/a.raw");
    assertSameCopy(
        "qcow2", "convert", "-c", "-O", "qcow2", "-B", "a.raw", "-F", "raw", "@/o.qcow2", "%/t");
  }

  @Test
  void compressionIsRefusedWhereThereIsNone() throws IOException {
    twins.assertSame("convert", "-c", "-O", "raw", "@/a.qcow2", "%/t");
    twins.assertSame("convert", "-c", "-n", "-O", "raw", "@/a.qcow2", "%/t");
  }

  @Test
  void untrustedSourceOpensNoOtherFile() throws IOException {
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/o.qcow2");
    ToolOutput output = twins.ours("qemu-img", "", "convert", "--untrusted", "@/o.qcow2", "%/t");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).contains("a.qcow2");
    assertThat(twins.ours("t")).doesNotExist();
  }

  @Test
  void copyByTheHostGivesTheSameContent() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "@/c.raw", "9M");
    twins.prepare("qemu-io", "-f", "raw", "-c", "write -P 7 1M 3M", "-c", "write 5M 1M", "@/c.raw");
    twins.prepare("qemu-img", "convert", "-O", "qcow2", "@/c.raw", "@/c.qcow2");
    for (String source : new String[] {"@/c.raw", "@/c.qcow2"}) {
      for (String format : new String[] {"raw", "qcow2"}) {
        twins.assertSame("convert", "-C", "-O", format, source, "%/t");
        twins.prepare("qemu-img", "compare", "-F", format, "@/c.raw", "%/t");
      }
    }
    twins.assertSame("convert", "-C", "-c", "-O", "qcow2", "@/c.raw", "%/u");
    twins.assertSame("convert", "-C", "-S", "4k", "-O", "raw", "@/c.raw", "%/u");
    twins.assertSame("convert", "-C", "-S", "4k", "-c", "@/c.raw");
    assertThat(twins.ours("u")).doesNotExist();
  }

  @Test
  void copyThatIsStoppedLeavesNoPartBehind() throws Exception {
    Path big = twins.shared("big.raw");
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "@/big.raw", "16G");
    Path target = twins.ours("t");
    Process process =
        new ProcessBuilder(
                List.of(
                    Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                    "-cp",
                    System.getProperty("java.class.path"),
                    // Without knowing of holes there is enough to read.
                    "-Dqcow2.hostFiles=portable",
                    Main.class.getName(),
                    "convert",
                    "-S",
                    "512",
                    "-p",
                    "-O",
                    "qcow2",
                    big.toString(),
                    target.toString()))
            .start();
    // Progress means that the copy is under way and the target exists.
    assertThat(process.getInputStream().readNBytes(40)).hasSize(40);
    assertThat(target).exists();
    process.toHandle().destroy();
    String errors = new String(process.getErrorStream().readAllBytes(), StandardCharsets.UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(errors).contains("stopped; '" + target + "' has been removed");
    assertThat(process.exitValue()).isEqualTo(128 + 15);
    assertThat(target).doesNotExist();
  }

  @ParameterizedTest
  @CsvSource({"zlib, 9", "zstd, 19"})
  void compressionLevelChangesTheSizeAndNothingElse(String type, String best) throws IOException {
    StringBuilder text = new StringBuilder();
    for (int i = 0; text.length() < 1 << 20; i++) {
      text.append("line ").append(i * 7919L % 1000).append(" of some text ").append(i).append('\n');
    }
    Files.writeString(twins.shared("text"), text);
    String[] levels = {"1", best};
    for (String level : levels) {
      ToolOutput output =
          twins.ours(
              "qemu-img",
              "",
              ("convert -c -O qcow2 --compression-level=" + level + " -o compression_type=" + type)
                  .concat(" -f raw @/text %/" + level)
                  .split(" ", -1));
      assertThat(output).isEqualTo(new ToolOutput(0, "", ""));
      assertThat(
              RealTool.run(
                      "qemu-img",
                      "",
                      "compare",
                      "-f",
                      "raw",
                      twins.shared("text").toString(),
                      twins.ours(level).toString())
                  .exitCode())
          .isZero();
    }
    assertThat(Files.size(twins.ours(best))).isNotEqualTo(Files.size(twins.ours("1")));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "convert --compression-level=3 -O qcow2 @/text %/t",
        "convert -c --compression-level=0 -O qcow2 @/text %/t",
        "convert -c --compression-level=99 -O qcow2 @/text %/t",
        "convert -c --compression-level=x -O qcow2 @/text %/t",
      })
  void compressionLevelThatMakesNoSenseIsRefused(String line) throws IOException {
    Files.writeString(twins.shared("text"), "text");
    ToolOutput output = twins.ours("qemu-img", "", line.split(" ", -1));
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).containsIgnoringCase("compression").contains("level");
    assertThat(twins.ours("t")).doesNotExist();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "convert -c -O qcow2 -o preallocation=metadata @/some %/t",
        "convert -c -O qcow2 -o preallocation=bad @/some %/t",
        "convert -O qcow2 -o preallocation=bad @/some %/t",
        "convert -O raw -o preallocation=bad @/some %/t",
        "convert -O raw -o preallocation=metadata @/some %/t",
        "convert -O qcow2 -o preallocation=full @/some %/t",
        "convert -O qcow2 -o preallocation=metadata @/some %/t",
        "convert -O raw -o preallocation=falloc @/some %/t",
      })
  void preallocationOfTheTarget(String line) throws IOException {
    Files.write(twins.shared("some"), new byte[1 << 20]);
    ToolOutput output = twins.assertSame(line.replace("convert", "convert -f raw").split(" ", -1));
    if (output.exitCode() == 0) {
      assertThat(RealTool.run("qemu-img", "", "info", twins.ours("t").toString()).stdout())
          .contains("virtual size: 1 MiB");
      assertThat(Files.size(twins.ours("t"))).isEqualTo(Files.size(twins.real("t")));
    }
  }
}
