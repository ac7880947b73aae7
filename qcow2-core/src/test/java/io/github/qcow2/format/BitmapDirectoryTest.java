package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.stream.Stream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class BitmapDirectoryTest {
  private static final BitmapsExtension EXTENSION = new BitmapsExtension(2, 64, 0xb0000);

  /** The directory of the image "used", which qemu-img 7.2 wrote. */
  private static ByteBuffer madeByQemu() {
    return ByteBuffer.wrap(
        HexFormat.of()
            .parseHex(
                ("0000000000090000 00000001 00000002 01 10 0002 00000000 6230 000000000000"
                        + "00000000000a0000 00000001 00000002 01 11 0002 00000000 6231"
                        + "000000000000")
                    .replace(" ", "")));
  }

  private static Header header() throws Qcow2Exception {
    return HeaderFixture.of("used").read();
  }

  private static BitmapRecord first(ByteBuffer directory) throws Qcow2Exception {
    return BitmapDirectory.read("image", EXTENSION, directory).get(0);
  }

  @Test
  void directoryOfQemu() throws Qcow2Exception {
    assertThat(header().bitmaps()).isEqualTo(EXTENSION);
    List<BitmapRecord> records = BitmapDirectory.read("image", EXTENSION, madeByQemu());
    assertThat(records)
        .containsExactly(
            new BitmapRecord(0x90000, 1, BitmapRecord.AUTO, 1, 16, "b0", 0),
            new BitmapRecord(0xa0000, 1, BitmapRecord.AUTO, 1, 17, "b1", 0));
    for (BitmapRecord record : records) {
      assertThat(record.brokenRule(header(), Limits.DEFAULT)).isNull();
      assertThat(record.isUsable()).isTrue();
      assertThat(record.isAuto()).isTrue();
      assertThat(record.isInUse()).isFalse();
    }
    assertThat(records.get(1).granularity()).isEqualTo(131_072);
  }

  static Stream<Arguments> brokenDirectories() {
    return Stream.of(
        arguments("a name without bytes", madeByQemu().putShort(18, (short) 0), 2, 0),
        arguments("a name of 1024 bytes", madeByQemu().putShort(18, (short) 1024), 2, 0),
        arguments("a name beyond the end", madeByQemu().putShort(50, (short) 9), 2, 32),
        arguments("extra data beyond the end", madeByQemu().putInt(20, -1), 2, 0),
        arguments("the same name twice", madeByQemu().put(25, (byte) '1'), 2, 32),
        arguments("more entries than said", madeByQemu(), 1, 32),
        arguments("fewer entries than said", madeByQemu(), 3, 0));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenDirectories")
  void brokenDirectoriesAreRefused(String what, ByteBuffer directory, int bitmaps, int at) {
    CorruptImageException thrown =
        catchThrowableOfType(
            CorruptImageException.class,
            () ->
                BitmapDirectory.read(
                    "image", new BitmapsExtension(bitmaps, 64, 0xb0000), directory));
    assertThat(thrown).as(what).isNotNull();
    assertThat(thrown.offset()).isEqualTo(0xb0000 + at);
  }

  @Test
  void anEntryCutShortIsRefused() {
    for (int length : new int[] {1, 23, 24, 31, 33, 56}) {
      byte[] cut = Arrays.copyOf(madeByQemu().array(), length);
      assertThatThrownBy(
              () ->
                  BitmapDirectory.read(
                      "image", new BitmapsExtension(2, length, 0xb0000), ByteBuffer.wrap(cut)))
          .isInstanceOf(CorruptImageException.class);
    }
    assertThatThrownBy(() -> BitmapDirectory.read("image", EXTENSION, ByteBuffer.allocate(63)))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void tablesThatCannotBeFollowedAreListedWithTheRuleTheyBreak() throws Qcow2Exception {
    assertBroken(madeByQemu().putLong(0, 0), "offset");
    assertBroken(madeByQemu().putLong(0, 0x123), "offset");
    assertBroken(madeByQemu().putLong(0, -65_536), "offset");
    assertBroken(madeByQemu().putInt(8, 0), "without a table");
    assertBroken(madeByQemu().putInt(8, 2), "instead of 1");
    assertBroken(madeByQemu().putInt(8, 8193), "too many");
    assertBroken(madeByQemu().putInt(8, -1), "too many");
    assertBroken(madeByQemu().put(17, (byte) 8), "granularity");
    assertBroken(madeByQemu().put(17, (byte) 32), "granularity");
    assertBroken(madeByQemu().put(17, (byte) 255), "granularity");
    Limits none = Limits.DEFAULT.withBitmapTableEntries(0);
    assertThat(first(madeByQemu()).brokenRule(header(), none)).contains("too many");
  }

  private static void assertBroken(ByteBuffer directory, String rule) throws Qcow2Exception {
    assertThat(first(directory).brokenRule(header(), Limits.DEFAULT)).contains(rule);
  }

  /** QEMU refuses extra data whatever the flag says; the specification asks to keep it. */
  @Test
  void whatIsUnknownMakesABitmapUnusableButNotBroken() throws Qcow2Exception {
    assertUnusable(madeByQemu().put(16, (byte) 2));
    assertUnusable(madeByQemu().putInt(12, 8));
    assertUnusable(madeByQemu().putInt(12, BitmapRecord.IN_USE));
    ByteBuffer withExtra = madeByQemu().putInt(20, 3).put(27, new byte[] {'b', '0'});
    assertUnusable(withExtra);
    withExtra.putInt(12, BitmapRecord.EXTRA_DATA_COMPATIBLE);
    assertThat(first(withExtra).isUsable()).isTrue();
    assertThat(first(withExtra).name()).isEqualTo("b0");
  }

  private static void assertUnusable(ByteBuffer directory) throws Qcow2Exception {
    BitmapRecord record = first(directory);
    assertThat(record.isUsable()).isFalse();
    assertThat(record.brokenRule(header(), Limits.DEFAULT)).isNull();
  }

  @Test
  void aBitmapInUseNeedNotCoverTheDisk() throws Qcow2Exception {
    ByteBuffer directory = madeByQemu().putInt(8, 2).putInt(12, BitmapRecord.IN_USE);
    assertThat(first(directory).brokenRule(header(), Limits.DEFAULT)).isNull();
  }

  /** One bit for 512 bytes: 2 PiB need 512 MiB, exactly the most that is allowed. */
  @Test
  void theLargestBitmapFits() throws Qcow2Exception {
    Header large = HeaderFixture.of("large").read();
    assertThat(new BitmapRecord(0x90000, 8192, 0, 1, 19, "b", 0).brokenRule(large, Limits.DEFAULT))
        .isNull();
    assertThat(new BitmapRecord(0x90000, 8191, 0, 1, 19, "b", 0).brokenRule(large, Limits.DEFAULT))
        .contains("instead of 8192");
  }

  @Property
  void randomDirectoriesAreReadOrRefused(
      @ForAll byte[] noise, @ForAll @IntRange(max = 60) int at, @ForAll @IntRange(max = 4) int n)
      throws Qcow2Exception {
    byte[] bytes = madeByQemu().array();
    System.arraycopy(noise, 0, bytes, at, Math.min(noise.length, 64 - at));
    try {
      for (BitmapRecord record :
          BitmapDirectory.read(
              "image", new BitmapsExtension(n, 64, 0xb0000), ByteBuffer.wrap(bytes))) {
        String rule = record.brokenRule(header(), Limits.DEFAULT);
        assertThat(rule == null || !rule.isBlank()).isTrue();
      }
    } catch (CorruptImageException e) {
      assertThat(e.offset()).isBetween(0xb0000L, 0xb003fL);
    }
  }

  @ParameterizedTest
  @CsvSource({
    "0x0000000000000000, ",
    "0x0000000000000001, ",
    "0x00ffffffffff0000, ",
    "0x0000000000050001, all-ones",
    "0x0000000000050200, aligned",
    "0x0000000000000002, reserved",
    "0x0100000000050000, reserved",
    "0x8000000000050000, reserved"
  })
  void tableEntries(String entry, String rule) {
    Geometry geometry = new Geometry(3, 16, 4, false);
    long word = Long.parseUnsignedLong(entry.substring(2), 16);
    String broken = BitmapTableEntry.brokenRule(word, geometry);
    if (rule == null) {
      assertThat(broken).isNull();
    } else {
      assertThat(broken).contains(rule);
    }
    assertThat(BitmapTableEntry.offset(word)).isEqualTo(word & 0x00ff_ffff_ffff_fe00L);
  }
}
