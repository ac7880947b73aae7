package io.github.qcow2.testkit.contract;

import static io.github.qcow2.testkit.contract.ByteAssertions.assertSame;
import static io.github.qcow2.testkit.contract.ByteAssertions.assertZeros;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

/**
 * What every {@link Storage} must do. Extend it, make the storages, and JUnit runs the rest.
 *
 * <p>Every storage that a test obtains from the subclass is closed after the test.
 */
public abstract class StorageContract {
  private final List<Storage> opened = new ArrayList<>();

  /** For subclasses. */
  protected StorageContract() {}

  /** Makes a new storage: writable, of zero bytes, independent of every other. */
  protected abstract Storage create() throws IOException;

  /**
   * Makes a read-only storage that holds {@code content}, or nothing when the implementation knows
   * no read-only storages: the tests that need one are then skipped.
   */
  protected abstract Optional<Storage> createReadOnly(byte[] content) throws IOException;

  /** Closes what the test opened. */
  @AfterEach
  public final void closeStorages() throws IOException {
    for (Storage storage : opened) {
      storage.close();
    }
  }

  @Test
  public void newStorageIsEmpty() throws IOException {
    Storage storage = open();

    assertThat(storage.size()).isZero();
    assertThat(storage.isReadOnly()).isFalse();
    assertThat(storage.name()).isNotBlank();
  }

  @Test
  public void whatIsWrittenIsRead() throws IOException {
    Storage storage = open();
    byte[] bytes = content(1, 10_000);

    storage.write(ByteBuffer.wrap(bytes), 0);

    assertThat(storage.size()).isEqualTo(10_000);
    assertSame(read(storage, 0, 10_000), bytes);
    assertSame(read(storage, 777, 5_000), Arrays.copyOfRange(bytes, 777, 5_777));
  }

  @Test
  public void writeReplacesOnlyItsOwnRange() throws IOException {
    Storage storage = open();
    byte[] expected = content(2, 9_000);
    storage.write(ByteBuffer.wrap(expected), 0);
    byte[] patch = content(3, 1_000);

    storage.write(ByteBuffer.wrap(patch), 4_095);

    System.arraycopy(patch, 0, expected, 4_095, patch.length);
    assertSame(read(storage, 0, 9_000), expected);
    assertThat(storage.size()).isEqualTo(9_000);
  }

