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
final class ContractsFindFaultsTest {
  private static FaultyDevice.Fault deviceFault = FaultyDevice.Fault.NOTHING;
  private static FaultyStorage.Fault storageFault = FaultyStorage.Fault.NOTHING;

  @ParameterizedTest
  @EnumSource
  void brokenDeviceIsFoundOut(FaultyDevice.Fault fault) {
    deviceFault = fault;

    Events tests = run(OfDevice.class);

    assertThat(tests.started().count()).isGreaterThan(15);
    assertThat(tests.failed().count() > 0).isEqualTo(fault != FaultyDevice.Fault.NOTHING);
  }

  @ParameterizedTest
  @EnumSource
  void brokenStorageIsFoundOut(FaultyStorage.Fault fault) {
    storageFault = fault;

    Events tests = run(OfStorage.class);

    assertThat(tests.started().count()).isGreaterThan(15);
    assertThat(tests.failed().count() > 0).isEqualTo(fault != FaultyStorage.Fault.NOTHING);
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
      return new FaultyDevice(new byte[(int) size], false, deviceFault);
    }

    @Override
    protected Optional<BlockDevice> createReadOnly(byte[] content) {
      return Optional.of(new FaultyDevice(content.clone(), true, deviceFault));
    }

    @Override
    protected Optional<BlockDevice> reopen(BlockDevice closed) {
      return Optional.of(new FaultyDevice(((FaultyDevice) closed).bytes, false, deviceFault));
    }
  }

  /** Not run by itself: nested classes are not. */
  static final class OfStorage extends StorageContract {
    @Override
    protected Storage create() {
      return new FaultyStorage(new byte[0], false, storageFault);
    }

    @Override
    protected Optional<Storage> createReadOnly(byte[] content) {
      return Optional.of(new FaultyStorage(content, true, storageFault));
    }
  }
}
