package io.github.qcow2.testkit.build;

import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.List;

/** Writes the snapshot table. Ids count from 1; version 2 gets entries without extra data. */
final class SnapshotTableWriter {
  private static final int FIXED = 40;
  private static final int EXTRA = 24;

  /** What the specification gives as the instruction count of a snapshot without one. */
  private static final long NO_INSTRUCTION_COUNT = -1;

  private SnapshotTableWriter() {}

  static int length(ImageBuilder image) {
    int length = 0;
    for (int i = 0; i < image.snapshots.size(); i++) {
      length += entryLength(image, i);
    }
    return length;
  }

  static void write(ImageBuilder image, List<MappingTable> tables, byte[] bytes, int offset) {
    int at = offset;
    for (int i = 0; i < image.snapshots.size(); i++) {
      MappingTable table = tables.get(i + 1);
      byte[] id = id(i);
      byte[] name = name(image, i);
      ByteBuffer entry = ByteBuffer.wrap(bytes, at, entryLength(image, i)).slice();
      entry.putLong(table.offset).putInt(table.entries);
      entry.putShort((short) id.length).putShort((short) name.length);
      entry.putInt(1_700_000_000 + i).putInt(0).putLong(0).putInt(0).putInt(extra(image));
      if (extra(image) > 0) {
        entry.putLong(0).putLong(table.source.size()).putLong(NO_INSTRUCTION_COUNT);
      }
      entry.put(id).put(name);
      at += entryLength(image, i);
    }
  }

  private static int entryLength(ImageBuilder image, int index) {
    int length = FIXED + extra(image) + id(index).length + name(image, index).length;
    return (length + 7) & -8;
  }

  private static int extra(ImageBuilder image) {
    return image.version > 2 ? EXTRA : 0;
  }

  private static byte[] id(int index) {
    return Integer.toString(index + 1).getBytes(StandardCharsets.UTF_8);
  }

  private static byte[] name(ImageBuilder image, int index) {
    return image.snapshots.get(index).name().getBytes(StandardCharsets.UTF_8);
  }
}
