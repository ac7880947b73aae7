package io.github.qcow2.testkit.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import org.junit.jupiter.api.Test;

final class ReferenceDiskTest {
  @Test
  void newDiskIsZeros() {
    assertThat(new ReferenceDisk(100_000).read(0, 100_000)).containsOnly(0);
    assertThat(new ReferenceDisk(0).read(0, 0)).isEmpty();
  }

  @Test
  void overlayShowsItsBaseAndZerosPastTheEndOfAShorterOne() {
    ReferenceDisk base = new ReferenceDisk(5_000);
    base.write(0, filled(5_000, 1));
    ReferenceDisk disk = ReferenceDisk.over(base, 10_000);

    disk.write(4_990, filled(20, 2));

    assertThat(disk.read(0, 4_990)).containsOnly(1);
    assertThat(disk.read(4_990, 20)).containsOnly(2);
    assertThat(disk.read(5_010, 4_990)).containsOnly(0);
    assertThat(base.read(0, 5_000)).containsOnly(1);
  }

  @Test
  void whatAShorterMiddleLayerHidesStaysHidden() {
    ReferenceDisk bottom = new ReferenceDisk(10_000);
    bottom.write(0, filled(10_000, 1));
    ReferenceDisk middle = ReferenceDisk.over(bottom, 5_000);
    ReferenceDisk top = ReferenceDisk.over(middle, 10_000);

    assertThat(top.read(0, 5_000)).containsOnly(1);
    assertThat(top.read(5_000, 5_000)).containsOnly(0);
    top.write(5_500, filled(1, 2));
    assertThat(top.read(5_000, 500)).containsOnly(0);
  }

  @Test
  void growingDoesNotUncoverALongerBase() {
    ReferenceDisk base = new ReferenceDisk(20_000);
    base.write(0, filled(20_000, 1));
    ReferenceDisk disk = ReferenceDisk.over(base, 5_000);
    disk.write(10, filled(1, 2));

    disk.grow(30_000);

    assertThat(disk.read(100, 4_900)).containsOnly(1);
    assertThat(disk.read(5_000, 25_000)).containsOnly(0);
    assertThatIllegalArgumentException().isThrownBy(() -> disk.grow(29_999));
  }

  @Test
  void zeroesHideTheBase() {
    ReferenceDisk base = new ReferenceDisk(20_000);
    base.write(0, filled(20_000, 1));
    ReferenceDisk disk = ReferenceDisk.over(base, 20_000);

    disk.writeZeroes(3_000, 9_000);

    assertThat(disk.read(0, 3_000)).containsOnly(1);
    assertThat(disk.read(3_000, 9_000)).containsOnly(0);
    assertThat(disk.read(12_000, 8_000)).containsOnly(1);
    assertThat(disk.observe(3_000, filled(1, 1))).isPresent();
  }

  @Test
  void discardedBytesMayBeOldOrZeroAndNothingElse() {
    ReferenceDisk disk = new ReferenceDisk(8_192);
    disk.write(0, filled(8_192, 5));
    disk.discard(1_000, 5_000);

    byte[] seen = filled(8_192, 5);
    Arrays.fill(seen, 1_024, 4_096, (byte) 0);
    assertThat(disk.observe(0, seen)).isEmpty();

    ReferenceDisk other = new ReferenceDisk(8_192);
    other.write(0, filled(8_192, 5));
    other.discard(1_000, 5_000);
    seen[2_000] = 6;
    assertThat(other.observe(0, seen)).hasValue(new Mismatch(2_000, (byte) 5, (byte) 6));
  }

  @Test
  void bytesBesideADiscardKeepTheirValue() {
    ReferenceDisk disk = new ReferenceDisk(8_192);
    disk.write(0, filled(8_192, 5));
    disk.discard(1_000, 1_000);

    assertThat(disk.observe(999, new byte[1])).isPresent();
    assertThat(disk.observe(2_000, new byte[1])).isPresent();
    assertThat(disk.observe(1_000, new byte[1_000])).isEmpty();
  }

  @Test
  void fateOfADiscardedByteIsSettledOnceItWasSeen() {
    ReferenceDisk disk = new ReferenceDisk(4_096);
    disk.write(0, filled(4_096, 5));
    disk.discard(0, 4_096);

    assertThat(disk.observe(0, new byte[512])).isEmpty();
    assertThat(disk.observe(512, filled(512, 5))).isEmpty();

    assertThat(disk.observe(0, filled(512, 5))).as("zero stays zero").isPresent();
    assertThat(disk.observe(512, new byte[512])).as("old stays old").isPresent();
    assertThat(disk.observe(1_024, new byte[512])).as("not seen yet").isEmpty();
  }

  @Test
  void writeAfterDiscardLeavesNoDoubt() {
    ReferenceDisk disk = new ReferenceDisk(4_096);
    disk.write(0, filled(4_096, 5));
    disk.discard(0, 4_096);
    disk.write(100, filled(10, 7));

    assertThat(disk.observe(100, new byte[10])).isPresent();
    assertThat(disk.observe(100, filled(10, 7))).isEmpty();
  }

  @Test
  void rangesOutsideAreRefused() {
    ReferenceDisk disk = new ReferenceDisk(100);

    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> disk.write(99, new byte[2]));
    assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(() -> disk.read(-1, 1));
    assertThatExceptionOfType(IndexOutOfBoundsException.class)
        .isThrownBy(() -> disk.discard(1, Long.MAX_VALUE));
  }

  @Property(tries = 200)
  void modelAgreesWithAnArray(@ForAll long seed) {
    Random random = new Random(seed);
    byte[] array = new byte[20_000];
    ReferenceDisk disk = new ReferenceDisk(array.length);
    for (int i = 0; i < 30; i++) {
      int from = random.nextInt(array.length);
      int length = random.nextInt(Math.min(9_000, array.length - from) + 1);
      if (random.nextInt(3) == 0) {
        Arrays.fill(array, from, from + length, (byte) 0);
        disk.writeZeroes(from, length);
      } else {
        byte[] bytes = Content.bytes(random.nextLong(), from, length);
        System.arraycopy(bytes, 0, array, from, length);
        disk.write(from, bytes);
      }
    }
    assertThat(disk.read(0, array.length)).isEqualTo(array);
    assertThat(disk.observe(0, array)).isEmpty();
  }

  @Test
  void sizeCostsNothing() {
    ReferenceDisk disk = new ReferenceDisk(Long.MAX_VALUE);
    disk.write(Long.MAX_VALUE - 10, filled(10, 3));

    assertThat(disk.read(Long.MAX_VALUE - 10, 10)).containsOnly(3);
    assertThat(disk.populatedPages()).containsExactly(Long.MAX_VALUE / 4096 * 4096);
  }

  private static byte[] filled(int length, int value) {
    byte[] bytes = new byte[length];
    Arrays.fill(bytes, (byte) value);
    return bytes;
  }
}
