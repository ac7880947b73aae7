package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.UnsupportedFeatureException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.FieldSource;

/** What is read from images of qemu-img. */
class HeaderReaderTest {
  @SuppressWarnings("UnusedVariable") // named by @FieldSource
  private static final List<String> ALL = HeaderFixture.ALL;

  @ParameterizedTest
  @FieldSource("ALL")
  void encodingGivesTheBytesThatWereRead(String name) throws Qcow2Exception {
    HeaderFixture fixture = HeaderFixture.of(name);
    Header header = fixture.read();
    assertThat(Arrays.copyOf(header.encode(), header.geometry().clusterSize()))
        .isEqualTo(fixture.bytes());
  }

  @Test
  void version3() throws Qcow2Exception {
    Header header = HeaderFixture.of("v3").read();
    assertThat(header.version()).isEqualTo(3);
    assertThat(header.size()).isEqualTo(100 << 20);
    assertThat(header.geometry().clusterSize()).isEqualTo(65_536);
    assertThat(header.geometry().refcountBits()).isEqualTo(16);
    assertThat(header.l1Entries()).isEqualTo(1);
    assertThat(header.l1TableOffset()).isEqualTo(0x30000);
    assertThat(header.refcountTableOffset()).isEqualTo(0x10000);
    assertThat(header.refcountTableClusters()).isEqualTo(1);
    assertThat(header.snapshots()).isZero();
    assertThat(header.headerLength()).isEqualTo(112);
    assertThat(header.backingFile()).isNull();
    assertThat(header.backingFormat()).isNull();
    assertThat(header.dataFile()).isNull();
    assertThat(header.extensions())
        .extracting(HeaderExtension::type)
        .containsExactly(HeaderExtension.FEATURE_NAMES);
    assertThat(header.problems()).isEmpty();
  }

  @Test
  void extensionsOfVersion2StartAtByte72() throws Qcow2Exception {
    Header header = HeaderFixture.of("v2-backing").read();
    assertThat(header.version()).isEqualTo(2);
    assertThat(header.headerLength()).isEqualTo(72);
    assertThat(header.geometry().refcountBits()).isEqualTo(16);
    assertThat(header.incompatibleFeatures()).isZero();
    assertThat(header.backingFile()).isEqualTo("base.raw");
    assertThat(header.backingFormat()).isEqualTo("raw");
    assertThat(header.problems()).isEmpty();
  }

  @Test
  void everyFeatureAtOnce() throws Qcow2Exception {
    Header header = HeaderFixture.of("cluster-2m-all").read();
    assertThat(header.geometry().clusterSize()).isEqualTo(2 << 20);
    assertThat(header.geometry().extendedL2()).isTrue();
    assertThat(header.geometry().refcountBits()).isEqualTo(1);
    assertThat(header.compressionType()).isEqualTo(CompressionType.ZSTD.value());
    assertThat(header.hasLazyRefcounts()).isTrue();
    assertThat(header.isDirty()).isFalse();
    assertThat(header.isCorrupt()).isFalse();
    assertThat(header.backingFile()).isEqualTo("base.raw");
    assertThat(header.backingFormat()).isEqualTo("raw");
    assertThat(header.problems()).isEmpty();
  }

  @Test
  void externalDataFiles() throws Qcow2Exception {
    Header cooked = HeaderFixture.of("data-file").read();
    assertThat(cooked.hasDataFile()).isTrue();
    assertThat(cooked.hasRawDataFile()).isFalse();
    assertThat(cooked.dataFile()).isEqualTo("d.raw");
    Header raw = HeaderFixture.of("data-file-raw").read();
    assertThat(raw.hasDataFile()).isTrue();
    assertThat(raw.hasRawDataFile()).isTrue();
    assertThat(raw.dataFile()).isEqualTo("d2.raw");
    assertThat(raw.problems()).isEmpty();
  }

  @Test
  void snapshotsAndBitmaps() throws Qcow2Exception {
    Header header = HeaderFixture.of("used").read();
    assertThat(header.snapshots()).isEqualTo(1);
    assertThat(header.snapshotTableOffset()).isEqualTo(0x50000);
    assertThat(header.bitmaps()).isEqualTo(new BitmapsExtension(2, 64, 0xb0000));
    assertThat(header.problems()).isEmpty();
  }

