package io.github.qcow2.testkit.image;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.RamOverlay;
import io.github.qcow2.RawImage;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.contract.BlockDeviceContract;
import java.io.IOException;
import java.util.Optional;

/** A RAM overlay over zeros keeps the contract of every block device. */
final class RamOverlayContractTest extends BlockDeviceContract {
  @Override
  protected BlockDevice create(long size) throws IOException {
    HeapStorage zeroes = new HeapStorage("base");
    zeroes.setSize(size);
    return RamOverlay.over(RawImage.over(zeroes), Long.MAX_VALUE);
  }

  @Override
  protected Optional<BlockDevice> createReadOnly(byte[] content) {
    return Optional.empty();
  }

  @Override
  protected Optional<BlockDevice> reopen(BlockDevice closed) {
    return Optional.empty();
  }
}
