package io.github.qcow2.operation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.catchThrowable;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Extent.Kind;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.error.OperationCancelledException;
import io.github.qcow2.error.ReadOnlyImageException;
import io.github.qcow2.transfer.ReadAhead;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

final class ConvertTest {
  private static final int KIB = 1024;
  private static final int MIB = 1024 * KIB;

  @Test
  void zeroesAreNeitherReadNorWrittenOnATargetThatIsZero() throws IOException {
    MemoryDevice source =
        new MemoryDevice(MIB).data(64 * KIB, 64 * KIB, 7).kind(256 * KIB, 64 * KIB, Kind.ZERO);
    MemoryDevice target = new MemoryDevice(MIB);

    ConvertResult result = Convert.from(source).to(target).targetIsZero(true).run();

    assertThat(target.bytes).isEqualTo(source.bytes);
    assertThat(source.bytesRead).hasValue(64 * KIB);
    assertThat(target.bytesWritten).hasValue(64 * KIB);
    assertThat(target.bytesZeroed).hasValue(0);
    assertThat(result).isEqualTo(new ConvertResult(64 * KIB, 64 * KIB, MIB - 64 * KIB));
  }

  @Test
  void zeroesAreWrittenOverATargetOfUnknownContent() throws IOException {
    MemoryDevice source = new MemoryDevice(MIB).data(64 * KIB, 64 * KIB, 7);
    MemoryDevice target = new MemoryDevice(MIB).data(0, MIB, 9);

    Convert.from(source).to(target).run();

    assertThat(target.bytes).isEqualTo(source.bytes);
    assertThat(target.bytesZeroed).hasValue(MIB - 64 * KIB);
  }

  @Test
  void zeroBlocksInsideDataAreNotStored() throws IOException {
    MemoryDevice source = new MemoryDevice(64 * KIB).data(0, 64 * KIB, 0);
    source.bytes[5000] = 1;
    source.bytes[20000] = 1;
    MemoryDevice target = new MemoryDevice(64 * KIB);

    ConvertResult result = Convert.from(source).to(target).targetIsZero(true).run();

    assertThat(target.bytes).isEqualTo(source.bytes);
    assertThat(result).isEqualTo(new ConvertResult(64 * KIB, 8192, 64 * KIB - 8192));
    assertThat(target.kinds[4096 / 512]).isEqualTo(Kind.DATA);
    assertThat(target.kinds[0]).isEqualTo(Kind.UNALLOCATED);
  }

  @Test
  void sparseBlocksCountFromTheStartOfTheDiskNotOfTheExtent() throws IOException {
    MemoryDevice source = new MemoryDevice(64 * KIB).data(512, 16 * KIB, 0);
    source.bytes[8191] = 1;
    MemoryDevice target = new MemoryDevice(64 * KIB);

    Convert.from(source).to(target).targetIsZero(true).run();

    assertThat(target.bytesWritten).hasValue(4096);
    assertThat(target.kinds[8]).isEqualTo(Kind.DATA);
    assertThat(target.kinds[16]).isEqualTo(Kind.UNALLOCATED);
  }

  @Test
  void sparseSizeZeroWritesEverything() throws IOException {
    MemoryDevice source = new MemoryDevice(MIB).data(0, 4096, 1);
    MemoryDevice target = new MemoryDevice(MIB);

    ConvertResult result = Convert.from(source).to(target).targetIsZero(true).sparseBytes(0).run();

    assertThat(target.bytesWritten).hasValue(MIB);
    assertThat(result.bytesZero()).isZero();
  }

  @Test
  void whatTheTargetHasBeyondTheSourceReadsAsZeroes() throws IOException {
    MemoryDevice source = new MemoryDevice(MIB + 512).data(0, MIB + 512, 3);
    MemoryDevice target = new MemoryDevice(2 * MIB).data(0, 2 * MIB, 9);

    Convert.from(source).to(target).run();

    assertThat(target.bytes).startsWith(source.bytes);
    assertThat(Arrays.copyOfRange(target.bytes, MIB + 512, 2 * MIB)).isEqualTo(new byte[MIB - 512]);
  }

