package io.github.qcow2.format;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class LimitsTest {
  @Test
  void defaultsAreThoseOfQemu() {
    assertThat(Limits.DEFAULT.l1Bytes()).isEqualTo(33_554_432);
    assertThat(Limits.DEFAULT.refcountTableBytes()).isEqualTo(8_388_608);
    assertThat(Limits.DEFAULT.snapshots()).isEqualTo(65_536);
    assertThat(Limits.DEFAULT.snapshotTableBytes()).isEqualTo(67_108_864);
    assertThat(Limits.DEFAULT.bitmapDirectoryBytes()).isEqualTo(67_107_840);
    assertThat(Limits.DEFAULT.bitmapTableEntries()).isEqualTo(134_217_728);
  }

  @Test
  void eachLimitChangesAlone() {
    Limits changed =
        Limits.DEFAULT
            .withL1Bytes(1)
            .withRefcountTableBytes(2)
            .withSnapshots(3)
            .withSnapshotTableBytes(4)
            .withSnapshotExtraBytes(5)
            .withBitmaps(6)
            .withBitmapDirectoryBytes(7)
            .withBitmapTableEntries(8)
            .withChainDepth(9);
    assertThat(changed).isEqualTo(new Limits(1, 2, 3, 4, 5, 6, 7, 8, 9));
  }

  @Test
  void negativeLimitsAreRefused() {
    assertThatThrownBy(() -> Limits.DEFAULT.withSnapshots(-1))
        .isInstanceOf(IllegalArgumentException.class)
        .hasMessageContaining("snapshots");
    assertThatThrownBy(() -> Limits.DEFAULT.withChainDepth(0))
        .isInstanceOf(IllegalArgumentException.class);
  }
}
