package io.github.qcow2;

import io.github.qcow2.format.BitmapDirectory;
import io.github.qcow2.format.BitmapRecord;
import io.github.qcow2.format.BitmapsExtension;
import io.github.qcow2.format.Header;
import io.github.qcow2.format.HeaderReader;
import io.github.qcow2.format.Limits;
import io.github.qcow2.format.SnapshotTable;
import io.github.qcow2.format.SnapshotTableReader;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;

/**
 * Reads what an image says about itself: the header, which is at most its first cluster, and lists.
 */
final class HeaderLoader {
  private HeaderLoader() {}

  /**
   * Reads and checks a header.
   *
   * @throws io.github.qcow2.error.Qcow2Exception if the file is no qcow2 image, or its header
   *     breaks a rule of the format or a limit
   */
  static Header load(Storage storage, Limits limits) throws IOException {
    ByteBuffer prefix = start(storage, HeaderReader.CLUSTER_SIZE_PREFIX);
    int clusterSize = HeaderReader.clusterSize(storage.name(), prefix);
    return HeaderReader.read(storage.name(), start(storage, clusterSize), limits);
  }

  /** Reads the snapshot table; what a snapshot's own tables hold is not looked at. */
  static SnapshotTable snapshots(Storage storage, Header header, Limits limits) throws IOException {
    SnapshotTableReader reader = new SnapshotTableReader(storage.name(), header, limits);
    while (!reader.isComplete()) {
      ByteBuffer piece = ByteBuffer.allocate(reader.bytesWanted());
      storage.read(piece, reader.position());
      reader.accept(piece.flip());
    }
    return reader.table();
  }

  /** Reads the bitmap directory, if there is one that can be trusted. */
  static List<BitmapRecord> bitmaps(Storage storage, Header header) throws IOException {
    BitmapsExtension extension = header.bitmaps();
    if (extension == null) {
      return List.of();
    }
    ByteBuffer directory = ByteBuffer.allocate((int) extension.directoryBytes());
    storage.read(directory, extension.directoryOffset());
    return BitmapDirectory.read(storage.name(), extension, directory.flip());
  }

  /** Whether QEMU would take the file for a qcow2 image. */
  static boolean looksLikeQcow2(Storage storage) throws IOException {
    return HeaderReader.isQcow2(start(storage, HeaderReader.CLUSTER_SIZE_PREFIX));
  }

  private static ByteBuffer start(Storage storage, int length) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate((int) Math.min(length, storage.size()));
    storage.read(bytes, 0);
    return bytes.flip();
  }
}
