package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.Qcow2Exception;
import java.util.Arrays;
import org.junit.jupiter.api.Test;

/** New headers, byte for byte those of qemu-img 7.2. */
class HeaderBuilderTest {
  private static final long MIB = 1 << 20;

  private static void assertSameAsQemu(String fixture, HeaderBuilder builder)
      throws Qcow2Exception {
    Header header = builder.build("image");
    assertThat(Arrays.copyOf(header.encode(), header.geometry().clusterSize()))
        .isEqualTo(HeaderFixture.of(fixture).bytes());
  }

  private static HeaderBuilder standard(int version) {
    return new HeaderBuilder(version, 16, 100 * MIB).l1Table(0x30000, 1).refcountTable(0x10000, 1);
  }

  @Test
  void defaults() throws Qcow2Exception {
    assertSameAsQemu("v3", standard(3));
    assertSameAsQemu("v2", standard(2));
  }

  @Test
  void backingFiles() throws Qcow2Exception {
    assertSameAsQemu("v3-backing", standard(3).backingFile("base.raw", "raw"));
    assertSameAsQemu(
        "v2-backing",
        new HeaderBuilder(2, 16, 10 * MIB)
            .l1Table(0x30000, 1)
            .refcountTable(0x10000, 1)
            .backingFile("base.raw", "raw"));
  }

  @Test
  void featureNamesNeedClustersAbove4Kib() throws Qcow2Exception {
    assertSameAsQemu(
        "cluster-4k",
        new HeaderBuilder(3, 12, 100 * MIB)
            .l1Table(0x3000, 50)
            .refcountTable(0x1000, 1)
            .backingFile("base.raw", "raw"));
    assertSameAsQemu(
        "cluster-8k",
        new HeaderBuilder(3, 13, 100 * MIB)
            .l1Table(0x6000, 13)
            .refcountTable(0x2000, 1)
            .backingFile("base.raw", "raw"));
    assertSameAsQemu(
        "cluster-512",
        new HeaderBuilder(3, 9, 10 * MIB)
            .l1Table(0x600, 320)
            .refcountTable(0x200, 1)
            .backingFile("base.raw", "raw"));
  }

  @Test
  void everyFeature() throws Qcow2Exception {
    assertSameAsQemu(
        "cluster-2m-all",
        new HeaderBuilder(3, 21, 100 * MIB)
            .refcountOrder(0)
            .extendedL2(true)
            .lazyRefcounts(true)
            .compressionType(CompressionType.ZSTD)
            .backingFile("base.raw", "raw")
            .l1Table(0x600000, 1)
            .refcountTable(0x200000, 1));
  }

  @Test
  void dataFiles() throws Qcow2Exception {
    HeaderBuilder builder =
        new HeaderBuilder(3, 16, 10 * MIB).l1Table(0x30000, 1).refcountTable(0x10000, 1);
    assertSameAsQemu("data-file", builder.dataFile("d.raw", false));
    assertSameAsQemu("data-file-raw", builder.dataFile("d2.raw", true));
  }

  @Test
  void emptyAndLargeImages() throws Qcow2Exception {
    assertSameAsQemu("empty", new HeaderBuilder(3, 16, 0).refcountTable(0x10000, 1));
    assertSameAsQemu(
        "large",
        new HeaderBuilder(3, 16, 1L << 51)
            .refcountOrder(6)
            .l1Table(0x30000, 4_194_304)
            .refcountTable(0x10000, 1));
  }

  @Test
  void changingAHeaderLeavesTheOneItCameFrom() throws Qcow2Exception {
    HeaderBuilder builder = standard(3);
    Header header = builder.build("image");
    byte[] before = header.encode();
    builder.backingFile("other", "raw").refcountTable(0x90000, 2);
    assertThat(header.encode()).isEqualTo(before);
  }

  /** 512 - 112 - 8 - 8 bytes for the format - 8 for the end marker. */
  @Test
  void everythingMustFitTheFirstCluster() throws Qcow2Exception {
    HeaderBuilder builder = new HeaderBuilder(3, 9, MIB).l1Table(0x600, 32).refcountTable(0x200, 1);
    Header full = builder.backingFile("x".repeat(376), "qcow2").build("image");
    assertThat(full.encode()).hasSize(512);
    assertThatThrownBy(() -> builder.backingFile("x".repeat(377), "qcow2").build("image"))
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("513 bytes")
        .hasMessageContaining("first cluster");
    assertThatThrownBy(() -> builder.backingFile("x".repeat(384), "qcow2").build("image"))
        .isInstanceOf(LimitExceededException.class);
  }

  @Test
  void namesAreBounded() throws Qcow2Exception {
    assertThat(standard(3).backingFile("ü".repeat(511), null).build("image").backingFile())
        .hasSize(511);
    assertThatThrownBy(() -> standard(3).backingFile("ü".repeat(512), null).build("image"))
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("1024 bytes");
    assertThatThrownBy(() -> standard(3).backingFile("x", "a".repeat(16)).build("image"))
        .isInstanceOf(LimitExceededException.class)
        .hasMessageContaining("16 bytes");
  }

  @Test
  void combinationsThatTheFormatExcludesAreErrorsOfTheCaller() {
    assertThatThrownBy(() -> standard(3).backingFile(null, "raw"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(3).backingFile("", "raw"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(3).backingFile("a\0b", "raw"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(3).l1Table(0x30001, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(3).l1Table(0, 1))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(3).refcountTable(0x10000, 0))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new HeaderBuilder(3, 16, 1000))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new HeaderBuilder(3, 16, -512))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new HeaderBuilder(3, 16, 512).build("image"))
        .as("an L1 table too short")
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(2).lazyRefcounts(true).build("image"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(2).compressionType(CompressionType.ZSTD).build("image"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(2).refcountOrder(5).build("image"))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> standard(2).extendedL2(true).build("image"))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
