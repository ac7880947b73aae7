package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.math.BigInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.LongRange;
import org.junit.jupiter.api.Test;

class CompressedDescriptorTest {
  @Test
  void offsetIsInBytesAndSectorsAreCountedBeyondTheFirst() {
    long entry = 0x4AC0_0000_003D_9750L;
    assertThat(CompressedDescriptor.hostOffset(entry, 16)).isEqualTo(0x3D9750);
    assertThat(CompressedDescriptor.additionalSectors(entry, 16)).isEqualTo(43);
    assertThat(CompressedDescriptor.byteLength(entry, 16)).isEqualTo(22_192);
  }

  /** Neighbouring descriptors of an image made by qemu-img 7.2 convert -c. */
  @Test
  void neighboursMayShareASector() {
    long first = 0x5240_0000_0005_0000L;
    long second = 0x5240_0000_0005_928cL;
    assertThat(CompressedDescriptor.encode(0x50000, 37_516, 16)).isEqualTo(first);
    assertThat(CompressedDescriptor.encode(0x5928c, 37_563, 16)).isEqualTo(second);
    long third = 0x5240_0000_0006_2547L;
    assertThat(CompressedDescriptor.encode(0x62547, 37_320, 16)).isEqualTo(third);
    assertThat(CompressedDescriptor.byteLength(first, 16)).isEqualTo(37_888);
    assertThat(CompressedDescriptor.byteLength(second, 16)).isEqualTo(37_748);
    assertThat(CompressedDescriptor.byteLength(third, 16)).isEqualTo(37_561);
  }

  @Property
  void decodingGivesWhatWasEncoded(
      @ForAll @IntRange(min = 9, max = 21) int clusterBits,
      @ForAll @LongRange(min = 1, max = (1L << 56) - 1) long anyOffset,
      @ForAll @IntRange(min = 1, max = 1 << 21) int anyLength) {
    int length = 1 + anyLength % ((1 << clusterBits) - 1);
    long end = CompressedDescriptor.offsetEnd(clusterBits);
    long offset = 1 + anyOffset % (end - length - 1);
    long entry = CompressedDescriptor.encode(offset, length, clusterBits);

    assertThat(L2Entry.compressed(entry)).isTrue();
    assertThat(L2Entry.copied(entry)).isFalse();
    assertThat(CompressedDescriptor.hostOffset(entry, clusterBits)).isEqualTo(offset);
    long readEnd = offset + CompressedDescriptor.byteLength(entry, clusterBits);
    assertThat(readEnd % 512).isZero();
    assertThat(readEnd - (offset + length)).isBetween(0L, 511L);
  }

  @Property
  void everyWordDecodesAsTheSpecificationSays(
      @ForAll @IntRange(min = 9, max = 21) int clusterBits, @ForAll long entry) {
    int x = 62 - (clusterBits - 8);
    BigInteger word = new BigInteger(Long.toUnsignedString(entry));
    BigInteger offset = word.mod(BigInteger.TWO.pow(x));
    BigInteger sectors = word.shiftRight(x).mod(BigInteger.TWO.pow(62 - x));
    assertThat(CompressedDescriptor.hostOffset(entry, clusterBits))
        .isEqualTo(offset.longValueExact());
    assertThat(CompressedDescriptor.additionalSectors(entry, clusterBits))
        .isEqualTo(sectors.intValueExact());
    assertThat(CompressedDescriptor.byteLength(entry, clusterBits))
        .isEqualTo((sectors.intValueExact() + 1) * 512 - (int) (entry & 511))
        .isBetween(1, 2 << clusterBits);
  }

  @Property
  void theWholeFieldIsUsable(@ForAll @IntRange(min = 9, max = 21) int clusterBits) {
    long end = CompressedDescriptor.offsetEnd(clusterBits);
    assertThat(end).isEqualTo(clusterBits <= 14 ? 1L << 56 : 1L << (70 - clusterBits));
    long last = CompressedDescriptor.encode(end - 1, 1, clusterBits);
    assertThat(CompressedDescriptor.hostOffset(last, clusterBits)).isEqualTo(end - 1);
    assertThatThrownBy(() -> CompressedDescriptor.encode(end - 1, 2, clusterBits))
        .isInstanceOf(IllegalArgumentException.class);

    int longest = 1 << clusterBits;
    long full = CompressedDescriptor.encode(longest, longest, clusterBits);
    assertThat(CompressedDescriptor.byteLength(full, clusterBits)).isEqualTo(longest);
  }

  @Test
  void lengthsAndOffsetsThatNoEntryHoldsAreRefused() {
    assertThatThrownBy(() -> CompressedDescriptor.encode(0, 1, 16))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CompressedDescriptor.encode(-512, 1, 16))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CompressedDescriptor.encode(65_536, 0, 16))
        .isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> CompressedDescriptor.encode(1023, 1024, 9))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
