package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class InfoCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
  }

  private void create(String... arguments) throws IOException {
    String[] all = new String[arguments.length + 2];
    all[0] = "create";
    all[1] = "-q";
    System.arraycopy(arguments, 0, all, 2, arguments.length);
    twins.prepare("qemu-img", all);
  }

  private void assertSameInfo(String image) throws IOException {
    assertThat(twins.assertSame("info", image).exitCode()).isZero();
    assertThat(twins.assertSame("info", "--output=json", image).exitCode()).isZero();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "cluster_size=64k",
        "cluster_size=512",
        "cluster_size=2M",
        "compat=0.10",
        "lazy_refcounts=on,extended_l2=on,cluster_size=128k,refcount_bits=32",
        "refcount_bits=1",
        "compression_type=zstd"
      })
  void qcow2Image(String options) throws IOException {
    create("-f", "qcow2", "-o", options, "@/a.qcow2", "100M");
    assertSameInfo("@/a.qcow2");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 511, 1000, 1536, 3 << 20})
  void rawFile(long size) throws IOException {
    create("-f", "raw", "@/a.raw", Long.toString(size));
    assertSameInfo("@/a.raw");
  }

  @Test
  void fileLengthThatIsNotAMultipleOf512IsRoundedUp() throws IOException {
    Files.write(twins.shared("a.raw"), new byte[1000]);
    assertSameInfo("@/a.raw");
  }

  @Test
  void formatMayBeGiven() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    create("-f", "raw", "@/a.raw", "1M");
    twins.assertSame("info", "-f", "raw", "@/a.qcow2");
    twins.assertSame("info", "-f", "qcow2", "@/a.raw");
    twins.assertSame("info", "-f", "foo", "@/a.raw");
    twins.assertSame("info", "--out", "json", "-U", "@/a.raw");
  }

  @Test
  void fileProtocolIsStripped() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    assertSameInfo("file:@/a.qcow2");
  }

  @Test
  void internalSnapshotsAreListed() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    twins.prepare("qemu-img", "snapshot", "-c", "s1", "@/a.qcow2");
    twins.prepare("qemu-img", "snapshot", "-c", "a \"name\" longer than its column", "@/a.qcow2");
    assertSameInfo("@/a.qcow2");
  }

  @Test
  void snapshotWithMachineStateShowsItsSizeAndClock() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    twins.prepare("qemu-img", "snapshot", "-c", "s1", "@/a.qcow2");
    Path image = twins.shared("a.qcow2");
    ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(image));
    int entry = (int) bytes.getLong(64);
    bytes.putInt(entry + 16, 1700000000).putInt(entry + 20, 123456789);
    bytes.putLong(entry + 24, (3 * 3600 + 25 * 60 + 7) * 1_000_000_000L + 123456789);
    bytes.putLong(entry + 40, 3000000);
    bytes.putLong(entry + 56, -1);
    Files.write(image, bytes.array());
    assertSameInfo("@/a.qcow2");

    bytes.putLong(entry + 24, (300 * 3600 + 25 * 60 + 7) * 1_000_000_000L + 999999999);
    bytes.putLong(entry + 40, 5L << 40);
    bytes.putLong(entry + 56, 123456);
    Files.write(image, bytes.array());
    assertSameInfo("@/a.qcow2");
  }

  @Test
  void bitmapsAreListed() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    twins.prepare("qemu-img", "bitmap", "--add", "@/a.qcow2", "b\"1");
    twins.prepare("qemu-img", "bitmap", "--add", "-g", "128k", "@/a.qcow2", "b2");
    twins.prepare("qemu-img", "bitmap", "--disable", "@/a.qcow2", "b2");
    assertSameInfo("@/a.qcow2");
  }

  @Test
  void dataFileIsNamedAndNeedNotExist() throws IOException {
    create("-f", "qcow2", "-o", "data_file=@/d.raw,data_file_raw=on", "@/a.qcow2", "1M");
    Files.delete(twins.shared("d.raw"));
    assertSameInfo("@/a.qcow2");
  }

  @Test
  void encryptedImageIsDescribed() throws IOException {
    create(
        "-f",
        "qcow2",
        "--object",
        "secret,id=s,data=abc",
        "-o",
        "encrypt.format=aes,encrypt.key-secret=s,backing_file=x,backing_fmt=raw",
        "-u",
        "@/a.qcow2",
        "1M");
    assertSameInfo("@/a.qcow2");
  }

  @ParameterizedTest
  @ValueSource(strings = {"b.raw", "../b.raw", "d/b.raw", "/abs/b.raw", "nbd://host/x", "json:{}"})
  void backingFileIsNamedWithItsPathAndNeedNotExist(String name) throws IOException {
    create("-u", "-f", "qcow2", "-b", name, "-F", "raw", "@/a.qcow2", "1M");
    assertSameInfo("@/a.qcow2");
  }

  @Test
  void dirtyAndCorruptAreShown() throws IOException {
    create("-f", "qcow2", "@/a.qcow2", "1M");
    for (long feature = 1; feature <= 3; feature++) {
      patch(twins.shared("a.qcow2"), 72, feature);
      assertSameInfo("@/a.qcow2");
    }
  }

  @Test
  void chainIsListedTopFirst() throws IOException {
    Files.createDirectory(twins.shared("d"));
    create("-f", "raw", "@/base.raw", "1M");
    create("-f", "qcow2", "-b", "../base.raw", "-F", "raw", "@/d/mid.qcow2");
    create("-f", "qcow2", "-b", "d/mid.qcow2", "-F", "qcow2", "@/top.qcow2", "2M");
    twins.assertSame("info", "--backing-chain", "@/top.qcow2");
    twins.assertSame("info", "--backing-chain", "--output=json", "@/top.qcow2");
    twins.assertSame("info", "--backing-chain", "--output=json", "@/base.raw");
  }

  @Test
  void chainWithAMissingLinkPrintsNothing() throws IOException {
    create("-u", "-f", "qcow2", "-b", "gone.raw", "-F", "raw", "@/a.qcow2", "1M");
    twins.assertSame("info", "--backing-chain", "@/a.qcow2");
    create("-u", "-f", "qcow2", "-b", "foo:x", "-F", "raw", "@/b.qcow2", "1M");
    twins.assertSame("info", "--backing-chain", "@/b.qcow2");
  }

  @Test
  void chainThatBitesItsTailEnds() throws IOException {
    create("-u", "-f", "qcow2", "-b", "b.qcow2", "-F", "qcow2", "@/a.qcow2", "1M");
    create("-u", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/b.qcow2", "1M");
    twins.assertSame("info", "--backing-chain", "@/a.qcow2");
  }

  @Test
  void untrustedImageLeadsToNoOtherFile() throws IOException {
    create("-f", "raw", "@/base.raw", "1M");
    create("-f", "qcow2", "-b", "base.raw", "-F", "raw", "@/a.qcow2");
    ToolOutput output =
        twins.ours("qemu-img", "", "info", "--untrusted", "--backing-chain", "@/a.qcow2");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stdout()).isEmpty();
    assertThat(output.stderr()).contains("base.raw").contains("not trusted");
    assertThat(twins.ours("qemu-img", "", "info", "--untrusted", "@/a.qcow2"))
        .isEqualTo(twins.ours("qemu-img", "", "info", "@/a.qcow2"));
  }

  @Test
  void escapeSequencesInNamesDoNotReachTheTerminal() throws IOException {
    create("-u", "-f", "qcow2", "-b", "a\u001b[31mb\u0001c", "-F", "raw", "@/a.qcow2", "1M");
    assertThat(twins.ours("qemu-img", "", "info", "@/a.qcow2").stdout())
        .contains("backing file: a\\x1b[31mb\\x01c (actual path: @/a\\x1b[31mb\\x01c)")
        .doesNotContain("\u001b");
    twins.assertSame("info", "--output=json", "@/a.qcow2");
    assertThat(twins.ours("qemu-img", "", "check", "@/a.qcow2").stderr()).doesNotContain("\u001b");
  }

  @Test
  void nameThatIsNotUtf8IsStillValidJson() throws IOException {
    create("-u", "-f", "qcow2", "-b", "a-x-b", "-F", "raw", "@/a.qcow2", "1M");
    Path image = twins.shared("a.qcow2");
    byte[] bytes = Files.readAllBytes(image);
    bytes[(int) ByteBuffer.wrap(bytes).getLong(8) + 2] = (byte) 0xff;
    Files.write(image, bytes);
    ToolOutput output = twins.assertSame("info", "--output=json", "@/a.qcow2");
    assertThat(output.stdout()).contains("\"backing-filename\": \"a-\\uFFFD-b\"");
  }

  @ParameterizedTest
  @ValueSource(strings = {"@/nofile", "@", "foo:bar", ""})
  void whatIsNoImageIsRefused(String name) throws IOException {
    twins.assertSame("info", name);
    twins.assertSame("info", "--output=json", name);
  }

  @ParameterizedTest
  @ValueSource(strings = {"qcow", "vmdk", "vdi", "vpc", "vhdx", "qed", "parallels"})
  void imageOfAnotherFormatIsNotTakenForRaw(String format) throws IOException {
    create("-f", format, "@/a", "1M");
    ToolOutput output = twins.ours("qemu-img", "", "info", "@/a");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stderr()).contains("File format '" + format + "' is not supported");
  }

  @Test
  @Timeout(60)
  void pipeIsRefusedRatherThanWaitedFor() throws IOException {
    twins.prepare("mkfifo", "@/pipe");
    create("-u", "-f", "qcow2", "-b", "pipe", "-F", "raw", "@/a.qcow2", "1M");
    for (String[] arguments :
        new String[][] {
          {"info", "@/pipe"},
          {"info", "-f", "raw", "@/pipe"},
          {"info", "--backing-chain", "@/a.qcow2"},
          {"check", "@/a.qcow2"},
          {"map", "@/a.qcow2"},
          {"create", "-f", "qcow2", "-b", "@/pipe", "%/t"}
        }) {
      ToolOutput output = twins.ours("qemu-img", "", arguments);
      assertThat(output.exitCode()).isEqualTo(1);
      assertThat(output.stderr()).startsWith("qemu-img: ").contains("only regular files");
    }
  }

  @Test
  void brokenHeaderIsRefused() throws IOException {
    create("-f", "qcow2", "@/good.qcow2", "1M");
    byte[] good = Files.readAllBytes(twins.shared("good.qcow2"));
    long[][] faults = {
      {72, 1L << 5},
      {72, 1L << 60},
      {40, 0x30008},
      {32, 0x0000000040000000L},
      {112, 0x123400011170L}
    };
    for (long[] fault : faults) {
      byte[] bad = good.clone();
      ByteBuffer.wrap(bad).putLong((int) fault[0], fault[1]);
      Files.write(twins.shared("bad.qcow2"), bad);
      twins.assertSameFault("info", "@/bad.qcow2");
      twins.assertSameFault("check", "@/bad.qcow2");
      twins.assertSameFault("map", "@/bad.qcow2");
    }
    Files.write(twins.shared("bad.qcow2"), java.util.Arrays.copyOf(good, 50));
    twins.assertSameFault("info", "@/bad.qcow2");
  }

  private static void patch(Path image, int offset, long value) throws IOException {
    byte[] bytes = Files.readAllBytes(image);
    ByteBuffer.wrap(bytes).putLong(offset, value);
    Files.write(image, bytes);
  }
}
