package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresQemu
class AmendCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/base.raw", "1M");
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/v3", "1M");
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "-o", "compat=v2", "%/v2", "1M");
    twins.prepare(
        "qemu-img", "create", "-q", "-f", "qcow2", "-b", "base.raw", "-F", "raw", "%/ov", "1M");
    twins.prepare(
        "qemu-img",
        "create",
        "-q",
        "-f",
        "qcow2",
        "-o",
        "data_file=%/d,data_file_raw=on",
        "%/df",
        "1M");
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/e", "1M");
    twins.prepare("qemu-io", "-c", "write -P 5 100k 200k", "%/v3");
    twins.prepare("qemu-io", "-c", "write -P 6 300k 100k", "%/ov");
  }

  private static String[] words(String line) {
    List<String> words = new ArrayList<>();
    for (String word : line.split(" ", -1)) {
      words.add(word.equals("''") ? "" : word);
    }
    return words.toArray(String[]::new);
  }

  private static final String[] IMAGES = {"v2", "v3", "ov", "df"};

  private void assertSameImages() throws IOException {
    for (String name : IMAGES) {
      String ours = twins.ours(name).toString();
      assertThat(info(ours)).as(name).isEqualTo(info(twins.real(name).toString()));
      assertThat(RealTool.run("qemu-img", "", "check", ours).exitCode()).as(name).isZero();
      assertThat(
              RealTool.run("qemu-img", "", "compare", ours, twins.real(name).toString()).exitCode())
          .as(name)
          .isZero();
    }
  }

  private String info(String image) throws IOException {
    return RealTool.run("qemu-img", "", "info", image)
        .stdout()
        .replaceAll(directory + "/(ours|real)", "%")
        .replaceAll("disk size: .*", "");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "-o refcount_bits=64 %/v3",
        "-o refcount_bits=1 %/v3",
        "-q -p -o refcount_bits=0x8 %/v3",
        "-o refcount_bits=16 %/v2",
        "-o lazy_refcounts=on %/v3",
        "-o lazy_refcounts,refcount_bits=32 %/v3",
        "-o lazy_refcounts=off %/v2",
        "--force -o lazy_refcounts=on -f qcow2 %/v3",
        "-t none -o refcount_bits=8 %/ov",
        "-o backing_file=base.raw,backing_fmt=raw %/ov",
        "-o data_file_raw=off %/v3",
        "-o data_file_raw=on %/df",
        "-o data_file_raw=off %/df",
        "-o data_file=%/e %/df",
        "-o data_file=%/e,size=2M,data_file_raw=off %/df",
        "-o compat=v2 %/v3",
        "-o compat=0.10 %/ov",
        "-o compat=1.1 %/v2",
        "-o compat=v3,refcount_bits=64,lazy_refcounts=on,size=2M %/v2",
        "-o compat=v2 -o compat=v3 %/v3",
        "-o compat=v2,refcount_bits=16 %/v2",
        "-o size=2M %/v3",
        "-o size=512k,refcount_bits=32 %/v3",
        "-o size=128k %/ov",
        "-o size=3M %/v2",
        "-o size=0 %/v3",
        "%/v3 -o lazy_refcounts=yes",
      })
  void imageBecomesWhatQemuImgMakesOfIt(String line) throws IOException {
    ToolOutput output = twins.assertSame(words("amend " + line));
    assertThat(output.exitCode()).isZero();
    assertSameImages();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "%/v3",
        "-o compat=v4 %/v3",
        "-o compat %/v3",
        "-o '' %/v3",
        "-o compat=v3",
        "-o compat=v3 %/v3 %/v2",
        "-o bogus=1 %/v3",
        "-o cluster_size=4k %/v3",
        "-o extended_l2=on %/v3",
        "-o compression_type=zstd %/v3",
        "-o preallocation=full %/v3",
        "-o encrypt.format=luks %/v3",
        "-o lazy_refcounts=maybe %/v3",
        "-o lazy_refcounts=on %/v2",
        "-o compat=v2,lazy_refcounts=on %/v3",
        "-o compat=v2,lazy_refcounts=on %/v2",
        "-o refcount_bits=8 %/v2",
        "-o compat=0.10,refcount_bits=8 %/v3",
        "-o refcount_bits=5 %/v3",
        "-o refcount_bits=0 %/v3",
        "-o refcount_bits=-8 %/v3",
        "-o refcount_bits=128 %/v3",
        "-o refcount_bits=x %/v3",
        "-o size=x %/v3",
        "-o size=1000 %/v3",
        "-o backing_file=foo %/v3",
        "-o backing_file=base.raw %/ov",
        "-o backing_fmt=qcow2 %/ov",
        "-o backing_file= %/ov",
        "-o data_file=x %/v3",
        "-o data_file_raw=on %/v3",
        "-t bad -o compat=v3 %/v3",
        "-f raw -o compat=v3 %/v3",
        "-f foo -o compat=v3 %/v3",
        "-o compat=v3 %/base.raw",
        "-o compat=v3 %/nofile",
        "-Z -o compat=v3 %/v3",
        "-f raw -o help",
        "-f foo -o help",
        "-o help",
      })
  void refusalIsThatOfQemuImgAndChangesNothing(String line) throws IOException {
    byte[] before = Files.readAllBytes(twins.ours("v3"));
    ToolOutput output = twins.assertSame(line.isEmpty() ? words("amend") : words("amend " + line));
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(Files.readAllBytes(twins.ours("v3"))).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"amend -f qcow2 -o help", "amend -o help %/v3"})
  void optionsThatQemuImgListsAreListed(String line) throws IOException {
    assertThat(names(twins.ours("qemu-img", "", words(line))))
        .isEqualTo(names(twins.real("qemu-img", "", words(line))));
  }

  private static String names(ToolOutput output) {
    return output
        .stdout()
        .replaceAll("(?m)^  encrypt.*\n", "")
        .replaceAll("(?m)( +)?- .*$", "- ...");
  }

  @Test
  void progressEndsAtTheEnd() {
    ToolOutput output = twins.ours("qemu-img", "", "amend", "-p", "-o", "refcount_bits=64", "%/v3");
    assertThat(output.stdout()).startsWith("    (0.00/100%)\r").endsWith("    (100.00/100%)\r\n");
  }

  @Test
  void versionThatCannotHoldWhatThereIsIsRefused() throws IOException {
    twins.prepare("qemu-img", "amend", "-o", "refcount_bits=8", "%/ov");
    twins.assertSame("amend", "-o", "compat=v2", "%/ov");
    twins.assertSameFault("amend", "-o", "compat=v2", "%/df");
  }

  @Test
  void refcountsThatDoNotFitAreRefusedAndNothingIsChanged() throws IOException {
    twins.prepare("qemu-img", "snapshot", "-c", "s", "%/v3");
    byte[] before = Files.readAllBytes(twins.ours("v3"));
    twins.assertSameFault("amend", "-o", "refcount_bits=1", "%/v3");
    assertThat(Files.readAllBytes(twins.ours("v3"))).isEqualTo(before);
  }
}
