package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.error.Qcow2Exception;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import net.jqwik.api.Arbitraries;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.Combinators;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;
import net.jqwik.api.statistics.Statistics;

/** Whatever the bytes, reading ends in a header or a {@link Qcow2Exception}. */
class HeaderFuzzTest {
  record Mutation(int offset, long value, int bytes) {
    void apply(byte[] cluster) {
      ByteBuffer all = ByteBuffer.wrap(cluster);
      switch (bytes) {
        case 1 -> all.put(offset, (byte) value);
        case 4 -> all.putInt(offset, (int) value);
        default -> all.putLong(offset, value);
      }
    }
  }

  @Provide
  Arbitrary<Mutation> mutations() {
    Arbitrary<Integer> offsets =
        Arbitraries.oneOf(
            Arbitraries.of(4, 8, 16, 20, 24, 32, 36, 40, 48, 56, 60, 64, 72, 80, 88, 96, 100, 104),
            Arbitraries.integers().between(0, 500));
    Arbitrary<Long> values =
        Arbitraries.oneOf(
            Arbitraries.longs().between(0, 200),
            Arbitraries.integers().between(0, 63).map(bit -> 1L << bit),
            Arbitraries.integers().between(0, 63).map(bit -> (1L << bit) - 1),
            Arbitraries.integers().between(0, 1 << 16).map(n -> (long) n << 9),
            Arbitraries.longs());
    return Combinators.combine(offsets, values, Arbitraries.of(1, 4, 8)).as(Mutation::new);
  }

  @Provide
  Arbitrary<String> fixtures() {
    return Arbitraries.of(HeaderFixture.ALL).filter(name -> !name.equals("cluster-2m-all"));
  }

  @Property(tries = 5000)
  void mutatedHeadersAreReadOrRefused(
      @ForAll("fixtures") String name,
      @ForAll("mutations") Mutation one,
      @ForAll("mutations") Mutation other,
      @ForAll boolean both) {
    byte[] bytes = HeaderFixture.of(name).bytes();
    one.apply(bytes);
    if (both) {
      other.apply(bytes);
    }
    Statistics.label("outcome").collect(outcome(bytes));
  }

  @Property(tries = 1000)
  void randomExtensionsAreReadOrRefused(@ForAll("extensionAreas") byte[] area) {
    byte[] bytes = HeaderFixture.of("v3").bytes();
    System.arraycopy(area, 0, bytes, 112, area.length);
    Statistics.label("outcome").collect(outcome(bytes));
  }

  @Provide
  Arbitrary<byte[]> extensionAreas() {
    Arbitrary<Integer> types =
        Arbitraries.of(
            0, 1, 0x7fffffff, 0xE2792ACA, 0x6803F857, 0x23852875, 0x0537BE77, 0x44415441);
    Arbitrary<byte[]> extension =
        Combinators.combine(types, Arbitraries.integers().between(0, 60), Arbitraries.longs())
            .as(
                (type, length, filler) -> {
                  ByteBuffer buffer = ByteBuffer.allocate(8 + (length + 7) / 8 * 8);
                  buffer.putInt(type).putInt(length);
                  while (buffer.hasRemaining()) {
                    buffer.putLong(filler);
                  }
                  return buffer.array();
                });
    return extension.list().ofMinSize(1).ofMaxSize(8).map(HeaderFuzzTest::concatenate);
  }

  private static byte[] concatenate(List<byte[]> parts) {
    ByteBuffer all = ByteBuffer.allocate(parts.stream().mapToInt(part -> part.length).sum());
    parts.forEach(all::put);
    return all.array();
  }

  /** What was read must also survive being shown, encoded and read again. */
  private static String outcome(byte[] bytes) {
    Header header;
    try {
      header = HeaderReader.readForRepair("image", ByteBuffer.wrap(bytes), Limits.DEFAULT);
    } catch (Qcow2Exception e) {
      assertThat(e.offset()).isBetween(0L, 65_535L);
      return "refused";
    }
    byte[] encoded = header.encode();
    assertThat(encoded.length).isLessThanOrEqualTo(header.geometry().clusterSize());
    assertThat(header.toString()).isNotEmpty();
    assertThat(header.problems()).allSatisfy(p -> assertThat(p.rule()).isNotBlank());
    try {
      Header again = HeaderReader.readForRepair("image", ByteBuffer.wrap(encoded), Limits.DEFAULT);
      assertThat(again.extensions()).isEqualTo(header.extensions());
      assertThat(again.backingFile()).isEqualTo(header.backingFile());
      assertThat(again.unknownHeaderBytes()).isEqualTo(header.unknownHeaderBytes());
      assertThat(Arrays.equals(again.encode(), encoded)).isTrue();
    } catch (Qcow2Exception e) {
      throw new AssertionError("its own encoding is refused", e);
    }
    return "read";
  }
}
