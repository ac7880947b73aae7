package io.github.qcow2.testkit.contract;

import static io.github.qcow2.testkit.contract.ByteAssertions.assertSame;
import static io.github.qcow2.testkit.contract.ByteAssertions.assertZeros;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assumptions.assumeThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.ExtentCursor;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.error.DeviceClosedException;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.testkit.model.Content;
import io.github.qcow2.testkit.model.ReferenceDisk;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * What every {@link BlockDevice} must do. Extend it, make the devices, and JUnit runs the rest.
 *
 * <p>All sizes asked for are multiples of 512 bytes. Every device that a test obtains from the
 * subclass is closed after the test.
 */
public abstract class BlockDeviceContract {
  private static final int SIZE = 3 * 256 * 1024 + 1536;

  private final List<BlockDevice> opened = new ArrayList<>();

  /** For subclasses. */
  protected BlockDeviceContract() {}

  /** Makes a new device: writable, of {@code size} zeros, independent of every other. */
  protected abstract BlockDevice create(long size) throws IOException;

  /**
   * Makes a read-only device that holds {@code content}, or nothing when the implementation knows
   * no read-only devices: the tests that need one are then skipped.
   */
  protected abstract Optional<BlockDevice> createReadOnly(byte[] content) throws IOException;

  /**
   * Opens, writable, what {@code closed} held when it was closed; or nothing when the content does
   * not outlive a device: the tests that need it are then skipped.
   *
   * @param closed a device that {@link #create} or this method made
   */
  protected abstract Optional<BlockDevice> reopen(BlockDevice closed) throws IOException;

  /** Closes what the test opened. */
  @AfterEach
  public final void closeDevices() throws IOException {
    for (BlockDevice device : opened) {
      device.close();
    }
  }

  @Test
  public void newDeviceReadsAsZeros() throws IOException {
    BlockDevice device = open();

    assertThat(device.size()).isEqualTo(SIZE);
    assertThat(device.isReadOnly()).isFalse();
    assertThat(device.name()).isNotBlank();
    assertZeros(read(device, 0, SIZE));
  }

  @Test
  public void whatIsWrittenIsReadAndNothingElseChanges() throws IOException {
    BlockDevice device = open();
    ReferenceDisk model = new ReferenceDisk(SIZE);
    long[][] ranges = {{0, 512}, {65_536, 65_536}, {511, 2}, {SIZE - 700, 700}, {100_001, 333_333}};

    for (long[] range : ranges) {
      byte[] bytes = Content.bytes(range[0], range[0], (int) range[1]);
      device.write(ByteBuffer.wrap(bytes), range[0]);
      model.write(range[0], bytes);

      assertSame(read(device, 0, SIZE), model.read(0, SIZE));
    }
  }

  @Test
  public void writeReplacesOnlyItsOwnRange() throws IOException {
    BlockDevice device = filled();
    ReferenceDisk model = filledModel();
    long[][] ranges = {{0, 512}, {65_536, 65_536}, {511, 2}, {SIZE - 700, 699}, {200_001, 3_333}};

    for (long[] range : ranges) {
      byte[] bytes = Content.bytes(2, range[0], (int) range[1]);
      device.write(ByteBuffer.wrap(bytes), range[0]);
      model.write(range[0], bytes);

      assertSame(read(device, 0, SIZE), model.read(0, SIZE));
    }
  }

  @Test
  public void readFillsOnlyBetweenPositionAndLimit() throws IOException {
    BlockDevice device = filled();
    byte[] array = new byte[100];
    Arrays.fill(array, (byte) 0x77);
    ByteBuffer destination = ByteBuffer.wrap(array);
    destination.position(10).limit(60);

    device.read(destination, 65_530);

    assertThat(destination.position()).isEqualTo(60);
    assertThat(Arrays.copyOf(array, 10)).containsOnly(0x77);
    assertThat(Arrays.copyOfRange(array, 10, 60)).isEqualTo(Content.bytes(1, 65_530, 50));
    assertThat(Arrays.copyOfRange(array, 60, 100)).containsOnly(0x77);
  }

