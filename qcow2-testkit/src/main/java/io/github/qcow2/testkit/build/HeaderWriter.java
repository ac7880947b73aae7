package io.github.qcow2.testkit.build;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/** Writes the first cluster: header, extensions, name of the backing file. */
final class HeaderWriter {
  private static final int MAGIC = 0x514649FB;

  private HeaderWriter() {}

  static void write(
      ImageBuilder image,
      byte[] bytes,
      MappingTable active,
      long snapshotTable,
      References references) {
    if (length(image) > image.clusterSize()) {
      throw new IllegalArgumentException(length(image) + " bytes of header for a cluster");
    }
    ByteBuffer cluster = ByteBuffer.wrap(bytes, 0, image.clusterSize()).slice();
    cluster
        .putInt(0, MAGIC)
        .putInt(4, image.version)
        .putInt(20, image.clusterBits)
        .putLong(24, image.size)
        .putInt(36, active.entries)
        .putLong(40, active.offset)
        .putLong(48, references.tableOffset())
        .putInt(56, references.tableClusters())
        .putInt(60, image.snapshots.size())
        .putLong(64, snapshotTable);
    if (image.version > 2) {
      cluster
          .putLong(72, image.incompatible)
          .putLong(80, image.compatible)
          .putLong(88, image.autoclear)
          .putInt(96, image.refcountOrder)
          .putInt(100, image.headerLength);
      if (image.headerLength > 104) {
        cluster.put(104, (byte) image.compressionType);
      }
    }
    cluster.position(image.headerLength);
    for (ImageBuilder.Extension extension : image.extensions) {
      int padding = -extension.data.length & 7;
      cluster.putInt(extension.type).putInt(extension.data.length);
      cluster.put(extension.data).put(new byte[padding]);
    }
    cluster.putLong(0);
    byte[] name = backingName(image);
    if (name.length > 0) {
      cluster.putLong(8, cluster.position()).putInt(16, name.length).put(name);
    }
  }

  private static int length(ImageBuilder image) {
    int length = image.headerLength + 8 + backingName(image).length;
    for (ImageBuilder.Extension extension : image.extensions) {
      length += 8 + ((extension.data.length + 7) & -8);
    }
    return length;
  }

  private static byte[] backingName(ImageBuilder image) {
    String name = image.backingName;
    return name == null ? new byte[0] : name.getBytes(StandardCharsets.UTF_8);
  }
}
