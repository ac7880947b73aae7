package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.OS;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class IoCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/a.qcow2", "4M");
  }

  /** Runs commands on both images, wants the same output, and then the same content. */
  private ToolOutput assertSameSession(String... commands) throws IOException {
    List<String> arguments = new ArrayList<>();
    for (String command : commands) {
      arguments.add("-c");
      arguments.add(command);
    }
    arguments.add("%/a.qcow2");
    ToolOutput output = twins.assertSameIo(arguments.toArray(String[]::new));
    assertSameContent();
    return output;
  }

  private void assertSameContent() throws IOException {
    String ours = twins.ours("a.qcow2").toString();
    String real = twins.real("a.qcow2").toString();
    assertThat(RealTool.run("qemu-img", "", "compare", ours, real))
        .isEqualTo(new ToolOutput(0, "Images are identical.\n", ""));
    assertThat(RealTool.run("qemu-img", "", "check", ours).exitCode()).isZero();
  }

  @Test
  void patternsAreWrittenAndVerified() throws IOException {
    ToolOutput output =
        assertSameSession(
            "write 64k 64k",
            "read -P 0xcd 64k 64k",
            "read -P 205 64k 64k",
            "write -P 1 1M 4k",
            "write -P 0x02 1028k 100",
            "write -P 010 3 5",
            "read -P 8 3 5",
            "read -P 0 8 1000",
            "w -P 7 2M 1k",
            "r -P 7 2M 1k",
            "read 0 0",
            "write 0 0",
            "read 1.5k 1k");
    assertThat(output.exitCode()).isZero();
  }

  @Test
  void compressedWrites() throws IOException {
    assertSameSession(
        "write -c -P 1 0 64k",
        "write -cf -P 2 128k 128k",
        "write -c -P 2 128k 128k",
        "write -c -P 3 512 64k",
        "write -c -P 3 100 64k",
        "write -c -P 3 64k 100",
        "write -c -P 3 64k 4k",
        "write -c -P 3 4M 64k",
        "write -c -z 0 64k",
        "read -P 0 0 64k",
        "read -P 2 128k 128k");
  }

  @Test
  void rawImagesHoldNoCompressedData() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/a.raw", "1M");
    twins.assertSameIo("-f", "raw", "-c", "write -c -P 1 0 64k", "%/a.raw");
  }

  /** Replays the log by itself: it must lead from the image before to the image after. */
  @Test
  void logOfWritesLeadsFromTheImageBeforeToTheImageAfter() throws IOException {
    byte[] before = Files.readAllBytes(twins.ours("a.qcow2"));
    ToolOutput output =
        twins.ours(
            "qemu-io",
            "",
            "--log-writes",
            "%/log",
            "-n",
            "-c",
            "write -P 1 0 100k",
            "-c",
            "flush",
            "-c",
            "write -P 2 1M 3k",
            "-c",
            "discard 0 64k",
            "%/a.qcow2");
    assertThat(output.exitCode()).as("%s", output).isZero();
    ByteBuffer log =
        ByteBuffer.wrap(Files.readAllBytes(twins.ours("log"))).order(ByteOrder.LITTLE_ENDIAN);
    assertThat(log.getLong(0)).isEqualTo(0x6a736677736872L);
    assertThat(log.getLong(8)).isEqualTo(1);
    assertThat(log.getInt(24)).isEqualTo(512);
    byte[] replayed = Arrays.copyOf(before, (int) Files.size(twins.ours("a.qcow2")));
    int flushes = 0;
    int discards = 0;
    int at = 512;
    for (long entry = 0; entry < log.getLong(16); entry++) {
      int position = (int) log.getLong(at) * 512;
      int length = (int) log.getLong(at + 8) * 512;
      long flags = log.getLong(at + 16);
      at += 512;
      if (flags == 0) {
        log.get(at, replayed, position, Math.min(length, replayed.length - position));
        at += length;
      } else if (flags == 4) {
        Arrays.fill(replayed, position, Math.min(position + length, replayed.length), (byte) 0);
        discards++;
      } else if (flags == 1) {
        flushes++;
      }
    }
    if (OS.LINUX.isCurrentOs()) {
      assertThat(discards).as("clusters given back").isEqualTo(1);
    }
    assertThat(at).isEqualTo(log.capacity());
    assertThat(flushes).isGreaterThanOrEqualTo(4);
    assertThat(replayed).isEqualTo(Files.readAllBytes(twins.ours("a.qcow2")));
    assertThat(replayed).isNotEqualTo(before);
  }

  @Test
  void logThatCannotBeMadeIsReportedAndNothingIsOpened() throws IOException {
    byte[] before = Files.readAllBytes(twins.ours("a.qcow2"));
    ToolOutput output =
        twins.ours("qemu-io", "", "--log-writes", "%/no/log", "-c", "write 0 64k", "%/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).contains("no/log");
    assertThat(twins.ours("a.qcow2")).hasBinaryContent(before);
  }

  @Test
  void wrongPatternFailsTheRunButNotTheSession() throws IOException {
    ToolOutput output =
        assertSameSession(
            "write -P 1 0 64k",
            "read -P 2 0 64k",
            "read -P 1 65000 1000",
            "read -P 1 0 512",
            "read -v -P 9 0 20",
            "read -q -P 9 0 20");
    assertThat(output.exitCode()).isEqualTo(1);
  }

  @Test
  void partOfARangeMayBeVerified() throws IOException {
    assertSameSession(
        "write -P 5 1000 500",
        "read -P 5 -s 1000 -l 500 0 2000",
        "read -P 5 -s 999 -l 500 0 2000",
        "read -P 5 -s 1000 -l 501 0 2000",
        "read -P 0 -s 1500 0 2000",
        "read -P 5 -l 1 1000 9",
        "read -P 1 -l 0 0 10",
        "read -P 1 -s 10 0 10",
        "read -P 1 -s 11 0 10",
        "read -P 1 -s 5 -l 6 0 10");
  }

  @Test
  void bytesAreDumped() throws IOException {
    Files.write(
        twins.shared("pattern"),
        "ABCDEFGHIJ\u0000\u0001\u001f ~\u007f\u0080\u00ff\n\tz"
            .getBytes(StandardCharsets.ISO_8859_1));
    assertSameSession(
        "write -s @/pattern 0 48".replace("@", twins.shared("").toString()),
        "read -v 0 48",
        "read -v 3 17",
        "read -v 4094k 16",
        "read -vq 0 16",
        "read -C -v 0 16",
        "read -v 0 1");
  }

  @Test
  void patternFileIsRepeated() throws IOException {
    byte[] pattern = new byte[1000];
    for (int i = 0; i < pattern.length; i++) {
      pattern[i] = (byte) (i * 7);
    }
    Files.write(twins.shared("pattern"), pattern);
    String file = twins.shared("pattern").toString();
    assertSameSession("write -s " + file + " 5 70001", "write -s " + file + " 1M 999");
  }

  @Test
  void zeroesAreWrittenAndDiscarded() throws IOException {
    assertSameSession(
        "write -P 1 0 512k",
        "write -z 0 64k",
        "write -zu 64k 64k",
        "write -z -u 128k 64k",
        "write -z 200000 5",
        "discard 256k 64k",
        "discard -q 320k 64k",
        "d 384k 64k",
        "flush",
        "map",
        "read -P 0 0 192k",
        "read -P 0 256k 192k",
        "alloc 0 4M");
  }

  @Test
  void allocationIsCounted() throws IOException {
    assertSameSession(
        "write 64k 128k",
        "alloc 0",
        "alloc 64k",
        "alloc 64k 64k",
        "alloc 64k 1M",
        "alloc 0 4M",
        "a 0 1M",
        "alloc 4M 1",
        "alloc 5M",
        "alloc 100 1",
        "alloc 10",
        "alloc 65000 1000",
        "map",
        "length",
        "l");
  }

  @Test
  void onlyTheImageItselfCountsAsAllocated() throws IOException {
    twins.prepare("qemu-io", "-c", "write 0 1M", "%/a.qcow2");
    twins.prepare(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-b",
        "a.qcow2",
        "-F",
        "qcow2",
        "%/o.qcow2",
        "8M");
    twins.assertSameIo(
        "-c",
        "write 512k 64k",
        "-c",
        "write -z 6M 64k",
        "-c",
        "map",
        "-c",
        "alloc 0 8M",
        "-c",
        "read -P 0xcd 0 1M",
        "%/o.qcow2");
  }

  @Test
  void numbersForProgramsAreCommaSeparated() throws IOException {
    assertSameSession("write -C 0 64k", "read -C 0 64k", "discard -C 0 64k");
  }

  @Test
  void rawDiskGrowsAndShrinks() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/a.raw", "1M");
    List<String> arguments = new ArrayList<>(List.of("-f", "raw"));
    for (String command :
        List.of(
            "write -P 3 0 1M",
            "truncate 2M",
            "read -P 0 1M 1M",
            "truncate -m metadata 3M",
            "truncate -m full 1M",
            "truncate 512k",
            "length",
            "truncate -m falloc 1M",
            "read -P 0 512k 512k",
            "truncate 1000",
            "length")) {
      arguments.addAll(List.of("-c", command));
    }
    arguments.add("%/a.raw");
    twins.assertSameIo(arguments.toArray(String[]::new));
  }

  @Test
  void diskGrows() throws IOException {
    ToolOutput output = assertSameSession("truncate 8M", "length", "truncate -m off 16M", "t 16M");
    assertThat(output.exitCode()).isZero();
    assertSameSession("truncate -m bad 32M", "truncate -m metadata 1M", "length");
    assertSameSession("write -P 3 1M 1M", "truncate 1536k", "length", "truncate 0", "length");
    assertSameSession("truncate -m falloc 4M", "map", "read -P 0 0 4M");
    assertSameSession("truncate -m full 5M", "truncate -m metadata 6M", "map");
    assertSameSession("truncate 1000", "truncate x", "truncate", "truncate 1 2");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "read",
        "read 0",
        "read 0 x",
        "read x 0",
        "read -x 0 1",
        "read --foo 0 1",
        "read -P",
        "read -Px 0 1",
        "read 0 512 7",
        "read 0 -1",
        "read -1 0",
        "read 0 3G",
        "read 5M 1k",
        "read 4194303 2",
        "read 0 99999999999999999999999",
        "read 9223372036854775808 1",
        "read 9223372036854775807 1",
        "read -s 5 0 10",
        "read -l 5 0 10",
        "read -s x -P 1 0 1",
        "read -l x -P 1 0 1",
        "write",
        "write 0",
        "write 0 x",
        "write -P 300 0 1",
        "write -P 0x100 0 1",
        "write -P -1 0 1",
        "write -P 0xfg 0 1",
        "write -P 1k 0 1",
        "write -P '1' 0 1",
        "write -u 0 64k",
        "write -z -P 1 0 64k",
        "write -z -s x 0 1",
        "write 5M 1k",
        "write 4M 1",
        "write 0 3G",
        "write 0 512 7",
        "write -s /nonexistent/x 0 1",
        "write -s /dev/null 0 1",
        "write -s / 0 1",
        "discard",
        "discard 0",
        "discard 0 x",
        "discard 5M 64k",
        "discard -x 1 1",
        "discard 0 512 7",
        "discard 0 3G",
        "flush a",
        "length 1",
        "map 1",
        "alloc",
        "alloc x",
        "alloc 0 x",
        "alloc 0 1 2",
        "alloc -1",
        "foo",
        "rea 0 1",
        "help foo",
        "? foo",
        "length;length",
        "abort 1"
      })
  void misuseIsReportedAsQemuIoReportsIt(String command) throws IOException {
    ToolOutput real = twins.real("qemu-io", "", "-c", command, "-c", "length", "%/a.qcow2");
    ToolOutput ours = twins.ours("qemu-io", "", "-c", command, "-c", "length", "%/a.qcow2");
    assertThat(withoutUsage(ours)).isEqualTo(withoutUsage(real));
    assertThat(ours.exitCode()).isEqualTo(1);
  }

  /** Which options a command has is not the same in both. */
  private static ToolOutput withoutUsage(ToolOutput output) {
    return output.map(text -> text.replaceAll("(?m)^([a-z]+) .* -- .*$", "$1 USAGE"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "   ", "  length  ", "quit", "q", "quit 3", "flush"})
  void commandThatIsFineExitsWithZero(String command) throws IOException {
    assertThat(assertSameSession(command).exitCode()).isZero();
  }

  @Test
  void quitEndsTheSession() throws IOException {
    assertSameSession("length", "quit", "foo");
    assertSameSession("foo", "quit");
  }

  @Test
  void commandsAreReadFromStandardInput() throws IOException {
    for (String input :
        new String[] {
          "length\nread 0 512\nfoo\nread -P 1 0 512\n\nquit\nlength\n",
          "length\nwrite -P 5 0 64k",
          "",
          "quit\n",
          "#foo\n  \n\n"
        }) {
      twins.assertSameIo(new String[] {"%/a.qcow2"}, input);
      assertSameContent();
    }
    twins.assertSameIo(new String[] {}, "quit\n");
  }

  @Test
  void readOnlyImageIsNotChanged() throws IOException {
    byte[] before = Files.readAllBytes(twins.ours("a.qcow2"));
    twins.assertSameIo(
        "-r",
        "-c",
        "write 0 512",
        "-c",
        "write -z 0 512",
        "-c",
        "discard 0 512",
        "-c",
        "truncate 8M",
        "-c",
        "flush",
        "-c",
        "write",
        "-c",
        "write -x 1 1",
        "-c",
        "length",
        "%/a.qcow2");
    assertThat(Files.readAllBytes(twins.ours("a.qcow2"))).isEqualTo(before);
  }

  @Test
  void snapshotModeForgetsEverything() throws IOException {
    byte[] before = Files.readAllBytes(twins.ours("a.qcow2"));
    twins.assertSameIo(
        "-s",
        "-c",
        "write -P 5 100k 100k",
        "-c",
        "read -P 5 100k 100k",
        "-c",
        "read -P 0 0 100k",
        "%/a.qcow2");
    assertThat(Files.readAllBytes(twins.ours("a.qcow2"))).isEqualTo(before);
  }

  @Test
  void rawImage() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/a.raw", "1M");
    twins.assertSameIo(
        "-f",
        "raw",
        "-c",
        "write 10 5",
        "-c",
        "read -v 0 32",
        "-c",
        "write -z 0 512",
        "-c",
        "write 1048570 100",
        "-c",
        "length",
        "-c",
        "map",
        "-c",
        "alloc 0 1M",
        "%/a.raw");
    assertThat(Files.readAllBytes(twins.ours("a.raw")))
        .isEqualTo(Files.readAllBytes(twins.real("a.raw")));
  }

  @Test
  void lengthThatIsNotAMultipleOf512IsRoundedUp() throws IOException {
    for (Path file : new Path[] {twins.ours("odd.raw"), twins.real("odd.raw")}) {
      Files.write(file, new byte[1000]);
    }
    twins.assertSameIo(
        "-f", "raw", "-c", "length", "-c", "write 990 34", "-c", "read 0 1024", "%/odd.raw");
  }

  /** What the guest of a raw image wrote must not be taken for another format the next time. */
  @Test
  void guessedRawImageCannotBeTurnedIntoAnotherFormat() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/a.raw", "1M");
    Files.write(twins.shared("magic"), new byte[] {'Q', 'F', 'I', (byte) 0xfb, 0, 0, 0, 3});
    Files.write(twins.shared("vmdk"), "KDMV".getBytes(StandardCharsets.US_ASCII));
    for (String pattern : new String[] {"magic", "vmdk"}) {
      String write = "write -s " + twins.shared(pattern) + " 0 512";
      twins.assertSameIo("-c", write, "-c", "write 512 512", "%/a.raw");
    }
    twins.assertSameIo(
        "-f",
        "raw",
        "-c",
        "write -s " + twins.shared("magic") + " 0 512",
        "-c",
        "length",
        "%/a.raw");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-c length %/nofile",
        "-c length @",
        "-c length foo:bar",
        "-f foo -c length %/a.qcow2",
        "-t foo -c length %/a.qcow2",
        "-d foo -c length %/a.qcow2",
        "-n -c length %/a.qcow2",
        "-t none -c length %/a.qcow2",
        "--cache=writeback -c length %/a.qcow2",
        "--cmd=length %/a.qcow2",
        "--cm length %/a.qcow2",
        "-clength %/a.qcow2",
        "-rclength %/a.qcow2",
        "-Urc length %/a.qcow2",
        "%/a.qcow2 -c length",
        "-c length -- %/a.qcow2",
        "-f raw -f qcow2 -c length %/a.qcow2",
      })
  void optionsAreThoseOfQemuIo(String line) throws IOException {
    twins.assertSameIo(line.split(" ", -1));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"-x", "--foo", "--ca", "--fo", "--nocache=3", "-f", "--format", "a b", "--help=3"})
  void misusedOptionIsReportedAsGlibcReportsIt(String line) throws IOException {
    ToolOutput real = twins.real("qemu-io", "", line.split(" ", -1));
    ToolOutput ours = twins.ours("qemu-io", "", line.split(" ", -1));
    assertThat(ours.stderr()).isEqualTo(real.stderr());
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(1);
    assertThat(ours.stdout()).startsWith("Usage: qemu-io [OPTIONS]... [-c STRING]... [file]\n");
    assertThat(real.stdout()).startsWith("Usage: qemu-io [OPTIONS]... [-c STRING]... [file]\n");
  }

  @Test
  void discardMayBeIgnored() throws IOException {
    twins.assertSameIo(
        "-d",
        "ignore",
        "-c",
        "write -P 5 0 64k",
        "-c",
        "discard 0 64k",
        "-c",
        "read -P 5 0 64k",
        "%/a.qcow2");
    twins.assertSameIo("-d", "unmap", "-c", "discard 0 64k", "-c", "read -P 0 0 64k", "%/a.qcow2");
  }

  @Test
  void everyCommandIsExplained() {
    ToolOutput all = twins.ours("qemu-io", "", "-c", "help", "%/a.qcow2");
    assertThat(all.exitCode()).isZero();
    for (String name :
        new String[] {
          "abort", "alloc", "discard", "flush", "length", "map", "read", "truncate", "write"
        }) {
      assertThat(all.stdout()).containsPattern("(?m)^" + name + " .*-- ");
      assertThat(twins.ours("qemu-io", "", "-c", "help " + name, "%/a.qcow2").stdout())
          .startsWith(name + " ");
    }
    assertThat(all.stdout()).contains("quit", "help");
  }

  @Test
  void requestLargerThanOnePieceIsCarriedOutWhole() throws IOException {
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/big.qcow2", "64M");
    byte[] pattern = new byte[3 << 10];
    pattern[1] = 1;
    Files.write(twins.shared("pattern"), pattern);
    twins.assertSameIo(
        "-c",
        "write -P 3 1000 40000000",
        "-c",
        "read -P 3 1000 40000000",
        "-c",
        "read -P 3 -s 1 1000 40000001",
        "-c",
        "write -s " + twins.shared("pattern") + " 7 40000001",
        "-c",
        "read -P 0 -s 2 -l 3000 7 40000001",
        "%/big.qcow2");
    assertThat(
            RealTool.run(
                    "qemu-img",
                    "",
                    "compare",
                    twins.ours("big.qcow2").toString(),
                    twins.real("big.qcow2").toString())
                .exitCode())
        .isZero();
  }

  @Test
  void untrustedOverlayIsRefused() throws IOException {
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "%/o.qcow2");
    ToolOutput output = twins.ours("qemu-io", "", "--untrusted", "-c", "read 0 512", "%/o.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stdout()).isEmpty();
    assertThat(output.stderr()).contains("can't open device").contains("a.qcow2");
  }

  @Test
  void brokenImageIsReportedAndTheSessionGoesOn() throws IOException {
    twins.prepare("qemu-io", "-c", "write 0 256k", "%/a.qcow2");
    byte[] bytes = Files.readAllBytes(twins.ours("a.qcow2"));
    bytes[0x40000 + 8 + 6] |= 2;
    Files.write(twins.ours("a.qcow2"), bytes);
    ToolOutput output =
        twins.ours(
            "qemu-io",
            "",
            "-r",
            "-c",
            "read 64k 512",
            "-c",
            "read -q 0 512",
            "-c",
            "map",
            "-c",
            "length",
            "%/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stdout()).startsWith("read failed: Input/output error\n").endsWith("4 MiB\n");
    assertThat(output.stderr()).contains("a.qcow2: offset 0x40008");
  }

  @ParameterizedTest
  @CsvSource({"writethrough,2", "directsync,2", "writeback,0", "none,0"})
  void abortLosesWhatTheCacheModeDidNotFlushAndNoMore(String cache, int second) throws Exception {
    assertThat(secondWriteAfterAbort("-t", cache)).isEqualTo(second);
  }

  @Test
  void changesAreFlushedAtOnceUnlessACacheModeSaysOtherwise() throws Exception {
    assertThat(secondWriteAfterAbort("-d", "unmap")).isEqualTo(2);
  }

  /** Aborts after a write of ones, a flush, and a write of twos; returns what the latter left. */
  private int secondWriteAfterAbort(String... options) throws Exception {
    Path image = twins.ours("a.qcow2");
    List<String> command = new ArrayList<>();
    command.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
    command.addAll(List.of("-cp", System.getProperty("java.class.path"), Main.class.getName()));
    command.add("io");
    command.addAll(List.of(options));
    for (String each : new String[] {"write -P 1 0 64k", "flush", "write -P 2 64k 64k", "abort"}) {
      command.addAll(List.of("-c", each));
    }
    command.add(image.toString());
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).isEqualTo(128 + 6);
    assertThat(RealTool.run("qemu-img", "", "check", image.toString()).exitCode()).isIn(0, 3);
    try (Qcow2Image opened = Qcow2Image.open(image).build()) {
      ByteBuffer bytes = ByteBuffer.allocate(128 << 10);
      opened.read(bytes, 0);
      assertThat(bytes.get(0)).isEqualTo((byte) 1);
      return bytes.get(64 << 10);
    }
  }
}
