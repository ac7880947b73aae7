package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.format.SnapshotRecord;
import java.io.IOException;

/** Opens an internal snapshot as the source of a conversion. */
final class SnapshotSource {
  private SnapshotSource() {}

  static BlockDevice open(BlockDevice device, SnapshotName wanted) throws CommandException {
    if (!(device instanceof Qcow2Image image)) {
      throw new CommandException(
          "Failed to load snapshot: Block format 'raw' used by device '' does not support"
              + " temporarily loading internal snapshots");
    }
    try {
      for (SnapshotRecord snapshot : image.snapshots()) {
        if (wanted.isById(snapshot)) {
          return image.openSnapshot(snapshot.id());
        }
      }
      for (SnapshotRecord snapshot : image.snapshots()) {
        if (wanted.isByName(snapshot)) {
          return image.openSnapshot(snapshot.id());
        }
      }
    } catch (IOException e) {
      throw new CommandException("Failed to load snapshot: " + HostErrors.reason(e));
    }
    throw new CommandException("Failed to load snapshot: Can't find snapshot");
  }
}
