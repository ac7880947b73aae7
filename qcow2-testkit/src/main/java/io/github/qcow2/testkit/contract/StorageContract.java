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
