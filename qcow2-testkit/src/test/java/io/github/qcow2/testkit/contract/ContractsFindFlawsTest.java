package io.github.qcow2.testkit.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.platform.engine.discovery.DiscoverySelectors.selectClass;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.storage.Storage;
import java.util.Optional;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.platform.testkit.engine.EngineTestKit;
import org.junit.platform.testkit.engine.Events;

/** A contract is worth something only if whoever breaks it is found out. */
final class ContractsFindFlawsTest {
  private static BrokenDevice.Flaw deviceFlaw = BrokenDevice.Flaw.NOTHING;
  private static BrokenStorage.Flaw storageFlaw = BrokenStorage.Flaw.NOTHING;

  @ParameterizedTest
  @EnumSource
  void brokenDeviceIsFoundOut(BrokenDevice.Flaw flaw) {
    deviceFlaw = flaw;

    Events tests = run(OfDevice.class);

    assertThat(tests.started().count()).isGreaterThan(15);
    assertThat(tests.failed().count() > 0).isEqualTo(flaw != BrokenDevice.Flaw.NOTHING);
  }

  @ParameterizedTest
  @EnumSource
  void brokenStorageIsFoundOut(BrokenStorage.Flaw flaw) {
    storageFlaw = flaw;

    Events tests = run(OfStorage.class);

    assertThat(tests.started().count()).isGreaterThan(15);
    assertThat(tests.failed().count() > 0).isEqualTo(flaw != BrokenStorage.Flaw.NOTHING);
  }

  private static Events run(Class<?> contract) {
    return EngineTestKit.engine("junit-jupiter")
        .selectors(selectClass(contract))
        .execute()
        .testEvents();
  }

  /** Not run by itself: nested classes are not. */
  static final class OfDevice extends BlockDeviceContract {
    @Override
    protected BlockDevice create(long size) {
      return new BrokenDevice(new byte[(int) size], false, deviceFlaw);
    }

    @Override
    protected Optional<BlockDevice> createReadOnly(byte[] content) {
      return Optional.of(new BrokenDevice(content.clone(), true, deviceFlaw));
    }

    @Override
    protected Optional<BlockDevice> reopen(BlockDevice closed) {
      return Optional.of(new BrokenDevice(((BrokenDevice) closed).bytes, false, deviceFlaw));
    }
  }

  /** Not run by itself: nested classes are not. */
  static final class OfStorage extends StorageContract {
    @Override
    protected Storage create() {
      return new BrokenStorage(new byte[0], false, storageFlaw);
    }

    @Override
    protected Optional<Storage> createReadOnly(byte[] content) {
      return Optional.of(new BrokenStorage(content, true, storageFlaw));
    }
  }
}
