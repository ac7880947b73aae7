package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;

/** Headers made by others are kept as they are, and changed only where asked. */
class HeaderTest {
  private static Header read(String fixture) throws Qcow2Exception {
    return HeaderFixture.of(fixture).read();
  }

  private static Header readAgain(Header header) throws Qcow2Exception {
    return HeaderReader.read("image", ByteBuffer.wrap(header.encode()), Limits.DEFAULT);
  }

  private static void assertKept(HeaderFixture fixture) throws Qcow2Exception {
    byte[] encoded = fixture.read().encode();
    assertThat(Arrays.copyOf(encoded, fixture.bytes().length)).isEqualTo(fixture.bytes());
  }

  /** Where the bytes of two headers differ. */
  private static List<Integer> differences(Header one, Header other) {
    byte[] a = one.encode();
    byte[] b = other.encode();
    assertThat(a).hasSameSizeAs(b);
    List<Integer> places = new ArrayList<>();
    for (int i = 0; i < a.length; i++) {
      if (a[i] != b[i]) {
        places.add(i);
      }
    }
    return places;
  }

  @Test
  void aLongerHeaderKeepsFieldsOfTheFuture() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("v3")
            .clearFrom(112)
            .putInt(100, 136)
            .put(105, (byte) 0x77)
            .putLong(112, 0x0123_4567_89ab_cdefL)
            .putLong(128, -1)
            .putInt(136, 0x12345678)
            .putInt(140, 3)
            .put(144, "abc");
    assertKept(fixture);
    Header header = fixture.read();
    assertThat(header.unknownHeaderBytes()).hasSize(31).startsWith(0x77).endsWith(-1, -1);
    assertThat(header.extensions()).containsExactly(unknown(0x12345678, "abc"));
    Header renamed = header.withBackingFile("image", "b", "raw");
    assertThat(readAgain(renamed).unknownHeaderBytes()).isEqualTo(header.unknownHeaderBytes());
  }

  @Test
  void aHeaderWithoutCompressionTypeStaysShort() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("v3").clearFrom(104).putInt(100, 104).putInt(104, 99).putInt(108, 0);
    assertKept(fixture);
    assertThat(fixture.read().compressionType()).isZero();
    assertThat(fixture.read().extensions()).hasSize(1);
  }

  @Test
  void unknownExtensionsKeepTheirOrder() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("v3")
            .clearFrom(112)
            .putInt(112, 5)
            .putInt(116, 1)
            .put(120, "x")
            .putInt(128, 0x7fffffff)
            .putInt(136, 0x80000000L)
            .putInt(140, 9)
            .put(144, "123456789");
    assertKept(fixture);
    assertThat(fixture.read().extensions())
        .containsExactly(
            unknown(5, "x"), unknown(0x7fffffff, ""), unknown(0x80000000, "123456789"));
  }

  @Test
  void aBackingFileNameStaysWhereItWasFound() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("v3-backing").putLong(8, 0x1001).put(0x210, new byte[8]);
    fixture.put(0x1001, "far.away");
    assertKept(fixture);
    assertThat(fixture.read().backingFile()).isEqualTo("far.away");
  }

  @Test
  void extensionsMayEndWithoutAnEndMarker() throws Qcow2Exception {
    // "raw" with its padding, then the name; and a name of which only five bytes precede.
    HeaderFixture direct =
        HeaderFixture.of("v3-backing").clearFrom(0x80).putLong(8, 0x80).put(0x80, "base.raw");
    assertKept(direct);
    HeaderFixture noPadding =
        HeaderFixture.of("v3-backing").clearFrom(0x7b).putLong(8, 0x7b).put(0x7b, "base.raw");
    assertKept(noPadding);
    assertThat(noPadding.read().backingFormat()).isEqualTo("raw");
    Header renamed = noPadding.read().withBackingFile("image", "base.qcow2", "qcow2");
    assertThat(readAgain(renamed).backingFile()).isEqualTo("base.qcow2");
    assertThat(renamed.encode()).hasSize(112 + 16 + 8 + 10);
  }

  @Test
  void extensionsMayFillTheClusterToItsLastByte() throws Qcow2Exception {
    HeaderFixture fixture =
        HeaderFixture.of("cluster-512").clearFrom(112).putLong(8, 0).putInt(16, 0);
    fixture.putInt(112, 42).putInt(116, 512 - 120).put(511, (byte) 1);
    assertKept(fixture);
    Header header = fixture.read();
    assertThat(header.encode()).hasSize(512);
    assertThat(header.withSize(512).encode()).hasSize(512);
    assertThatThrownBy(() -> header.withBackingFile("image", "b", null))
        .isInstanceOf(LimitExceededException.class);
    assertThat(header.withoutExtension("image", 42).encode()).hasSize(120);
    assertThat(header.withoutExtension("image", 43)).isSameAs(header);
  }

  @Test
  void inPlaceUpdatesCoverTheirFieldsAndNothingElse() throws Qcow2Exception {
    Header header = read("v3");
    Header changed = header.withSize(0x1234_5600L);
    assertThat(changed.size()).isEqualTo(0x1234_5600L);
    assertInPlace(header, changed, Header.SIZE_FIELD_OFFSET, Header.SIZE_FIELD_LENGTH);

    changed = header.withL1Table(0x7f00_0000_0012_0000L, 0x3_2177);
    assertThat(changed.l1TableOffset()).isEqualTo(0x7f00_0000_0012_0000L);
    assertThat(changed.l1Entries()).isEqualTo(0x3_2177);
    assertInPlace(header, changed, Header.L1_TABLE_FIELDS_OFFSET, Header.L1_TABLE_FIELDS_LENGTH);

    changed = header.withRefcountTable(0x7f00_0000_0012_0000L, 77);
    assertThat(changed.refcountTableOffset()).isEqualTo(0x7f00_0000_0012_0000L);
    assertThat(changed.refcountTableClusters()).isEqualTo(77);
    assertInPlace(
        header, changed, Header.REFCOUNT_TABLE_FIELDS_OFFSET, Header.REFCOUNT_TABLE_FIELDS_LENGTH);

    changed = header.withSnapshotTable(0x7f00_0000_0012_0000L, 300);
    assertThat(changed.snapshotTableOffset()).isEqualTo(0x7f00_0000_0012_0000L);
    assertThat(changed.snapshots()).isEqualTo(300);
    assertInPlace(
        header, changed, Header.SNAPSHOT_TABLE_FIELDS_OFFSET, Header.SNAPSHOT_TABLE_FIELDS_LENGTH);

    changed = header.withIncompatibleFeatures(3 | 1L << 63);
    assertThat(changed.isDirty()).isTrue();
    assertThat(changed.isCorrupt()).isTrue();
    assertInPlace(
        header, changed, Header.INCOMPATIBLE_FEATURES_OFFSET, Header.INCOMPATIBLE_FEATURES_LENGTH);

    changed = header.withAutoclearFeatures(0x8000_0000_0000_00f0L);
    assertInPlace(
        header, changed, Header.AUTOCLEAR_FEATURES_OFFSET, Header.AUTOCLEAR_FEATURES_LENGTH);

    changed = header.withCompatibleFeatures(CompatibleFeature.LAZY_REFCOUNTS);
    assertThat(changed.hasLazyRefcounts()).isTrue();
  }

  private static void assertInPlace(Header header, Header changed, int offset, int length)
      throws Qcow2Exception {
    assertThat(differences(header, changed))
        .isNotEmpty()
        .allMatch(i -> i >= offset && i < offset + length);
    byte[] patched = header.encode();
    ByteBuffer update = changed.encode(offset, length);
    assertThat(update.remaining()).isEqualTo(length);
    update.get(patched, offset, length);
    assertThat(patched).isEqualTo(changed.encode());
    assertThat(readAgain(changed).encode()).isEqualTo(changed.encode());
  }

  @Test
  void aBackingFileIsReplacedAndRemoved() throws Qcow2Exception {
    Header header = read("v3-backing");
    Header renamed = header.withBackingFile("image", "other.qcow2", "qcow2");
    assertThat(readAgain(renamed).backingFile()).isEqualTo("other.qcow2");
    assertThat(readAgain(renamed).backingFormat()).isEqualTo("qcow2");
    assertThat(renamed.withBackingFile("image", "base.raw", "raw").encode())
        .isEqualTo(header.encode());
    assertThat(header.withBackingFile("image", null, null).encode()).isEqualTo(read("v3").encode());
    assertThat(read("v3").withBackingFile("image", "base.raw", "raw").encode())
        .isEqualTo(header.encode());
  }

  @Test
  void extensionsGoWhereQemuWouldWriteThem() throws Qcow2Exception {
    Header header = read("data-file").withBackingFile("image", "b", "raw");
    BitmapsExtension bitmaps = new BitmapsExtension(1, 32, 0x50000);
    header =
        header
            .withExtension("image", unknown(7, "seven"))
            .withExtension("image", bitmaps.toExtension())
            .withAutoclearFeatures(AutoclearFeature.BITMAPS)
            .withDataFile("image", "renamed.raw");
    assertThat(header.extensions())
        .extracting(HeaderExtension::type)
        .containsExactly(
            HeaderExtension.BACKING_FORMAT,
            HeaderExtension.DATA_FILE,
            HeaderExtension.FEATURE_NAMES,
            HeaderExtension.BITMAPS,
            7);
    assertThat(readAgain(header).dataFile()).isEqualTo("renamed.raw");
    assertThat(readAgain(header).bitmaps()).isEqualTo(bitmaps);
    assertThat(header.withDataFile("image", null).dataFile()).isNull();
    Header version3 = read("v3");
    assertThatThrownBy(() -> version3.withDataFile("image", "d"))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void changesThatTheFormatExcludesAreErrorsOfTheCaller() throws Qcow2Exception {
    Header version2 = read("v2");
    Header version3 = read("v3");
    assertThatThrownBy(() -> version2.withIncompatibleFeatures(1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version2.withAutoclearFeatures(1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version3.withIncompatibleFeatures(8))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version3.withSize(1L << 40))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version3.withL1Table(0x30000, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version3.withSnapshotTable(0, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> version3.withRefcountTable(-65_536, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new HeaderExtension(HeaderExtension.END, new byte[0]))
        .isInstanceOf(IllegalArgumentException.class);
  }

  @Test
  void arraysAreCopied() throws Qcow2Exception {
    byte[] data = {1};
    HeaderExtension extension = new HeaderExtension(7, data);
    data[0] = 2;
    extension.data()[0] = 2;
    assertThat(extension.data()).containsExactly(1);
    Header header = read("v3");
    header.unknownHeaderBytes()[0] = 9;
    header.encode()[0] = 9;
    assertThat(header.encode()).isEqualTo(read("v3").encode());
  }

  private static HeaderExtension unknown(int type, String data) {
    return new HeaderExtension(type, data.getBytes(StandardCharsets.US_ASCII));
  }
}
