package io.github.qcow2.testkit.lock;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.storage.HostFiles;
import io.github.qcow2.testkit.contract.FileLockContract;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import org.junit.jupiter.api.BeforeAll;

/** With the locks that Java has. */
@RequiresQemu
class LockInteropTest extends FileLockContract {
  @BeforeAll
  static void nobodyProvidesOthers() {
    assertThat(HostFiles.provider()).isEqualTo("portable");
  }
}
