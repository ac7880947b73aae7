package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.cli.ByteSize.Status;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Path;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ByteSizeTest {
  private static final Pattern SIZE = Pattern.compile("size=(\\d+)");

  @ParameterizedTest
  @CsvSource({
    "0, 0",
    "512, 512",
    "1b, 1",
    "1B, 1",
    "1k, 1024",
    "1K, 1024",
    "3M, 3145728",
    "1.5G, 1610612736",
    "1T, 1099511627776",
    "2P, 2251799813685248",
    "1E, 1152921504606846976",
    "1e, 1152921504606846976",
    "0x10, 16",
    "0x1e, 30",
    "010, 10",
    "+1, 1",
    "' 1', 1",
    "1.0, 1",
    "1.k, 1024",
    "1.999999k, 2048",
    "1.99999999999999999999999k, 1024",
    "0.1G, 107374182",
    "9223372036854775807, 9223372036854775807"
  })
  void sizeIsReadAsQemuImgReadsIt(String text, long bytes) {
    assertThat(ByteSize.parse(text)).isEqualTo(new ByteSize(Status.VALID, bytes, false));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "", " ", "k", "-1", "-0", "1 ", "1.5", "1.5b", ".5k", "1e3", "1e3k", "inf", "nan", "0x",
        "0xg", "0x1.8k", "1,5k", "1kb", "1MiB", "1Z", "1.5.5k", "1..5k", "1_000", "\u0661"
      })
  void whatIsNotASizeIsRefused(String text) {
    assertThat(ByteSize.parse(text).status()).isEqualTo(Status.NOT_A_SIZE);
  }

  @ParameterizedTest
  @ValueSource(strings = {"8E", "9223372036854775808", "99999999999999999999", "16E", "8192P"})
  void moreThanASignedLongHoldsIsTooLarge(String text) {
    assertThat(ByteSize.parse(text).status()).isEqualTo(Status.TOO_LARGE);
  }

  @Test
  void suffixAfterAHexadecimalNumberIsDeprecated() {
    assertThat(ByteSize.parse("0x100k")).isEqualTo(new ByteSize(Status.VALID, 262144, true));
  }

  @Property(tries = 200)
  @RequiresQemu
  void qemuImgReadsTheSame(@ForAll("sizes") String text) throws IOException {
    ToolOutput real =
        RealTool.run("qemu-img", "", "create", "-f", "raw", "/nonexistent/x", "--", text);
    ByteSize ours = ByteSize.parse(text);
    Matcher matcher = SIZE.matcher(real.stdout());
    if (matcher.find()) {
      assertThat(ours.status()).isEqualTo(Status.VALID);
      assertThat(ours.bytes()).isEqualTo(Long.parseLong(matcher.group(1)));
      assertThat(ours.deprecated()).isEqualTo(real.stderr().contains("deprecated"));
    } else {
      assertThat(ours.status())
          .isEqualTo(
              real.stderr().contains("Must be between") ? Status.TOO_LARGE : Status.NOT_A_SIZE);
    }
  }

  @Provide
  Arbitrary<String> sizes() {
    Arbitrary<String> number =
        Arbitraries.oneOf(
            Arbitraries.longs().greaterOrEqual(0).map(n -> Long.toString(n)),
            Arbitraries.integers().between(0, 9000).map(n -> Integer.toString(n)),
            Arbitraries.integers().between(0, 99999).map(n -> "0x" + Integer.toHexString(n)),
            Arbitraries.strings().withChars("0123456789.xeE+- ").ofMaxLength(8));
    Arbitrary<String> fraction =
        Arbitraries.oneOf(
            Arbitraries.just(""),
            Arbitraries.strings().numeric().ofMaxLength(20).map(digits -> "." + digits));
    Arbitrary<String> suffix =
        Arbitraries.of("", "", "b", "k", "K", "m", "M", "G", "T", "P", "E", "e", "Z", "kb");
    return Combinators.combine(number, fraction, suffix).as((n, f, s) -> n + f + s);
  }

  /** Sizes for people, compared where qemu-img prints them: for sparse files of that length. */
  @ParameterizedTest
  @RequiresQemu
  @ValueSource(
      longs = {
        0,
        512,
        1024,
        1536,
        102400,
        1023488,
        1024000,
        1048064,
        1048576,
        5000192,
        197120,
        1507328,
        1072693248,
        1022000128,
        1023410176,
        1073741824,
        999L << 30,
        1023L << 30,
        1099511627776L
      })
  void sizeForPeopleIsThatOfTheRealTools(long bytes, @TempDir Path directory) throws IOException {
    String file = directory.resolve("sparse").toString();
    RealTool.run("qemu-img", "", "create", "-q", "-f", "raw", file, Long.toString(bytes));
    assertThat(RealTool.run("qemu-img", "", "info", "-f", "raw", file).stdout())
        .contains("virtual size: " + HumanSize.of(bytes) + " (" + bytes + " bytes)");
    assertThat(RealTool.run("qemu-io", "", "-f", "raw", "-c", "length", file).stdout())
        .isEqualTo(HumanSize.ofTransfer(bytes) + "\n");
  }
}
