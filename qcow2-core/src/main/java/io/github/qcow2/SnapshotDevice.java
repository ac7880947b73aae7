package io.github.qcow2;

import io.github.qcow2.allocation.OperationGate;
import io.github.qcow2.format.SnapshotRecord;
import java.io.FileNotFoundException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * An internal snapshot as a read-only disk.
 *
 * <p>Owns nothing: the tables and clusters belong to the image, whose operation gate every read
 * passes. Writes to the active disk copy clusters that a snapshot shares, so what this device shows
 * never changes.
 */
final class SnapshotDevice extends BlockDevice {
  private final ImageReader reader;
  private final OperationGate gate;
  private final long size;

  SnapshotDevice(
      String image,
      SnapshotRecord snapshot,
      long activeSize,
      ImageReader reader,
      OperationGate gate) {
    super(image + " snapshot " + Names.printable(snapshot.id()), true);
    this.reader = reader;
    this.gate = gate;
    // Snapshots by old programs do not say how large the disk was.
    this.size = snapshot.diskSize().orElse(activeSize) & -512;
  }

  /** Index of the snapshot with this ID, or else of the first with this name. */
  static int find(String image, List<SnapshotRecord> snapshots, String idOrName)
      throws FileNotFoundException {
    for (int i = 0; i < snapshots.size(); i++) {
      if (snapshots.get(i).id().equals(idOrName)) {
        return i;
      }
    }
    for (int i = 0; i < snapshots.size(); i++) {
      if (snapshots.get(i).name().equals(idOrName)) {
        return i;
      }
    }
    throw new FileNotFoundException(image + ": no snapshot " + Names.printable(idOrName));
  }

  @Override
  public long size() {
    return size;
  }

  @Override
  protected void readHook(ByteBuffer destination, long position) throws IOException {
    int ticket = Qcow2Image.enter(name(), gate);
    try {
      reader.read(destination, position);
    } finally {
      gate.exit(ticket);
    }
  }

  @Override
  protected Extent extentHook(long position, long length) throws IOException {
    int ticket = Qcow2Image.enter(name(), gate);
    try {
      return reader.extent(position, Math.min(length, reader.bytesPerExtent()));
    } finally {
      gate.exit(ticket);
    }
  }

  @Override
  protected void writeHook(ByteBuffer source, long position) {
    throw new AssertionError("read-only");
  }

  @Override
  protected void writeZeroesHook(long position, long length, ZeroMode mode) {
    throw new AssertionError("read-only");
  }

  @Override
  protected void discardHook(long position, long length) {
    throw new AssertionError("read-only");
  }

  @Override
  protected void flushHook() {}

  @Override
  protected void closeHook() {}
}