  @Test
  public void writeTakesOnlyBetweenPositionAndLimit() throws IOException {
    BlockDevice device = open();
    ByteBuffer source = ByteBuffer.wrap(Content.bytes(2, 65_520, 100)).asReadOnlyBuffer();
    source.position(10).limit(60);

    device.write(source, 65_530);

    assertThat(source.position()).isEqualTo(60);
    assertSame(read(device, 65_530, 50), Content.bytes(2, 65_530, 50));
    assertZeros(read(device, 65_520, 10));
    assertZeros(read(device, 65_580, 10));
  }

  @Test
  public void directBuffersWorkAsHeapBuffersDo() throws IOException {
    BlockDevice device = open();
    byte[] bytes = Content.bytes(3, 5_000, 200_000);
    ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length);
    direct.put(bytes).flip();

    device.write(direct, 5_000);
    ByteBuffer back = ByteBuffer.allocateDirect(bytes.length);
    device.read(back, 5_000);

    byte[] seen = new byte[bytes.length];
    back.flip().get(seen);
    assertThat(direct.hasRemaining()).isFalse();
    assertThat(seen).isEqualTo(bytes);
  }

  @Test
  public void rangesOutsideTheDeviceAreRefusedWhole() throws IOException {
    BlockDevice device = filled();

    for (long[] range : new long[][] {{-1, 1}, {SIZE, 1}, {SIZE - 1, 2}, {Long.MAX_VALUE, 2}}) {
      long position = range[0];
      int length = (int) range[1];
      assertOutside(() -> device.read(ByteBuffer.allocate(length), position));
      assertOutside(() -> device.write(ByteBuffer.allocate(length), position));
      assertOutside(() -> device.writeZeroes(position, length, ZeroMode.MAY_UNMAP));
      assertOutside(() -> device.discard(position, length));
      assertOutside(() -> device.extents(position, length));
    }
    assertOutside(() -> device.discard(0, -1));
    assertOutside(() -> device.writeZeroes(1, Long.MAX_VALUE, ZeroMode.MAY_UNMAP));
    assertSame(read(device, 0, SIZE), Content.bytes(1, 0, SIZE));
  }

  @Test
  public void emptyRangesAreFineUpToTheEnd() throws IOException {
    BlockDevice device = filled();

    device.read(ByteBuffer.allocate(0), SIZE);
    device.write(ByteBuffer.allocate(0), SIZE);
    device.writeZeroes(SIZE, 0, ZeroMode.MAY_UNMAP);
    device.discard(100, 0);

    assertThat(device.extents(SIZE, 0).next()).isNull();
    assertThat(device.extents(100, 0).toList()).isEmpty();
    assertSame(read(device, 0, SIZE), Content.bytes(1, 0, SIZE));
  }

  @ParameterizedTest
  @EnumSource(ZeroMode.class)
  public void zeroesReadAsZerosAndNothingElseChanges(ZeroMode mode) throws IOException {
    BlockDevice device = filled();
    ReferenceDisk model = filledModel();
    long[][] ranges = {{65_536, 65_536}, {131_000, 1_000}, {200_001, 333_333}, {SIZE - 1, 1}};

    for (long[] range : ranges) {
      device.writeZeroes(range[0], range[1], mode);
      model.writeZeroes(range[0], range[1]);

      assertSame(read(device, 0, SIZE), model.read(0, SIZE));
    }
  }

  @ParameterizedTest
  @EnumSource(ZeroMode.class)
  public void zeroesCanBeWrittenOver(ZeroMode mode) throws IOException {
    BlockDevice device = filled();
    ReferenceDisk model = filledModel();
    device.writeZeroes(0, SIZE, mode);
    model.writeZeroes(0, SIZE);

    device.write(ByteBuffer.wrap(Content.bytes(4, 70_000, 3_000)), 70_000);
    model.write(70_000, Content.bytes(4, 70_000, 3_000));

    assertSame(read(device, 0, SIZE), model.read(0, SIZE));
  }

  @Test
  public void discardLeavesOldBytesOrZerosAndNothingElse() throws IOException {
    BlockDevice device = filled();
    ReferenceDisk model = filledModel();

    for (long[] range : new long[][] {{65_536, 131_072}, {300_001, 99_999}, {SIZE - 5, 5}}) {
      device.discard(range[0], range[1]);
      model.discard(range[0], range[1]);
    }

    assertThat(model.observe(0, read(device, 0, SIZE))).isEmpty();
    assertThat(model.observe(0, read(device, 0, SIZE))).as("a second look").isEmpty();
  }

  @Test
  public void discardedRangesCanBeWrittenOver() throws IOException {
    BlockDevice device = filled();
    ReferenceDisk model = filledModel();
    device.discard(0, SIZE);
    model.discard(0, SIZE);
    assertThat(model.observe(0, read(device, 0, SIZE))).isEmpty();

    device.write(ByteBuffer.wrap(Content.bytes(5, 70_000, 3_000)), 70_000);
    model.write(70_000, Content.bytes(5, 70_000, 3_000));

    assertThat(model.observe(0, read(device, 0, SIZE))).isEmpty();
  }

  @Test
  public void extentsTileEveryRangeAndAgreeWithRead() throws IOException {
    BlockDevice device = open();
    device.write(ByteBuffer.wrap(Content.bytes(6, 65_536, 65_536)), 65_536);
    device.write(ByteBuffer.wrap(Content.bytes(6, 300_000, 5)), 300_000);
    device.write(ByteBuffer.wrap(Content.bytes(6, 400_000, 150_000)), 400_000);
    device.writeZeroes(470_000, 40_000, ZeroMode.KEEP_ALLOCATED);
    device.discard(430_000, 8_192);
    Random random = new Random(6);

    assertTiles(device, 0, SIZE);
    for (int i = 0; i < 200; i++) {
      int position = random.nextInt(SIZE);
      assertTiles(device, position, random.nextInt(SIZE - position + 1));
    }
  }

  @Test
  public void extentsOfWrittenBytesAreData() throws IOException {
    BlockDevice device = filled();

    assertThat(device.extents(0, SIZE).toList())
        .extracting(Extent::kind)
        .containsOnly(Extent.Kind.DATA);
  }

  @Test
  public void flushKeepsEverything() throws IOException {
    BlockDevice device = filled();

    device.flush();
    device.flush();

    assertSame(read(device, 0, SIZE), Content.bytes(1, 0, SIZE));
  }

  @Test
  public void closeKeepsEverythingForTheNextOpen() throws IOException {
    BlockDevice device = filled();
    device.writeZeroes(100_000, 50_000, ZeroMode.MAY_UNMAP);
    device.close();
    Optional<BlockDevice> again = reopen(device);
    assumeThat(again).as("the content outlives the device").isPresent();
    BlockDevice reopened = track(again.orElseThrow());

    ReferenceDisk model = filledModel();
    model.writeZeroes(100_000, 50_000);
    assertThat(reopened.size()).isEqualTo(SIZE);
    assertSame(read(reopened, 0, SIZE), model.read(0, SIZE));
  }

  @Test
  public void closedDeviceRefusesEverything() throws IOException {
    BlockDevice device = filled();
    ExtentCursor cursor = device.extents(0, SIZE);
    device.close();
    device.close();

    assertClosed(() -> device.read(ByteBuffer.allocate(1), 0));
    assertClosed(() -> device.write(ByteBuffer.allocate(1), 0));
    assertClosed(() -> device.writeZeroes(0, 1, ZeroMode.MAY_UNMAP));
    assertClosed(() -> device.discard(0, 1));
    assertClosed(device::flush);
    assertClosed(cursor::next);
  }

  @Test
  public void readOnlyDeviceReadsAndRefusesEveryChange() throws IOException {
    byte[] content = Content.bytes(7, 0, SIZE);
    Optional<BlockDevice> created = createReadOnly(content);
    assumeThat(created).as("the implementation has read-only devices").isPresent();
    BlockDevice device = track(created.orElseThrow());

    assertThat(device.isReadOnly()).isTrue();
    assertReadOnly(() -> device.write(ByteBuffer.allocate(1), 0));
    assertReadOnly(() -> device.writeZeroes(0, 1, ZeroMode.MAY_UNMAP));
    assertReadOnly(() -> device.discard(0, 1));
    device.flush();
    assertSame(read(device, 0, SIZE), content);
    assertTiles(device, 0, SIZE);
  }

  @Test
  public void threadsOnSeparateSectorsDoNotDisturbEachOther() throws Exception {
    BlockDevice device = open();
    int threads = 4;

    Threads.run(
        threads,
        thread -> {
          Random random = new Random(thread);
          int sectors = SIZE / 512 / threads;
          long[] seeds = new long[sectors];
          for (int i = 0; i < 400; i++) {
            int index = random.nextInt(sectors);
            long position = 512L * (index * threads + thread);
            seeds[index] = random.nextLong();
            device.write(ByteBuffer.wrap(Content.bytes(seeds[index], position, 512)), position);
            int other = random.nextInt(sectors);
            long there = 512L * (other * threads + thread);
            assertSame(
                read(device, there, 512),
                seeds[other] == 0 ? new byte[512] : Content.bytes(seeds[other], there, 512));
            if (i % 100 == 0) {
              device.flush();
            }
          }
        });
  }

  @Test
  public void readNeverReturnsWhatAFinishedWriteReplaced() throws Exception {
    BlockDevice device = open();
    AtomicLong finished = new AtomicLong();
    AtomicBoolean done = new AtomicBoolean();

    Threads.run(
        3,
        thread -> {
          if (thread == 0) {
            try {
              for (long i = 1; i <= 300; i++) {
                device.write(ByteBuffer.allocate(Long.BYTES).putLong(0, i), 66_048);
                finished.set(i);
              }
            } finally {
              done.set(true);
            }
          } else {
            boolean last;
            do {
              last = done.get();
              long atLeast = finished.get();
              ByteBuffer word = ByteBuffer.allocate(Long.BYTES);
              device.read(word, 66_048);
              assertThat(word.getLong(0)).isGreaterThanOrEqualTo(atLeast);
            } while (!last);
          }
        });
  }

  private static void assertTiles(BlockDevice device, long position, int length)
      throws IOException {
    long at = position;
    for (Extent extent : device.extents(position, length).toList()) {
      assertThat(extent.start()).as("no gap and no overlap").isEqualTo(at);
      assertThat(extent.length()).isPositive();
      at = extent.end();
      assertThat(at).isLessThanOrEqualTo(position + length);
      if (extent.readsAsZeroes()) {
        assertZeros(read(device, extent.start(), (int) extent.length()));
      }
    }
    assertThat(at).isEqualTo(position + length);
  }

  private BlockDevice open() throws IOException {
    return track(create(SIZE));
  }

  private BlockDevice filled() throws IOException {
    BlockDevice device = open();
    device.write(ByteBuffer.wrap(Content.bytes(1, 0, SIZE)), 0);
    return device;
  }

  private static ReferenceDisk filledModel() {
    ReferenceDisk model = new ReferenceDisk(SIZE);
    model.write(0, Content.bytes(1, 0, SIZE));
    return model;
  }

  private BlockDevice track(BlockDevice device) {
    opened.add(device);
    return device;
  }

  private static byte[] read(BlockDevice device, long position, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(length);
    device.read(buffer, position);
    assertThat(buffer.hasRemaining()).as("the whole buffer is filled").isFalse();
    return buffer.array();
  }

  private static void assertOutside(ThrowingCallable call) {
    assertThatExceptionOfType(IndexOutOfBoundsException.class).isThrownBy(call);
  }

  private static void assertClosed(ThrowingCallable call) {
    assertThatExceptionOfType(DeviceClosedException.class).isThrownBy(call);
  }

  private static void assertReadOnly(ThrowingCallable call) {
    assertThatExceptionOfType(ReadOnlyImageException.class).isThrownBy(call);
  }
}
