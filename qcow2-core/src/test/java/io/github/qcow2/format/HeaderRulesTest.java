package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.catchThrowableOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Headers of which one field breaks a rule. Where nothing else is said, qemu-img 7.2 refuses them
 * too.
 */
class HeaderRulesTest {
  private static final Class<?> CORRUPT = CorruptImageException.class;
  private static final Class<?> LIMIT = LimitExceededException.class;
  private static final Class<?> UNSUPPORTED = UnsupportedFeatureException.class;

  private static HeaderFixture v3() {
    return HeaderFixture.of("v3");
  }

  private static HeaderFixture backing() {
    return HeaderFixture.of("v3-backing");
  }

  /** The v3 image with an extension instead of its feature names. */
  private static HeaderFixture extension(int type, int length) {
    return v3().clearFrom(112).putInt(112, type).putInt(116, length);
  }

  private static HeaderFixture bitmaps() {
    return extension(0x23852875, 24)
        .putLong(88, 1)
        .putInt(120, 1)
        .putLong(128, 32)
        .putLong(136, 0x50000);
  }

  static Stream<Arguments> brokenHeaders() {
    return Stream.of(
        arguments("version 0", v3().putInt(4, 0), UNSUPPORTED, 4),
        arguments("version 1", v3().putInt(4, 1), UNSUPPORTED, 4),
        arguments("version 4", v3().putInt(4, 4), UNSUPPORTED, 4),
        arguments("version 2^32-1", v3().putInt(4, -1), UNSUPPORTED, 4),
        arguments("cluster bits 8", v3().putInt(20, 8), CORRUPT, 20),
        arguments("cluster bits 22", v3().putInt(20, 22), CORRUPT, 20),
        arguments("cluster bits 2^31", v3().putInt(20, 1L << 31), CORRUPT, 20),
        arguments("header length 103", v3().putInt(100, 103), CORRUPT, 100),
        arguments("header length 70000", v3().putInt(100, 70_000), CORRUPT, 100),
        arguments("header length 2^32-1", v3().putInt(100, -1), CORRUPT, 100),
        arguments("refcount order 7", v3().putInt(96, 7), CORRUPT, 96),
        arguments("refcount order 2^32-1", v3().putInt(96, -1), CORRUPT, 96),
        arguments("size 2^63", v3().putLong(24, Long.MIN_VALUE), LIMIT, 24),
        arguments("size 2^63-1", v3().putLong(24, Long.MAX_VALUE), CORRUPT, 36),
        arguments("no L1 table", v3().putInt(36, 0), CORRUPT, 36),
        arguments("L1 table one entry short", v3().putLong(24, (1L << 29) + 1), CORRUPT, 36),
        arguments("L1 table of 4194305 entries", v3().putInt(36, 4_194_305), LIMIT, 36),
        arguments("L1 table of 2^32-1 entries", v3().putInt(36, -1), LIMIT, 36),
        arguments("L1 table not aligned", v3().putLong(40, 0x30200), CORRUPT, 40),
        // QEMU takes the header for the L1 table.
        arguments("L1 table at 0", v3().putLong(40, 0), CORRUPT, 40),
        arguments("L1 table at 2^63", v3().putLong(40, Long.MIN_VALUE), CORRUPT, 40),
        arguments(
            "L1 table not aligned, of an empty image",
            HeaderFixture.of("empty").putLong(40, 512),
            CORRUPT,
            40),
        arguments("no refcount table", v3().putInt(56, 0), CORRUPT, 56),
        arguments("refcount table of 129 clusters", v3().putInt(56, 129), LIMIT, 56),
        arguments("refcount table of 2^32-1 clusters", v3().putInt(56, -1), LIMIT, 56),
        arguments("refcount table not aligned", v3().putLong(48, 0x10008), CORRUPT, 48),
        // QEMU takes the header for the refcount table.
        arguments("refcount table at 0", v3().putLong(48, 0), CORRUPT, 48),
        arguments("refcount table at 2^64-65536", v3().putLong(48, -65_536), CORRUPT, 48),
        arguments("65537 snapshots", v3().putInt(60, 65_537), LIMIT, 60),
        arguments("2^32-1 snapshots", v3().putInt(60, -1), LIMIT, 60),
        arguments("snapshot table not aligned", v3().putLong(64, 12_345), CORRUPT, 64),
        arguments("snapshot table at 0", v3().putInt(60, 1), CORRUPT, 64),
        arguments(
            "snapshot table near 2^63",
            v3().putInt(60, 65_536).putLong(64, 0x7fff_ffff_ffff_0000L),
            CORRUPT,
            64),
        arguments("backing file name at 65537", v3().putLong(8, 65_537), CORRUPT, 8),
        arguments("backing file name at 2^63", v3().putLong(8, Long.MIN_VALUE), CORRUPT, 8),
        arguments("backing file name of 1024 bytes", backing().putInt(16, 1024), CORRUPT, 16),
        arguments(
            "backing file name that leaves the cluster",
            backing().putLong(8, 65_530).putInt(16, 7),
            CORRUPT,
            16),
        // QEMU reads the name from the header's fields.
        arguments("backing file name in the header", backing().putLong(8, 104), CORRUPT, 8),
        arguments("compression type without its bit", v3().put(104, (byte) 1), CORRUPT, 104),
        arguments("unknown compression type without", v3().put(104, (byte) 2), CORRUPT, 104),
        arguments("compression bit without a type", v3().putLong(72, 8), CORRUPT, 104),
        arguments(
            "extended L2 with 4 KiB clusters",
            HeaderFixture.of("cluster-4k").putLong(72, 16),
            CORRUPT,
            72),
        arguments("extension of 70000 bytes", extension(0x12345678, 70_000), CORRUPT, 116),
        arguments("extension of 2^32-1 bytes", extension(0x12345678, -1), CORRUPT, 116),
        arguments("extension one byte too long", extension(1, 65_536 - 119), CORRUPT, 116),
        arguments("end marker with a length", extension(0, 70_000), CORRUPT, 116),
        arguments("extension into the backing name", backing().putInt(116, 0x199), CORRUPT, 116),
        arguments("backing format of 16 bytes", backing().putInt(116, 16), CORRUPT, 116),
        arguments("bitmaps extension of 23 bytes", extension(0x23852875, 23), CORRUPT, 116),
        arguments("no bitmaps", bitmaps().putInt(120, 0), CORRUPT, 120),
        arguments("65536 bitmaps", bitmaps().putInt(120, 65_536), LIMIT, 120),
        arguments("bitmaps, reserved field", bitmaps().putInt(124, 1), CORRUPT, 124),
        arguments("bitmap directory too long", bitmaps().putLong(128, 67_107_841), LIMIT, 128),
        arguments("bitmap directory of 2^63", bitmaps().putLong(128, 1L << 63), LIMIT, 128),
        arguments("bitmap directory not aligned", bitmaps().putLong(136, 0x50001), CORRUPT, 136),
        arguments("bitmap directory at 0", bitmaps().putLong(136, 0), CORRUPT, 136),
        arguments("encryption without a method", extension(0x0537BE77, 16), CORRUPT, 112),
        arguments(
            "encryption extension of 15 bytes",
            extension(0x0537BE77, 15).putInt(32, 2),
            CORRUPT,
            116),
        arguments(
            "LUKS header not aligned",
            extension(0x0537BE77, 16).putInt(32, 2).putLong(120, 0x50001),
            CORRUPT,
            120));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("brokenHeaders")
  void refusedNamingImageFieldAndRule(
      String what, HeaderFixture fixture, Class<? extends Qcow2Exception> type, long offset) {
    Qcow2Exception thrown = catchThrowableOfType(type, fixture::read);
    assertThat(thrown).as(what).isNotNull();
    assertThat(thrown.image()).isEqualTo("image");
    assertThat(thrown.offset()).isEqualTo(offset);
    assertThat(thrown.rule()).isNotBlank();
  }

  @Test
  void limitsOfQemuAreReachedExactly() throws Qcow2Exception {
    assertThat(v3().putInt(36, 4_194_304).read().l1Entries()).isEqualTo(4_194_304);
    assertThat(v3().putInt(56, 128).read().refcountTableClusters()).isEqualTo(128);
    assertThat(v3().putInt(60, 65_536).putLong(64, 0x50000).read().snapshots()).isEqualTo(65_536);
    assertThat(v3().putLong(24, 1L << 29).read().size()).isEqualTo(1L << 29);
    assertThat(backing().putInt(16, 1023).read().backingFile()).isEqualTo("base.raw");
    assertThat(extension(1, 65_536 - 120).read().extensions()).hasSize(1);
    assertThat(bitmaps().putInt(120, 65_535).read().bitmaps())
        .isEqualTo(new BitmapsExtension(65_535, 32, 0x50000));
  }

  @Test
  void callersMayLowerTheLimits() {
    Limits low = Limits.DEFAULT.withL1Bytes(7);
    LimitExceededException thrown =
        catchThrowableOfType(
            LimitExceededException.class,
            () -> HeaderReader.read("image", ByteBuffer.wrap(v3().bytes()), low));
    assertThat(thrown.offset()).isEqualTo(36);
  }

  /** QEMU drops the remainder: 8388508 reads as 8388096. */
  @Test
  void sizeIsCutToWholeSectors() throws Qcow2Exception {
    Header header = v3().putLong(24, 8_388_508).read();
    assertThat(header.size()).isEqualTo(8_388_096);
    assertThat(header.recordedSize()).isEqualTo(8_388_508);
    assertThat(header.problems())
        .extracting(HeaderProblem::kind)
        .containsExactly(HeaderProblem.Kind.IRREGULAR);
  }

  @Test
  void aMissingRefcountTableIsLeftToARepair() throws Qcow2Exception {
    for (HeaderFixture fixture :
        List.of(v3().putInt(56, 0), v3().putLong(48, 0), v3().putLong(48, 0x10008))) {
      Header header = fixture.readForRepair();
      assertThat(header.problems())
          .extracting(HeaderProblem::kind)
          .containsExactly(HeaderProblem.Kind.NO_REFCOUNT_TABLE);
      Header dirty = header.withIncompatibleFeatures(IncompatibleFeature.DIRTY);
      assertThat(dirty.withRefcountTable(0x50000, 1).problems())
          .extracting(HeaderProblem::kind)
          .containsExactly(HeaderProblem.Kind.MARKED_DIRTY);
    }
  }

  @Test
  void aBackingFileNameEndsAtItsFirstNul() throws Qcow2Exception {
    Header header = backing().putInt(16, 12).read();
    assertThat(header.backingFile()).isEqualTo("base.raw");
    assertThat(header.encode()).hasSize(0x210 + 12);
  }

  @Test
  void aNameOfLengthZeroIsNoBackingFile() throws Qcow2Exception {
    assertThat(backing().putInt(16, 0).read().backingFile()).isNull();
    // QEMU takes 8 for the end of the area of extensions, too.
    assertThat(v3().putLong(8, 8).read().extensions()).isEmpty();
  }

  @Test
  void bitmapsExtensionIsNotLookedIntoWithoutItsFeatureBit() throws Qcow2Exception {
    Header header = bitmaps().putLong(88, 0).putInt(120, 0).putLong(136, 7).read();
    assertThat(header.bitmaps()).isNull();
  }

  @Test
  void aBrokenRuleInAnImageOfTheFutureIsAnUnknownFeature() {
    UnsupportedFeatureException thrown =
        catchThrowableOfType(
            UnsupportedFeatureException.class, () -> v3().putLong(72, 32).putInt(96, 7).read());
    assertThat(thrown.offset()).isEqualTo(72);
    assertThat(thrown).hasMessageContaining("bit 5");
    assertThat(thrown.getSuppressed()).singleElement().isInstanceOf(CorruptImageException.class);
  }
}