  @Test
  void smallerTargetIsRefusedBeforeTheFirstByte() {
    MemoryDevice source = new MemoryDevice(MIB).data(0, MIB, 3);
    MemoryDevice target = new MemoryDevice(MIB - 512);

    assertThatExceptionOfType(LimitExceededException.class)
        .isThrownBy(() -> Convert.from(source).to(target).run())
        .withMessageContaining("1048064")
        .withMessageContaining("1048576");
    assertThat(source.bytesRead).hasValue(0);
    assertThat(target.bytesWritten).hasValue(0);
  }

  @Test
  void readOnlyTargetIsRefusedBeforeTheFirstRead() {
    MemoryDevice source = new MemoryDevice(MIB).data(0, MIB, 3);

    assertThatExceptionOfType(ReadOnlyImageException.class)
        .isThrownBy(() -> Convert.from(source).to(new MemoryDevice(MIB, true)).run());
    assertThat(source.bytesRead).hasValue(0);
  }

  @Test
  void impossibleOptionsAreCallerErrors() {
    MemoryDevice device = new MemoryDevice(512);
    Convert convert = Convert.from(device).to(new MemoryDevice(512));

    assertThatIllegalArgumentException().isThrownBy(() -> Convert.from(device).to(device));
    assertThatIllegalArgumentException().isThrownBy(() -> convert.bufferSize(0));
    assertThatIllegalArgumentException().isThrownBy(() -> convert.bufferSize(1000));
    assertThatIllegalArgumentException().isThrownBy(() -> convert.bufferSize(128 * MIB));
    assertThatIllegalArgumentException().isThrownBy(() -> convert.sparseBytes(100));
    assertThatIllegalArgumentException().isThrownBy(() -> convert.sparseBytes(-512));
  }

  @Test
  void emptySourceIsAnEmptyCopy() throws IOException {
    MemoryDevice target = new MemoryDevice(0);
    assertThat(Convert.from(new MemoryDevice(0)).to(target).run())
        .isEqualTo(new ConvertResult(0, 0, 0));
    assertThat(target.flushes).hasValue(1);
  }

  @Test
  void targetIsFlushedOnceUnlessToldNotTo() throws IOException {
    MemoryDevice source = new MemoryDevice(MIB).data(0, MIB, 3);
    MemoryDevice target = new MemoryDevice(MIB);

    Convert.from(source).to(target).flush(false).run();
    assertThat(target.flushes).hasValue(0);
    Convert.from(source).to(target).run();
    assertThat(target.flushes).hasValue(1);
  }

  @Test
  void neighbouringExtentsAreReadInLongTransfers() throws IOException {
    MemoryDevice source = new MemoryDevice(8 * MIB).data(4096, 8 * MIB - 4096, 3);
    for (int at = 8192; at < 8 * MIB; at += 8192) {
      source.kind(at, 4096, Kind.COMPRESSED);
    }

    Convert.from(source).to(new MemoryDevice(8 * MIB)).bufferSize(MIB).run();

    assertThat(source.longestTransfer).isEqualTo(MIB);
  }

  @Test
  void progressRisesFromZeroToTheSizeOfTheTarget() throws IOException {
    MemoryDevice source = new MemoryDevice(MIB).data(0, 300 * KIB, 3);
    List<Long> seen = new ArrayList<>();

    Convert.from(source)
        .to(new MemoryDevice(2 * MIB))
        .bufferSize(64 * KIB)
        .progress(
            (done, total) -> {
              assertThat(total).isEqualTo(2 * MIB);
              return seen.add(done);
            })
        .run();

    assertThat(seen).isSorted().startsWith(0L).endsWith(2L * MIB).hasSizeGreaterThan(5);
  }

  @Test
  void cancelledByTheListener() {
    MemoryDevice source = new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3);
    MemoryDevice target = new MemoryDevice(4 * MIB);

