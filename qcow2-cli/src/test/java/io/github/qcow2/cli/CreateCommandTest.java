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
class CreateCommandTest {
  @TempDir Path directory;
  private Twins twins;

  @BeforeEach
  void prepare() throws IOException {
    twins = new Twins(directory);
    twins.prepare("qemu-img", "create", "-q", "-f", "qcow2", "%/base.qcow2", "4M");
    twins.prepare("qemu-img", "create", "-q", "-f", "raw", "%/base.raw", "3M");
  }

  private static String[] words(String line) {
    List<String> words = new ArrayList<>();
    for (String word : line.split(" ", -1)) {
      words.add(word.equals("''") ? "" : word);
    }
    return words.toArray(String[]::new);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "%/t 1M",
        "-f raw %/t 1000",
        "-f qcow2 %/t 1M",
        "-f qcow2 %/t 1000",
        "-f qcow2 %/t 0",
        "-f qcow2 %/t 1.5G",
        "-f qcow2 %/t 0x100k",
        "-q -f qcow2 %/t 1M",
        "-f qcow2 file:%/t 1M",
        "%/t 1M -f qcow2",
        "-fqcow2 -q -ocluster_size=4k %/t 1M",
        "-f qcow2 -o cluster_size=512 %/t 1M",
        "-f qcow2 -o cluster_size=2M %/t 100M",
        "-f qcow2 -o cluster_size=4k -o cluster_size=8k,lazy_refcounts=on %/t 1M",
        "-f qcow2 -o lazy_refcounts %/t 1M",
        "-f qcow2 -o nolazy_refcounts %/t 1M",
        "-f qcow2 -o lazy_refcounts=yes %/t 1M",
        "-f qcow2 -o compat=0.10 %/t 1M",
        "-f qcow2 -o compat=v2 %/t 1M",
        "-f qcow2 -o compat=v3,refcount_bits=1 %/t 1M",
        "-f qcow2 -o compat=1.1,refcount_bits=64 %/t 1M",
        "-f qcow2 -o refcount_bits=0x8 %/t 1M",
        "-f qcow2 -o extended_l2=on,cluster_size=128k %/t 1M",
        "-f qcow2 -o preallocation=off %/t 1M",
        "-f raw -o preallocation=off %/t 1M",
        "-f raw -o preallocation=falloc %/t 1M",
        "-f raw -o preallocation=full %/t 1M",
        "-f qcow2 -o preallocation=metadata %/t 9M",
        "-f qcow2 -o preallocation=falloc,cluster_size=4k %/t 9M",
        "-f qcow2 -o preallocation=full,compat=v2 %/t 1M",
        "-f qcow2 -b base.raw -F raw -o preallocation=falloc,extended_l2=on %/t 4M",
        "-f qcow2 -o preallocation=full,data_file=%/d,data_file_raw=on %/t 1M",
        "-f raw -o nocow=on,extent_size_hint=1M %/t 1M",
        "-f qcow2 -o extent_size_hint=1M,nocow=off %/t 1M",
        "-f qcow2 -o size=2M %/t",
        "-f qcow2 -b base.qcow2 -F qcow2 %/t",
        "-f qcow2 -b base.raw -F raw %/t 10M",
        "-f qcow2 -b base.raw -F raw %/t 1M",
        "-f qcow2 -o backing_file=base.raw,backing_fmt=raw %/t",
        "-f qcow2 -o backing_file=base.raw -b base.qcow2 -F qcow2 %/t",
        "-f qcow2 -u -b nofile -F raw %/t 1M",
        "-f qcow2 -u -o backing_file=a,,b,backing_fmt=raw %/t 1M",
        "-f qcow2 %/t 1M -u",
      })
  void imageIsTheOneThatQemuImgMakes(String line) throws IOException {
    String[] arguments = words("create " + line);
    twins.assertSame(arguments);
    ToolOutput info = twins.real("qemu-img", "", "info", "%/t");
    ToolOutput oursInfo =
        RealTool.run("qemu-img", "", "info", twins.ours("t").toString())
            .map(text -> text.replace(directory.resolve("ours").toString(), "%"));
    assertThat(withoutUsage(oursInfo)).isEqualTo(withoutUsage(info));
  }

  private static ToolOutput withoutUsage(ToolOutput info) {
    return info.map(text -> text.replaceAll("disk size: .*", ""));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "-f",
        "-Z %/t 1M",
        "--foo %/t 1M",
        "-f qcow2 %/t -1M",
        "-f qcow2 -- %/t -1M",
        "-f qcow2 %/t",
        "-f qcow2 %/t 1M extra",
        "-f foo %/t 1M",
        "-f qcow2 %/t 1Z",
        "-f qcow2 %/t 8E",
        "-f qcow2 %/t 1.5",
        "-f qcow2 %/t ''",
        "-f qcow2 foo:%/t 1M",
        "-f qcow2 '' 1M",
        "-f qcow2 %/nonexistent/t 1M",
        "%/nonexistent/t 1M",
        "-f qcow2 -o '' %/t 1M",
        "-f qcow2 -o , %/t 1M",
        "-f qcow2 -o =4 %/t 1M",
        "-f qcow2 -o foo=1 %/t 1M",
        "-f raw -o cluster_size=4k %/t 1M",
        "-f qcow2 -o help=foo %/t 1M",
        "-f qcow2 -o cluster_size=4k, %/t 1M",
        "-f qcow2 -o cluster_size=abc %/t 1M",
        "-f qcow2 -o cluster_size=16E %/t 1M",
        "-f qcow2 -o cluster_size %/t 1M",
        "-f qcow2 -o cluster_size=4000 %/t 1M",
        "-f qcow2 -o cluster_size=256 %/t 1M",
        "-f qcow2 -o cluster_size=4M %/t 1M",
        "-f qcow2 -o lazy_refcounts=maybe %/t 1M",
        "-f qcow2 -o nocow=maybe %/t 1M",
        "-f raw -o preallocation=metadata %/t 1M",
        "-f raw -o preallocation=bad %/t 1M",
        "-f qcow2 -o preallocation=bad,cluster_size=3 %/t 1M",
        "-f qcow2 -o preallocation=full -b base.raw -F raw %/t",
        "-f qcow2 -o preallocation=full,cluster_size=3 -b base.raw -F raw %/t",
        "-f qcow2 -o preallocation=full,refcount_bits=3 -b base.raw -F raw %/t",
        "-f qcow2 -o preallocation=full,extended_l2=on,compat=v2 -b base.raw -F raw %/t",
        "-f raw -o extent_size_hint=much %/t 1M",
        "-f qcow2 -o compat=9 %/t 1M",
        "-f qcow2 -o compat %/t 1M",
        "-f qcow2 -o compat=0.10,lazy_refcounts=on %/t 1M",
        "-f qcow2 -o compat=0.10,refcount_bits=8 %/t 1M",
        "-f qcow2 -o compat=0.10,extended_l2=on %/t 1M",
        "-f qcow2 -o compat=0.10,compression_type=zstd %/t 1M",
        "-f qcow2 -o compat=0.10,data_file=%/d %/t 1M",
        "-f qcow2 -o extended_l2=on,cluster_size=8k %/t 1M",
        "-f qcow2 -o refcount_bits=3 %/t 1M",
        "-f qcow2 -o refcount_bits=0 %/t 1M",
        "-f qcow2 -o refcount_bits=128 %/t 1M",
        "-f qcow2 -o refcount_bits=-8 %/t 1M",
        "-f qcow2 -o refcount_bits=x %/t 1M",
        "-f qcow2 -o compression_type=foo %/t 1M",
        "-f qcow2 -o data_file_raw=on %/t 1M",
        "-f qcow2 -o data_file=%/d,data_file_raw=on -b base.raw -F raw %/t",
        "-f qcow2 -o size=2M %/t 1M",
        "-f qcow2 -o size=1.5 %/t",
        "-f qcow2 -o cluster_size=512 %/t 129G",
        "-f qcow2 %/t 3P",
        "-f qcow2 %/t 7.99999E",
        "-f qcow2 -b base.qcow2 -F foo %/t",
        "-f qcow2 -b nofile -F qcow2 %/t",
        "-f qcow2 -b nofile -F qcow2 %/t 1M",
        "-f qcow2 -b nofile -F qcow2 -u %/t",
        "-f qcow2 -b nofile -u %/t 1M",
        "-f qcow2 -b base.raw -F qcow2 %/t",
        "-f qcow2 -b base:x -F raw %/t",
        "-f qcow2 -b % -F raw %/t",
        "-f qcow2 -b '' -F raw %/t 1M",
        "-f qcow2 -b %/t -F qcow2 %/t",
        "-f qcow2 -F raw %/t 1M",
        "-f qcow2 -F '' %/t 1M",
        "-f raw -b base.qcow2 -F qcow2 %/t 1M",
        "-F raw %/t 1M",
      })
  void refusalIsThatOfQemuImg(String line) throws IOException {
    ToolOutput output =
        twins.assertSame(line.isEmpty() ? words("create") : words("create " + line));
    assertThat(output.exitCode()).isEqualTo(1);
  }

  /** qemu-img leaves out the line feed after the format it has detected. */
  @Test
  void backingFileWithoutItsFormatIsRefused() throws IOException {
    String[] arguments = {"create", "-f", "qcow2", "-b", "base.qcow2", "%/t"};
    ToolOutput real = twins.real("qemu-img", "", arguments);
    ToolOutput ours = twins.ours("qemu-img", "", arguments);
    assertThat(ours.exitCode()).isEqualTo(real.exitCode()).isEqualTo(1);
    assertThat(ours.stderr()).isEqualTo(real.stderr() + "\n");
  }

  @Test
  void dataFileIsMadeWithTheImage() throws IOException {
    twins.assertSame("create", "-f", "qcow2", "-o", "data_file=%/d,data_file_raw=on", "%/t", "1M");
    assertThat(twins.ours("d")).hasSize(1 << 20);
    assertThat(RealTool.run("qemu-img", "", "check", twins.ours("t").toString()).exitCode())
        .isZero();
  }

  @ParameterizedTest
  @ValueSource(strings = {"encrypt.format=luks", "encryption=on"})
  void optionOfQemuImgThatDoesNotExistHereIsRefusedByNameAndMakesNoFile(String option) {
    ToolOutput output =
        twins.ours("qemu-img", "", "create", "-f", "qcow2", "-o", option, "%/t", "1M");
    assertThat(output.exitCode()).isEqualTo(1);
    assertThat(output.stdout()).isEmpty();
    assertThat(output.stderr()).contains(option.replaceAll("=.*", "")).contains("not supported");
    assertThat(twins.ours("t")).doesNotExist();
  }

  @Test
  void existingFileIsOverwritten() throws IOException {
    Files.write(twins.ours("t"), new byte[5 << 20]);
    assertThat(twins.ours("qemu-img", "", "create", "-f", "qcow2", "%/t", "1M").exitCode())
        .isZero();
    assertThat(RealTool.run("qemu-img", "", "check", twins.ours("t").toString()).exitCode())
        .isZero();
  }

  /** The same options as QEMU's, less those of encryption, each in words of its own. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "create -f qcow2 -o help",
        "create -f raw -o help",
        "create -o help",
        "create -f qcow2 -o help %/t",
        "create -f raw -o help %/t 1M",
        "create -f qcow2 -o cluster_size=4k,help %/t",
        "create -f foo -o help",
        "convert -O qcow2 -o help",
        "convert -O raw -o ?",
      })
  void optionsThatQemuImgListsAreListed(String line) throws IOException {
    ToolOutput real = twins.real("qemu-img", "", words(line));
    ToolOutput ours = twins.ours("qemu-img", "", words(line));
    assertThat(ours.exitCode()).isEqualTo(real.exitCode());
    assertThat(withoutDescriptions(ours)).isEqualTo(withoutDescriptions(real));
    assertThat(twins.ours("t")).doesNotExist();
  }

  private static String withoutDescriptions(ToolOutput output) {
    return output
        .stdout()
        .replaceAll("(?m)^  encrypt.*\n", "")
        .replaceAll("(?m)( +)?- .*$", "- ...");
  }
}