  @Test
  void bitmapsAreNotTrustedOnceTheFeatureBitIsClear() throws Qcow2Exception {
    Header header = HeaderFixture.of("used").read().withAutoclearFeatures(0);
    assertThat(header.bitmaps()).isNull();
    assertThat(header.extension(HeaderExtension.BITMAPS)).isNotNull();
  }

  @Test
  void anImageOfSizeZeroHasNoL1Table() throws Qcow2Exception {
    Header header = HeaderFixture.of("empty").read();
    assertThat(header.size()).isZero();
    assertThat(header.l1Entries()).isZero();
    assertThat(header.l1TableOffset()).isZero();
  }

  @Test
  void theLargestImageOf64KibClustersIsRead() throws Qcow2Exception {
    Header header = HeaderFixture.of("large").read();
    assertThat(header.size()).isEqualTo(1L << 51);
    assertThat(header.l1Entries()).isEqualTo(4_194_304);
    assertThat(header.geometry().refcountBits()).isEqualTo(64);
  }

  /** QEMU's LUKS images have no incompatible feature bit: only the method says it. */
  @Test
  void encryptionIsAProblemAlthoughNoFeatureBitTells() throws Qcow2Exception {
    Header header = HeaderFixture.of("luks").read();
    assertThat(header.incompatibleFeatures()).isZero();
    assertThat(header.cryptMethod()).isEqualTo(2);
    assertThat(header.problems())
        .extracting(HeaderProblem::kind)
        .containsExactly(HeaderProblem.Kind.ENCRYPTED);
  }

  @Test
  void bytesBeyondTheEndOfAShortFileAreZeros() throws Qcow2Exception {
    byte[] whole = HeaderFixture.of("v3").bytes();
    Header header =
        HeaderReader.read("image", ByteBuffer.wrap(Arrays.copyOf(whole, 512)), Limits.DEFAULT);
    assertThat(header.encode()).isEqualTo(Arrays.copyOf(whole, 112 + 8 + 384 + 8));
  }

  @Test
  void theBufferIsReadFromItsPositionInAnyByteOrderAndStaysAsItWas() throws Qcow2Exception {
    byte[] whole = HeaderFixture.of("v3-backing").bytes();
    ByteBuffer shifted = ByteBuffer.allocateDirect(whole.length + 3);
    shifted.put(3, whole).position(3).order(ByteOrder.LITTLE_ENDIAN);
    ByteBuffer readOnly = shifted.asReadOnlyBuffer().order(ByteOrder.LITTLE_ENDIAN);
    assertThat(HeaderReader.isQcow2(readOnly)).isTrue();
    assertThat(HeaderReader.clusterSize("image", readOnly)).isEqualTo(65_536);
    Header header = HeaderReader.read("image", readOnly, Limits.DEFAULT);
    assertThat(header.backingFile()).isEqualTo("base.raw");
    assertThat(readOnly.position()).isEqualTo(3);
    assertThat(readOnly.remaining()).isEqualTo(whole.length);
  }

  @Test
  void otherFilesAreNotQcow2() {
    for (String content : List.of("", "QFI", "QFI\0............................", "\0\0\0\0")) {
      ByteBuffer start = ByteBuffer.wrap(content.getBytes(StandardCharsets.US_ASCII));
      assertThat(HeaderReader.isQcow2(start)).isFalse();
      assertThatThrownBy(() -> HeaderReader.clusterSize("image", start))
          .isInstanceOf(UnsupportedFeatureException.class)
          .hasMessageContaining("not a qcow2 image");
    }
  }

  @Test
  void aFileThatEndsWithinTheFirst24BytesIsCorrupt() {
    ByteBuffer start = ByteBuffer.wrap(Arrays.copyOf(HeaderFixture.of("v3").bytes(), 23));
    assertThatThrownBy(() -> HeaderReader.read("image", start, Limits.DEFAULT))
        .isInstanceOf(CorruptImageException.class)
        .hasMessageContaining("ends within the header");
  }
}
