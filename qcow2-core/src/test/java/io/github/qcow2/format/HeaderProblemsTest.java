package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.format.HeaderProblem.Kind;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HeaderProblemsTest {
  private static HeaderProblem only(HeaderFixture fixture) throws Qcow2Exception {
    assertThat(fixture.read().problems()).hasSize(1);
    return fixture.read().problems().get(0);
  }

  private static HeaderFixture v3() {
    return HeaderFixture.of("v3");
  }

  @Test
  void anUnknownFeatureBitIsNamedByNumber() throws Qcow2Exception {
    HeaderProblem problem = only(v3().putLong(72, 1L << 5));
    assertThat(problem.kind()).isEqualTo(Kind.UNKNOWN_FEATURE);
    assertThat(problem.offset()).isEqualTo(72);
    assertThat(problem.rule()).isEqualTo("unknown incompatible feature: bit 5");
    assertThat(problem.toException("x")).isInstanceOf(UnsupportedFeatureException.class);
  }

  @Test
  void anUnknownFeatureBitIsNamedByTheImagesOwnTable() throws Qcow2Exception {
    HeaderFixture fixture =
        v3().putLong(72, 1L << 5 | 1L << 63).put(120, (byte) 0, (byte) 5).put(122, "warp\33[0m\0");
    assertThat(only(fixture).rule())
        .isEqualTo("unknown incompatible feature: bit 5 (warp?[0m), bit 63");
  }

  @Test
  void unknownCompatibleAndAutoclearBitsAreKeptAndNoProblem() throws Qcow2Exception {
    HeaderFixture fixture = v3().putLong(80, 0xf0L).putLong(88, 0xf0L);
    Header header = fixture.read();
    assertThat(header.compatibleFeatures()).isEqualTo(0xf0);
    assertThat(header.autoclearFeatures()).isEqualTo(0xf0);
    assertThat(header.problems()).isEmpty();
    assertThat(header.encode()).startsWith(Arrays.copyOf(fixture.bytes(), 512));
  }

  @ParameterizedTest
  @CsvSource({
    "1,NEEDS_PASSPHRASE,AES",
    "2,ENCRYPTED,LUKS",
    "3,ENCRYPTED,method 3",
    "-1,ENCRYPTED,method 4294967295"
  })
  void encryptionOfAnyMethodPreventsReading(int method, Kind kind, String name)
      throws Qcow2Exception {
    HeaderFixture fixture = HeaderFixture.of("luks").putInt(32, method);
    if (method != 2) {
      fixture.clearFrom(112);
    }
    HeaderProblem problem = only(fixture);
    assertThat(problem.kind()).isEqualTo(kind);
    assertThat(problem.kind().preventsReading()).isTrue();
    assertThat(problem.offset()).isEqualTo(32);
    assertThat(problem.rule()).contains(name);
  }

  @Test
  void luksNeedsItsExtension() throws Qcow2Exception {
    assertThat(v3().putInt(32, 2).read().problems())
        .extracting(HeaderProblem::kind)
        .containsExactly(Kind.ENCRYPTED, Kind.CONTRADICTION);
  }

  @Test
  void unknownCompressionTypesPreventReading() throws Qcow2Exception {
    HeaderProblem problem = only(v3().putLong(72, 8).put(104, (byte) 0xff));
    assertThat(problem.kind()).isEqualTo(Kind.UNKNOWN_COMPRESSION_TYPE);
    assertThat(problem.rule()).contains("255");
  }

  @Test
  void aCorruptImageMayBeReadOnly() throws Qcow2Exception {
    HeaderProblem problem = only(v3().putLong(72, 2));
    assertThat(problem.kind()).isEqualTo(Kind.MARKED_CORRUPT);
    assertThat(problem.kind().preventsReading()).isFalse();
    assertThat(problem.kind().preventsWriting()).isTrue();
    assertThat(problem.toException("x")).isInstanceOf(CorruptImageException.class);
  }

  @Test
  void aDirtyImageIsOnlyAReport() throws Qcow2Exception {
    HeaderProblem problem = only(v3().putLong(72, 1));
    assertThat(problem.kind()).isEqualTo(Kind.MARKED_DIRTY);
    assertThat(problem.kind().preventsReading()).isFalse();
    assertThat(problem.kind().preventsWriting()).isFalse();
  }

  /** QEMU shows such an image but does not open it. */
  @Test
  void rawExternalDataNeedsADataFile() throws Qcow2Exception {
    HeaderProblem problem = only(v3().putLong(88, 2));
    assertThat(problem.kind()).isEqualTo(Kind.CONTRADICTION);
    assertThat(problem.offset()).isEqualTo(88);
  }

  @Test
  void aKnownExtensionTwiceIsReportedAndTheLastOneCounts() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("v3-backing").putInt(0x80, 0xE2792ACAL).putInt(0x84, 4).put(0x88, "quux");
    fixture.put(0x8c, new byte[0x210 - 0x8c]);
    HeaderProblem problem = only(fixture);
    assertThat(problem.kind()).isEqualTo(Kind.IRREGULAR);
    assertThat(problem.offset()).isEqualTo(0x80);
    assertThat(fixture.read().backingFormat()).isEqualTo("quux");
  }

  @Test
  void unknownExtensionsMayRepeat() throws Qcow2Exception {
    HeaderFixture fixture = v3().clearFrom(112).putInt(112, 77).putInt(120, 77);
    assertThat(fixture.read().extensions()).hasSize(2);
    assertThat(fixture.read().problems()).isEmpty();
  }

  /** The specification asks for a multiple of 8; QEMU does not. */
  @Test
  void aHeaderLengthOf109IsReadAndReported() throws Qcow2Exception {
    HeaderFixture fixture = v3().clearFrom(112).putInt(100, 109);
    HeaderProblem problem = only(fixture);
    assertThat(problem.kind()).isEqualTo(Kind.IRREGULAR);
    assertThat(problem.offset()).isEqualTo(100);
    assertThat(fixture.read().headerLength()).isEqualTo(109);
  }

  @Test
  void harmlessContradictionsAreReported() throws Qcow2Exception {
    assertThat(only(v3().putInt(116, 383)).rule()).contains("multiple of 48");
    assertThat(only(HeaderFixture.of("v3-backing").putInt(16, 0)).rule())
        .contains("without a backing file");
    assertThat(only(HeaderFixture.of("data-file").putLong(72, 0)).rule())
        .contains("without its feature bit");
    assertThat(only(HeaderFixture.of("data-file").putInt(60, 1).putLong(64, 0x50000)).rule())
        .contains("snapshots");
    HeaderFixture rawWithBacking =
        HeaderFixture.of("data-file-raw").putLong(8, 0x300).putInt(16, 1).put(0x300, "b");
    assertThat(only(rawWithBacking).rule()).contains("with a backing file");
  }
}
