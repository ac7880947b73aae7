package io.github.qcow2.testkit.fault;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.ReadOnlyStorage;
import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.contract.StorageContract;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Nested;
import org.junit.jupiter.api.Test;

/** A faulty storage fails where it was told to, and nowhere else. */
final class FaultyStorageTest {
  private final HeapStorage file = new HeapStorage("file");
  private final FaultyStorage storage = new FaultyStorage(file);

  /** As long as nothing fails, short transfers are all that there is to notice. */
  @Nested
  final class WithoutFaults extends StorageContract {
    @Override
    protected Storage create() {
      FaultyStorage slow = new FaultyStorage(new HeapStorage("file"));
      slow.transferAtMost(1_021);
      return slow;
    }

    @Override
    protected Optional<Storage> createReadOnly(byte[] content) {
      return Optional.of(
          new FaultyStorage(new ReadOnlyStorage(HeapStorage.copyOf("file", content))));
    }
  }

  private static ByteBuffer sevens(int length) {
    byte[] bytes = new byte[length];
    java.util.Arrays.fill(bytes, (byte) 7);
    return ByteBuffer.wrap(bytes);
  }

  @Test
  void onlyTheCallThatWasCountedOutFails() throws IOException {
    storage.faults().plan(Fault.at(3));

    storage.write(sevens(10), 0);
    storage.read(ByteBuffer.allocate(10), 0);
    assertThatIOException().isThrownBy(storage::force).withMessageContaining("Input/output error");
    storage.force();

    assertThat(storage.faults().calls()).isEqualTo(4);
    assertThat(storage.faults().calls(StorageCall.FORCE)).isEqualTo(2);
    assertThat(storage.faults().hits()).isEqualTo(1);
  }

  @Test
  void faultForGoodHitsAllOfItsKindFromThenOn() throws IOException {
    storage.write(sevens(10), 0);
    storage.faults().plan(Fault.at(2).of(StorageCall.WRITE, StorageCall.SET_SIZE).forGood());

    storage.write(sevens(10), 0);
    assertThatIOException().isThrownBy(() -> storage.write(sevens(10), 0));
    assertThatIOException().isThrownBy(() -> storage.setSize(5));
    assertThatIOException().isThrownBy(() -> storage.write(sevens(10), 0));
    storage.read(ByteBuffer.allocate(10), 0);
    storage.faults().heal();
    storage.write(sevens(11), 0);

    assertThat(storage.size()).isEqualTo(11);
  }

  @Test
  void shortWriteLeavesItsFirstBytes() {
    storage
        .faults()
        .plan(Fault.at(1).of(StorageCall.WRITE).with(Fault.Reason.NO_SPACE).afterBytes(3));

    assertThatIOException()
        .isThrownBy(() -> storage.write(sevens(10), 0))
        .withMessageContaining("No space left on device");

    assertThat(file.toByteArray()).containsExactly(7, 7, 7);
  }

  @Test
  void fullDiskTakesWhatFitsAndWhatIsInPlace() throws IOException {
    storage.fullAt(100);

    assertThatIOException().isThrownBy(() -> storage.write(sevens(50), 60));
    assertThat(file.size()).isEqualTo(100);
    storage.write(sevens(100), 0);
    assertThatIOException().isThrownBy(() -> storage.setSize(101));
    assertThat(storage.faults().hits()).isEqualTo(2);
    storage.fullAt(Long.MAX_VALUE);
    storage.write(sevens(50), 60);
    assertThat(file.size()).isEqualTo(110);
  }

  @Test
  void callsForRangesFailAsPlannedAndHaveNoEffectThen() throws IOException {
    storage.write(sevens(4096), 0);
    for (StorageCall call :
        List.of(
            StorageCall.DISCARD,
            StorageCall.WRITE_ZEROES,
            StorageCall.ALLOCATE,
            StorageCall.COPY)) {
      storage.faults().plan(Fault.at(1).of(call));
    }

    assertThatIOException().isThrownBy(() -> storage.discard(0, 4096));
    assertThatIOException().isThrownBy(() -> storage.writeZeroes(0, 5000, true));
    assertThatIOException().isThrownBy(() -> storage.allocate(0, 5000));
    assertThatIOException().isThrownBy(() -> storage.copyFrom(storage, 0, 4096, 10));
    assertThat(file.toByteArray()).hasSize(4096).containsOnly(7);

    storage.writeZeroes(0, 5000, true);
    assertThat(file.toByteArray()).hasSize(5000).containsOnly(0);
  }

  @Test
  void fullDiskHasNoRoomForZerosEither() throws IOException {
    storage.fullAt(100);
    storage.write(sevens(10), 0);

    assertThatIOException()
        .isThrownBy(() -> storage.writeZeroes(5, 200, false))
        .withMessageContaining("No space left on device");
    assertThatIOException().isThrownBy(() -> storage.allocate(0, 101));

    assertThat(file.toByteArray()).hasSize(100).startsWith(7, 7, 7, 7, 7, 0).endsWith(0);
  }

  @Test
  void storagesWithOnePlanAreCountedTogether() throws IOException {
    FaultyStorage other = new FaultyStorage(new HeapStorage("other"), storage.faults());
    storage.faults().plan(Fault.at(2));

    storage.force();
    assertThatIOException().isThrownBy(other::force).withMessageContaining("other");
    storage.force();
  }

  @Test
  void suspendedPlanNeitherCountsNorFails() throws IOException {
    storage.faults().plan(Fault.at(1));
    storage.faults().suspend();

    storage.force();
    assertThat(storage.faults().calls()).isZero();
    storage.faults().resume();

    assertThatIOException().isThrownBy(storage::force);
  }

  @Test
  void closeThatFailsClosesAllTheSame() {
    storage.faults().plan(Fault.at(1).of(StorageCall.CLOSE));

    assertThatIOException().isThrownBy(storage::close);

    assertThatIOException().isThrownBy(file::size);
  }
}