    assertThatExceptionOfType(OperationCancelledException.class)
        .isThrownBy(
            () ->
                Convert.from(source)
                    .to(target)
                    .bufferSize(64 * KIB)
                    .progress((done, total) -> done < MIB)
                    .run());
    assertThat(target.bytesWritten).hasValue(MIB);
    assertThat(target.flushes).hasValue(0);
    assertNoReader();
  }

  @Test
  void longRunOfZeroesCanBeCancelled() {
    List<Long> seen = new ArrayList<>();
    BlockDevice source = new Huge();
    BlockDevice target = new Huge();

    assertThatExceptionOfType(OperationCancelledException.class)
        .isThrownBy(
            () ->
                Convert.from(source)
                    .to(target)
                    .targetIsZero(true)
                    .progress((done, total) -> seen.add(done) && done == 0)
                    .run());
    assertThat(seen).containsExactly(0L, 64L << 30);
    assertThatExceptionOfType(OperationCancelledException.class)
        .isThrownBy(() -> Compare.of(source, target).progress((done, total) -> done == 0).run())
        .withMessageContaining("after " + (64L << 30) + " of");
  }

  @Test
  void interruptCancelsAndTheFlagStaysSet() {
    MemoryDevice source = new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3);

    Thread.currentThread().interrupt();
    Throwable thrown =
        catchThrowable(() -> Convert.from(source).to(new MemoryDevice(4 * MIB)).run());

    assertThat(Thread.interrupted()).isTrue();
    assertThat(thrown).isInstanceOf(OperationCancelledException.class);
    assertNoReader();
  }

  @Test
  void interruptWhileWaitingForTheSourceCancels() {
    Thread caller = Thread.currentThread();
    BlockDevice source =
        new WrappedDevice(new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3)) {
          @Override
          protected void readHook(ByteBuffer destination, long position) throws IOException {
            if (position >= MIB) {
              caller.interrupt();
            }
            super.readHook(destination, position);
          }
        };

    Throwable thrown =
        catchThrowable(
            () -> Convert.from(source).to(new MemoryDevice(4 * MIB)).bufferSize(64 * KIB).run());

    assertThat(Thread.interrupted()).isTrue();
    assertThat(thrown).isInstanceOf(OperationCancelledException.class);
    assertNoReader();
  }

  @Test
  void readFailureReachesTheCallerAsItIsAfterWhatCameBefore() {
    IOException failure = new IOException("bad sector");
    BlockDevice source =
        new WrappedDevice(new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3)) {
          @Override
          protected void readHook(ByteBuffer destination, long position) throws IOException {
            if (position >= MIB) {
              throw failure;
            }
            super.readHook(destination, position);
          }
        };
    MemoryDevice target = new MemoryDevice(4 * MIB);

    assertThat(catchThrowable(() -> Convert.from(source).to(target).bufferSize(64 * KIB).run()))
        .isSameAs(failure);
    assertThat(target.bytesWritten).hasValue(MIB);
    assertNoReader();
  }

  @Test
  void failureOfTheExtentWalkReachesTheCallerAsItIs() {
    IllegalStateException failure = new IllegalStateException("broken device");
    BlockDevice source =
        new WrappedDevice(new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3)) {
          @Override
          protected Extent extentHook(long position, long length) throws IOException {
            if (position >= MIB) {
              throw failure;
            }
            return super.extentHook(position, length);
          }
        };

    assertThat(catchThrowable(() -> Convert.from(source).to(new MemoryDevice(4 * MIB)).run()))
        .isSameAs(failure);
    assertNoReader();
  }

  @Test
  void writeFailureReachesTheCallerAsItIsAndStopsTheReader() {
    IOException failure = new IOException("no space left");
    MemoryDevice source = new MemoryDevice(64 * MIB).data(0, 64 * MIB, 3);
    BlockDevice target =
        new WrappedDevice(new MemoryDevice(64 * MIB)) {
          @Override
          protected void writeHook(ByteBuffer bytes, long position) throws IOException {
            throw failure;
          }
        };

    assertThat(catchThrowable(() -> Convert.from(source).to(target).bufferSize(MIB).run()))
        .isSameAs(failure);
    assertThat(source.bytesRead.get()).isLessThanOrEqualTo(6 * MIB);
    assertNoReader();
  }

  @Test
  void readingGoesOnWhileATransferIsWritten() throws Exception {
    CountDownLatch secondRead = new CountDownLatch(1);
    BlockDevice source =
        new WrappedDevice(new MemoryDevice(MIB).data(0, MIB, 3)) {
          @Override
          protected void readHook(ByteBuffer destination, long position) throws IOException {
            super.readHook(destination, position);
            if (position > 0) {
              secondRead.countDown();
            }
          }
        };
    BlockDevice target =
        new WrappedDevice(new MemoryDevice(MIB)) {
          @Override
          protected void writeHook(ByteBuffer bytes, long position) throws IOException {
            try {
              assertThat(secondRead.await(30, TimeUnit.SECONDS)).isTrue();
            } catch (InterruptedException e) {
              throw new IOException(e);
            }
            super.writeHook(bytes, position);
          }
        };

    Convert.from(source).to(target).bufferSize(64 * KIB).run();
  }

  @Test
  void aHandfulOfBuffersIsUsedAgainAndAgain() throws IOException {
    Set<Integer> buffers = ConcurrentHashMap.newKeySet();
    AtomicInteger reads = new AtomicInteger();
    BlockDevice source =
        new WrappedDevice(new MemoryDevice(4 * MIB).data(0, 4 * MIB, 3)) {
          @Override
          protected void readHook(ByteBuffer destination, long position) throws IOException {
            assertThat(destination.isDirect()).isTrue();
            buffers.add(System.identityHashCode(destination));
            reads.incrementAndGet();
            super.readHook(destination, position);
          }
        };

    Convert.from(source).to(new MemoryDevice(4 * MIB)).bufferSize(64 * KIB).run();

    assertThat(reads).hasValue(64);
    assertThat(buffers).hasSizeLessThanOrEqualTo(ReadAhead.threads() + 2);
  }

  @Property(tries = 200)
  void copyEqualsTheSourceWhateverTheOptions(
      @ForAll long seed,
      @ForAll @IntRange(min = 0, max = 300_000) int size,
      @ForAll @IntRange(min = 1, max = 64) int bufferSectors,
      @ForAll @IntRange(min = 0, max = 20) int sparseSectors,
      @ForAll boolean targetIsZero)
      throws IOException {
    Random random = new Random(seed);
    MemoryDevice source = new MemoryDevice(size);
    List<Kind> kinds = List.of(Kind.values());
    for (int i = 0; i < source.kinds.length; ) {
      int run = Math.min(source.kinds.length - i, 1 + random.nextInt(40));
      Kind kind = kinds.get(random.nextInt(kinds.size()));
      source.kind(i * 512L, run * 512L, kind);
      for (int at = i * 512; at < Math.min(size, (i + run) * 512); at++) {
        boolean stored = kind == Kind.DATA || kind == Kind.COMPRESSED;
        source.bytes[at] = (byte) (stored && random.nextInt(2000) == 0 ? 1 : 0);
      }
      i += run;
    }
    MemoryDevice target = new MemoryDevice(size + random.nextInt(5000));
    if (!targetIsZero) {
      random.nextBytes(target.bytes);
    }

    ConvertResult result =
        Convert.from(source)
            .to(target)
            .targetIsZero(targetIsZero)
            .bufferSize(bufferSectors * 512)
            .sparseBytes(sparseSectors * 512)
            .run();

    assertThat(target.bytes).isEqualTo(Arrays.copyOf(source.bytes, target.bytes.length));
    assertThat(result.bytesWritten() + result.bytesZero()).isEqualTo(target.size());
    assertThat(result.bytesWritten()).isEqualTo(target.bytesWritten.get());
    assertThat(result.bytesRead()).isEqualTo(source.bytesRead.get());
  }

  private static void assertNoReader() {
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("qcow2-read-ahead"));
  }

  /** 1 PiB of nothing. */
  private static final class Huge extends WrappedDevice {
    Huge() {
      super(new MemoryDevice(0));
    }

    @Override
    public long size() {
      return 1L << 50;
    }

    @Override
    protected Extent extentHook(long position, long length) {
      return new Extent(position, length, Kind.UNALLOCATED, 0, Extent.NO_HOST_OFFSET);
    }
  }
}
