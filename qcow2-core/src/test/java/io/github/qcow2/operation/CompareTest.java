package io.github.qcow2.operation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.qcow2.Extent.Kind;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.operation.CompareResult.Verdict;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class CompareTest {
  private static final int MIB = 1 << 20;

  @Test
  void storageDoesNotCountUnlessStrict() throws IOException {
    MemoryDevice written = new MemoryDevice(MIB).data(4096, 8192, 0);
    MemoryDevice empty = new MemoryDevice(MIB);

    assertThat(Compare.of(written, empty).run())
        .isEqualTo(new CompareResult(Verdict.IDENTICAL, CompareResult.NO_OFFSET, false));
    assertThat(Compare.of(written, empty).strict(true).run())
        .isEqualTo(new CompareResult(Verdict.ALLOCATION_DIFFERS, 4096, false));
  }

  @Test
  void compressedIsStoredDifferentlyFromPlain() throws IOException {
    MemoryDevice plain = new MemoryDevice(MIB).data(0, MIB, 5);
    MemoryDevice compressed = new MemoryDevice(MIB).data(0, MIB, 5);
    compressed.kind(65536, 65536, Kind.COMPRESSED);

    assertThat(Compare.of(plain, compressed).run().identical()).isTrue();
    assertThat(Compare.of(plain, compressed).strict(true).run().offset()).isEqualTo(65536);
  }

  @Test
  void zeroesWithAndWithoutSpaceAreStoredDifferently() throws IOException {
    MemoryDevice plain = new MemoryDevice(MIB).kind(0, 65536, Kind.ZERO);
    MemoryDevice kept = new MemoryDevice(MIB).kind(0, 65536, Kind.ZERO);
    kept.zeroesHaveAPlace = true;

    assertThat(Compare.of(plain, kept).run().identical()).isTrue();
    assertThat(Compare.of(plain, kept).strict(true).run().verdict())
        .isEqualTo(Verdict.ALLOCATION_DIFFERS);
  }

  @Test
  void firstDifferenceInGuestOrderCounts() throws IOException {
    MemoryDevice first = new MemoryDevice(MIB).data(0, 8192, 5).data(65536, 512, 1);
    MemoryDevice second = new MemoryDevice(MIB).data(0, 8192, 5);
    second.bytes[5000] = 6;

    assertThat(Compare.of(first, second).strict(true).run())
        .isEqualTo(new CompareResult(Verdict.CONTENT_DIFFERS, 5000, false));
  }

  @Test
  void longerDiskMayGoOnWithZeroes() throws IOException {
    MemoryDevice small = new MemoryDevice(MIB).data(0, MIB, 5);
    MemoryDevice large = new MemoryDevice(3 * MIB).data(0, MIB, 5).data(2 * MIB, 4096, 0);

    for (CompareResult result :
        List.of(Compare.of(small, large).run(), Compare.of(large, small).run())) {
      assertThat(result)
          .isEqualTo(new CompareResult(Verdict.IDENTICAL, CompareResult.NO_OFFSET, true));
    }
  }

  @Test
  void longerDiskMayNotGoOnWithData() throws IOException {
    MemoryDevice small = new MemoryDevice(MIB);
    MemoryDevice large = new MemoryDevice(3 * MIB).data(2 * MIB, 4096, 0);
    large.bytes[2 * MIB + 1000] = 1;

    for (CompareResult result :
        List.of(Compare.of(small, large).run(), Compare.of(large, small).run())) {
      assertThat(result)
          .isEqualTo(new CompareResult(Verdict.CONTENT_DIFFERS, 2 * MIB + 1000, true));
    }
  }

  @Test
  void strictRefusesDifferentSizesWithoutReading() throws IOException {
    MemoryDevice small = new MemoryDevice(MIB).data(0, MIB, 5);

    assertThat(Compare.of(small, new MemoryDevice(2 * MIB)).strict(true).run())
        .isEqualTo(new CompareResult(Verdict.SIZE_DIFFERS, CompareResult.NO_OFFSET, true));
    assertThat(small.bytesRead).hasValue(0);
  }

  @Test
  void knownZeroesAreNotRead() throws IOException {
    MemoryDevice first = new MemoryDevice(8 * MIB).data(MIB, 4096, 1).kind(0, MIB, Kind.ZERO);
    MemoryDevice second = new MemoryDevice(8 * MIB).data(MIB, 4096, 1);

    assertThat(Compare.of(first, second).run().identical()).isTrue();
    assertThat(first.bytesRead).hasValue(4096);
    assertThat(second.bytesRead).hasValue(4096);
  }

  @Test
  void neighbouringExtentsAreReadInLongTransfers() throws IOException {
    MemoryDevice first = new MemoryDevice(8 * MIB).data(0, 8 * MIB, 1);
    MemoryDevice second = new MemoryDevice(8 * MIB).data(0, 8 * MIB, 1);
    for (int at = 0; at < 8 * MIB; at += 8192) {
      first.kind(at, 4096, Kind.COMPRESSED);
    }

    assertThat(Compare.of(first, second).run().identical()).isTrue();
    assertThat(first.longestTransfer).isEqualTo(2 * MIB);
    assertThat(second.longestTransfer).isEqualTo(2 * MIB);
  }

  @Test
  void emptyDisksAreIdentical() throws IOException {
    assertThat(Compare.of(new MemoryDevice(0), new MemoryDevice(0)).strict(true).run().identical())
        .isTrue();
    assertThat(Compare.of(new MemoryDevice(0), new MemoryDevice(MIB)).run().identical()).isTrue();
  }

  @Test
  void progressRisesToTheLargerSizeAndMayCancel() throws IOException {
    MemoryDevice first = new MemoryDevice(8 * MIB).data(0, 8 * MIB, 1);
    MemoryDevice second = new MemoryDevice(9 * MIB).data(0, 8 * MIB, 1);
    List<Long> seen = new ArrayList<>();

    Compare.of(first, second).progress((done, total) -> seen.add(done)).run();
    assertThat(seen).isSorted().startsWith(0L).endsWith(9L * MIB).hasSizeGreaterThan(4);

    assertThatExceptionOfType(OperationCancelledException.class)
        .isThrownBy(() -> Compare.of(first, second).progress((done, total) -> false).run());
  }

  @Test
  void interruptCancelsAndTheFlagStaysSet() {
    MemoryDevice first = new MemoryDevice(MIB).data(0, MIB, 1);
    Thread.currentThread().interrupt();
    Throwable thrown = catchThrowable(() -> Compare.of(first, new MemoryDevice(MIB)).run());
    assertThat(Thread.interrupted()).isTrue();
    assertThat(thrown).isInstanceOf(OperationCancelledException.class);
  }

  @Property(tries = 100)
  void aSingleChangedByteIsFoundWhereItIs(
      @ForAll @IntRange(min = 0, max = 5 * MIB - 1) int at, @ForAll boolean known)
      throws IOException {
    MemoryDevice first = new MemoryDevice(5 * MIB);
    MemoryDevice second = new MemoryDevice(5 * MIB);
    if (known) {
      first.data(0, 5 * MIB, 0);
    }
    second.kind(at / 512 * 512L, 512, Kind.DATA);
    second.bytes[at] = 1;

    assertThat(Compare.of(first, second).run().offset()).isEqualTo(at);
    assertThat(Compare.of(second, first).run().offset()).isEqualTo(at);
  }
}