  @Test
  public void readPastTheEndGivesZeros() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(4, 100)), 0);

    byte[] across = read(storage, 50, 20_000);

    assertThat(Arrays.copyOf(across, 50)).isEqualTo(Arrays.copyOfRange(content(4, 100), 50, 100));
    assertThat(Arrays.copyOfRange(across, 50, 20_000)).containsOnly(0);
    assertZeros(read(storage, 1L << 40, 512));
    assertThat(storage.size()).as("reading does not extend").isEqualTo(100);
  }

  @Test
  public void readFillsOnlyBetweenPositionAndLimit() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(5, 4_096)), 0);
    byte[] array = new byte[100];
    Arrays.fill(array, (byte) 0x77);
    ByteBuffer destination = ByteBuffer.wrap(array);
    destination.position(10).limit(60);

    storage.read(destination, 1_000);

    assertThat(destination.position()).isEqualTo(60);
    assertThat(Arrays.copyOf(array, 10)).containsOnly(0x77);
    assertThat(Arrays.copyOfRange(array, 10, 60))
        .isEqualTo(Arrays.copyOfRange(content(5, 4_096), 1_000, 1_050));
    assertThat(Arrays.copyOfRange(array, 60, 100)).containsOnly(0x77);
  }

  @Test
  public void writeTakesOnlyBetweenPositionAndLimit() throws IOException {
    Storage storage = open();
    byte[] array = content(6, 100);
    ByteBuffer source = ByteBuffer.wrap(array).asReadOnlyBuffer();
    source.position(10).limit(60);

    storage.write(source, 0);

    assertThat(source.position()).isEqualTo(60);
    assertThat(storage.size()).isEqualTo(50);
    assertSame(read(storage, 0, 50), Arrays.copyOfRange(array, 10, 60));
  }

  @Test
  public void directBuffersWorkAsHeapBuffersDo() throws IOException {
    Storage storage = open();
    byte[] bytes = content(7, 70_000);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length);
    direct.put(bytes).flip();

    storage.write(direct, 3);
    ByteBuffer back = ByteBuffer.allocateDirect(bytes.length);
    storage.read(back, 3);

    byte[] read = new byte[bytes.length];
    back.flip().get(read);
    assertThat(direct.hasRemaining()).isFalse();
    assertThat(read).isEqualTo(bytes);
  }

  @Test
  public void largeTransfersAreComplete() throws IOException {
    Storage storage = open();
    byte[] bytes = content(8, 5_000_003);
    ByteBuffer source = ByteBuffer.wrap(bytes);

    storage.write(source, 11);

    assertThat(source.hasRemaining()).isFalse();
    assertThat(storage.size()).isEqualTo(5_000_014);
    assertSame(read(storage, 11, bytes.length), bytes);
  }

  @Test
  public void writePastTheEndExtendsAndTheGapReadsAsZeros() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(9, 10)), 0);

    storage.write(ByteBuffer.wrap(content(10, 10)), 300_000);

    assertThat(storage.size()).isEqualTo(300_010);
    assertSame(read(storage, 0, 10), content(9, 10));
    assertZeros(read(storage, 10, 299_990));
    assertSame(read(storage, 300_000, 10), content(10, 10));
  }

  @Test
  public void emptyTransfersChangeNothing() throws IOException {
    Storage storage = open();

    storage.write(ByteBuffer.allocate(0), 1_000);
    storage.read(ByteBuffer.allocate(0), 5_000);

    assertThat(storage.size()).isZero();
  }

  @Test
  public void setSizeExtendsWithZeros() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(11, 1_000)), 0);

    storage.setSize(100_000);

    assertThat(storage.size()).isEqualTo(100_000);
    assertSame(read(storage, 0, 1_000), content(11, 1_000));
    assertZeros(read(storage, 1_000, 99_000));
  }

  @Test
  public void extendAddsZerosAndCutsOffNothing() throws IOException {
    Storage storage = open();
    byte[] bytes = content(28, 10_000);
    storage.write(ByteBuffer.wrap(bytes), 0);

    storage.extend(9_000);
    assertThat(storage.size()).isEqualTo(10_000);
    storage.extend(100_000);

    assertThat(storage.size()).isEqualTo(100_000);
    assertSame(read(storage, 0, 10_000), bytes);
    assertZeros(read(storage, 10_000, 90_000));
  }

  @Test
  public void bytesCutOffDoNotComeBack() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(12, 100_000)), 0);

    storage.setSize(1_000);
    assertThat(storage.size()).isEqualTo(1_000);
    assertZeros(read(storage, 1_000, 99_000));
    storage.setSize(100_000);

    assertSame(read(storage, 0, 1_000), Arrays.copyOf(content(12, 100_000), 1_000));
    assertZeros(read(storage, 1_000, 99_000));
  }

  @Test
  public void bytesCutOffDoNotComeBackUnderALaterWrite() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(13, 10_000)), 0);
    storage.setSize(0);

    storage.write(ByteBuffer.wrap(new byte[] {1}), 9_999);

    assertZeros(read(storage, 0, 9_999));
  }

  @Test
  public void discardedSectorsReadAsBeforeOrAsZeros() throws IOException {
    Storage storage = open();
    byte[] bytes = content(20, 300_000);
    storage.write(ByteBuffer.wrap(bytes), 0);

    storage.discard(65_536, 131_072);

    assertThat(storage.size()).isEqualTo(300_000);
    assertSame(read(storage, 0, 65_536), Arrays.copyOf(bytes, 65_536));
    assertSame(read(storage, 196_608, 103_392), Arrays.copyOfRange(bytes, 196_608, 300_000));
    assertKeptOrZero(storage, bytes, 65_536, 196_608);
  }

  @Test
  public void discardLeavesSectorsThatItCoversInPart() throws IOException {
    Storage storage = open();
    byte[] bytes = content(21, 20_000);
    storage.write(ByteBuffer.wrap(bytes), 0);

    storage.discard(513, 9_000);
    storage.discard(15_000, 1L << 40);

    assertThat(storage.size()).isEqualTo(20_000);
    assertSame(read(storage, 0, 1_024), Arrays.copyOf(bytes, 1_024));
    assertSame(read(storage, 9_216, 6_144), Arrays.copyOfRange(bytes, 9_216, 15_360));
    assertSame(read(storage, 19_968, 32), Arrays.copyOfRange(bytes, 19_968, 20_000));
    assertKeptOrZero(storage, bytes, 1_024, 9_216);
    assertKeptOrZero(storage, bytes, 15_360, 19_968);
  }

  @Test
  public void discardTellsNobodyWhereThereAreNoWholeSectors() throws IOException {
    Storage storage = open();
    byte[] bytes = content(22, 2_048);
    storage.write(ByteBuffer.wrap(bytes), 0);

    assertThat(storage.discard(100, 900)).isFalse();
    assertThat(storage.discard(0, 511)).isFalse();
    assertThat(storage.discard(512, 0)).isFalse();
    assertThat(storage.discard(2_048, 1L << 40)).isFalse();
    assertThat(storage.discard(Long.MAX_VALUE, 0)).isFalse();

    assertThat(storage.size()).isEqualTo(2_048);
    assertSame(read(storage, 0, 2_048), bytes);
  }

  @Test
  public void discardedBytesCanBeWrittenAgain() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(23, 100_000)), 0);
    byte[] again = content(24, 100_000);

    storage.discard(0, 100_000);
    storage.write(ByteBuffer.wrap(again), 0);

    storage.force();
    assertSame(read(storage, 0, 100_000), again);
  }

  @Test
  public void zeroesReplaceOnlyTheirOwnRange() throws IOException {
    for (boolean mayUnmap : new boolean[] {false, true}) {
      Storage storage = open();
      byte[] expected = content(25, 700_000);
      storage.write(ByteBuffer.wrap(expected), 0);

      storage.writeZeroes(1_001, 600_000, mayUnmap);

      Arrays.fill(expected, 1_001, 601_001, (byte) 0);
      assertSame(read(storage, 0, 700_000), expected);
      assertThat(storage.size()).isEqualTo(700_000);
    }
  }

  @Test
  public void zeroesPastTheEndExtend() throws IOException {
    for (boolean mayUnmap : new boolean[] {false, true}) {
      Storage storage = open();
      byte[] bytes = content(26, 1_000);
      storage.write(ByteBuffer.wrap(bytes), 0);

      storage.writeZeroes(900, 200, mayUnmap);
      assertThat(storage.size()).isEqualTo(1_100);
      storage.writeZeroes(500_000, 70_001, mayUnmap);

      assertThat(storage.size()).isEqualTo(570_001);
      assertSame(read(storage, 0, 900), Arrays.copyOf(bytes, 900));
      assertZeros(read(storage, 900, 569_101));
    }
  }

  @Test
  public void allocatedBytesKeepWhatTheyHoldOrAreZeros() throws IOException {
    Storage storage = open();
    byte[] bytes = content(27, 10_000);
    storage.write(ByteBuffer.wrap(bytes), 0);

    storage.allocate(100, 5_000);
    assertThat(storage.size()).isEqualTo(10_000);
    storage.allocate(5_000, 95_001);
    assertThat(storage.size()).isEqualTo(100_001);
    storage.allocate(200_000, 1);

    assertThat(storage.size()).isEqualTo(200_001);
    assertSame(read(storage, 0, 10_000), bytes);
    assertZeros(read(storage, 10_000, 190_001));
  }

  @Test
  public void emptyRangesDoNotExtend() throws IOException {
    Storage storage = open();

    storage.writeZeroes(1_000, 0, true);
    storage.allocate(1_000, 0);

    assertThat(storage.size()).isZero();
  }

  @Test
  public void allocatedSizeIsUnknownOrThatOfAllBytesWritten() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(28, 1 << 20)), 0);
    storage.force();

    long allocated = storage.allocatedSize();

    if (allocated != -1) {
      assertThat(allocated).isGreaterThanOrEqualTo(1 << 20);
    }
  }

  @Test
  public void onlyZerosAreCalledHoles() throws IOException {
    Storage storage = open();
    byte[] expected = new byte[1 << 20];
    for (int start : new int[] {0, 100_000, 400_000, 900_001}) {
      byte[] bytes = content(start, 70_000);
      System.arraycopy(bytes, 0, expected, start, bytes.length);
      storage.write(ByteBuffer.wrap(bytes), start);
    }
    storage.discard(131_072, 16_384);
    System.arraycopy(read(storage, 131_072, 16_384), 0, expected, 131_072, 16_384);
    storage.setSize(expected.length);

    long at = 0;
    while (at < expected.length) {
      long data = storage.nextData(at);
      assertThat(data).isBetween(at, (long) expected.length);
      assertZeros(Arrays.copyOfRange(expected, (int) at, (int) data));
      long hole = storage.nextHole(data);
      assertThat(hole).isBetween(data, (long) expected.length);
      assertThat(data < expected.length).as("data are not empty").isEqualTo(hole > data);
      at = hole;
    }

    assertSame(read(storage, 0, expected.length), expected);
    assertThat(storage.nextData(910_000)).isEqualTo(910_000);
    assertThat(storage.nextHole(910_000)).isBetween(970_001L, (long) expected.length);
  }

  @Test
  public void thereIsNeitherDataNorHoleFromTheEndOn() throws IOException {
    Storage storage = open();
    assertThat(storage.nextData(0)).isZero();
    storage.write(ByteBuffer.wrap(content(29, 1_000)), 0);

    assertThat(storage.nextData(1_000)).isEqualTo(1_000);
    assertThat(storage.nextHole(1_000)).isEqualTo(1_000);
    assertThat(storage.nextData(Long.MAX_VALUE)).isEqualTo(1_000);
    assertThat(storage.nextHole(1L << 40)).isEqualTo(1_000);
  }

  @Test
  public void copyIsCompleteOrNothing() throws IOException {
    Storage source = open();
    byte[] from = content(30, 500_000);
    source.write(ByteBuffer.wrap(from), 0);
    Storage storage = open();
    byte[] expected = content(31, 400_000);
    storage.write(ByteBuffer.wrap(expected), 0);

    if (storage.copyFrom(source, 1_003, 200_001, 300_000)) {
      expected = Arrays.copyOf(expected, 500_001);
      System.arraycopy(from, 1_003, expected, 200_001, 300_000);
    }

    assertThat(storage.size()).isEqualTo(expected.length);
    assertSame(read(storage, 0, expected.length), expected);
    assertSame(read(source, 0, from.length), from);
  }

  @Test
  public void nothingIsCopiedFromBeyondTheEndOfTheSource() throws IOException {
    Storage source = open();
    source.write(ByteBuffer.wrap(content(32, 1_000)), 0);
    Storage storage = open();

    assertThat(storage.copyFrom(source, 500, 0, 501)).isFalse();

    assertThat(storage.size()).isZero();
  }

  @Test
  public void forceKeepsContentAndSize() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(14, 5_000)), 0);

    storage.force();
    storage.force();

    assertThat(storage.size()).isEqualTo(5_000);
    assertSame(read(storage, 0, 5_000), content(14, 5_000));
  }

  @Test
  public void negativeAndOverflowingPositionsAreCallerErrors() throws IOException {
    Storage storage = open();

    assertThatIllegalArgumentException().isThrownBy(() -> storage.read(ByteBuffer.allocate(1), -1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> storage.write(ByteBuffer.allocate(1), -1));
    assertThatIllegalArgumentException()
        .isThrownBy(() -> storage.read(ByteBuffer.allocate(2), Long.MAX_VALUE - 1));
    assertThatIllegalArgumentException().isThrownBy(() -> storage.setSize(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> storage.nextData(-1));
    assertThatIllegalArgumentException().isThrownBy(() -> storage.nextHole(-1));
    for (long[] range : new long[][] {{-1, 1}, {0, -1}, {Long.MAX_VALUE - 1, 2}}) {
      assertThatIllegalArgumentException().isThrownBy(() -> storage.discard(range[0], range[1]));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> storage.writeZeroes(range[0], range[1], true));
      assertThatIllegalArgumentException().isThrownBy(() -> storage.allocate(range[0], range[1]));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> storage.copyFrom(storage, 0, range[0], range[1]));
      assertThatIllegalArgumentException()
          .isThrownBy(() -> storage.copyFrom(storage, range[0], 0, range[1]));
    }
  }

  @Test
  public void closeIsIdempotent() throws IOException {
    Storage storage = open();

    storage.close();
    storage.close();
  }

  @Test
  public void closedStorageRefusesEverything() throws IOException {
    Storage storage = open();
    storage.write(ByteBuffer.wrap(content(15, 10)), 0);
    storage.close();

    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> storage.read(ByteBuffer.allocate(1), 0));
    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> storage.write(ByteBuffer.allocate(1), 0));
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(storage::size);
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(() -> storage.setSize(0));
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(storage::force);
    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> storage.discard(0, 512));
    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> storage.writeZeroes(0, 1, true));
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(() -> storage.allocate(0, 1));
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(storage::allocatedSize);
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(() -> storage.nextData(0));
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(() -> storage.nextHole(0));
    Storage other = open();
    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> storage.copyFrom(other, 0, 0, 0));
    assertThatExceptionOfType(DeviceClosedException.class)
        .isThrownBy(() -> other.copyFrom(storage, 0, 0, 0));
  }

  @Test
  public void readOnlyStorageReadsAndRefusesEveryChange() throws IOException {
    byte[] bytes = content(16, 3_000);
    Optional<Storage> created = createReadOnly(bytes);
    assumeThat(created).as("the implementation has read-only storages").isPresent();
    Storage storage = created.orElseThrow();
    opened.add(storage);

    assertThat(storage.isReadOnly()).isTrue();
    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> storage.write(ByteBuffer.allocate(1), 0));
    assertThatExceptionOfType(ReadOnlyImageException.class).isThrownBy(() -> storage.setSize(0));
    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> storage.discard(0, 1_024));
    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> storage.writeZeroes(0, 1, true));
    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> storage.allocate(0, 4_000));
    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> storage.copyFrom(storage, 0, 1_000, 100));
    assertThat(storage.nextData(0)).isZero();
    assertThat(storage.nextHole(0)).isEqualTo(3_000);
    storage.force();
    assertThat(storage.size()).isEqualTo(3_000);
    assertSame(read(storage, 0, 3_000), bytes);
    assertZeros(read(storage, 3_000, 100));
  }

  @Test
  public void threadsOnSeparateRangesDoNotDisturbEachOther() throws Exception {
    Storage storage = open();
    int threads = 4;
    int share = 64 * 1024;

    Threads.run(
        threads,
        thread -> {
          long start = (long) thread * share;
          Random random = new Random(thread);
          byte[] model = content(100 + thread, share);
          storage.write(ByteBuffer.wrap(model), start);
          for (int i = 0; i < 200; i++) {
            byte[] patch = content(random.nextLong(), 1 + random.nextInt(3_000));
            int at = random.nextInt(share - patch.length);
            System.arraycopy(patch, 0, model, at, patch.length);
            storage.write(ByteBuffer.wrap(patch), start + at);
            if (i % 50 == 0) {
              storage.force();
            }
            assertSame(read(storage, start, share), model);
          }
        });

    assertThat(storage.size()).isEqualTo((long) threads * share);
  }

  private static void assertKeptOrZero(Storage storage, byte[] before, int from, int to)
      throws IOException {
    byte[] now = read(storage, from, to - from);
    for (int at = 0; at < now.length; at += 512) {
      byte[] sector = Arrays.copyOfRange(now, at, at + 512);
      if (!Arrays.equals(sector, new byte[512])) {
        assertSame(sector, Arrays.copyOfRange(before, from + at, from + at + 512));
      }
    }
  }

  private Storage open() throws IOException {
    Storage storage = create();
    opened.add(storage);
    return storage;
  }

  private static byte[] content(long seed, int length) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static byte[] read(Storage storage, long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    storage.read(buffer, position);
    assertThat(buffer.hasRemaining()).as("the whole buffer is filled").isFalse();
    return buffer.array();
  }
}
