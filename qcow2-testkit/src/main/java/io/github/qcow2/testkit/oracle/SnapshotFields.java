package io.github.qcow2.testkit.oracle;

import static io.github.qcow2.testkit.oracle.BigEndian.u16;
import static io.github.qcow2.testkit.oracle.BigEndian.u32;
import static io.github.qcow2.testkit.oracle.BigEndian.u64;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;

/**
 * An entry of the snapshot table.
 *
 * @param entryOffset of the entry in the file
 * @param entryLength in bytes, padding included
 * @param l1Offset of the snapshot's L1 table
 * @param l1Size entries of that table
 * @param id unique among the snapshots
 * @param name for people
 * @param extraLength bytes of extra data
 * @param vmStateSize bytes of machine state, which follow the disk
 * @param diskSize of the snapshot in bytes
 */
public record SnapshotFields(
    long entryOffset,
    int entryLength,
    long l1Offset,
    int l1Size,
    String id,
    String name,
    int extraLength,
    long vmStateSize,
    long diskSize) {
  private static final int FIXED = 40;
  private static final int MOST_EXTRA = 1024;

  static List<SnapshotFields> parse(ByteSource image, HeaderFields header) throws IOException {
    List<SnapshotFields> snapshots = new ArrayList<>();
    long at = header.snapshotsOffset();
    for (int i = 0; i < header.snapshotCount(); i++) {
      SnapshotFields snapshot = parse(image, header, at);
      snapshots.add(snapshot);
      at += snapshot.entryLength;
    }
    return snapshots;
  }

  private static SnapshotFields parse(ByteSource image, HeaderFields header, long at)
      throws IOException {
    byte[] fixed = new byte[FIXED];
    image.read(at, fixed, 0, FIXED);
    int idLength = u16(fixed, 12);
    int nameLength = u16(fixed, 14);
    int extraLength = u32(fixed, 36);
    if (extraLength < 0 || extraLength > MOST_EXTRA) {
      throw new SpecViolation(at + 36, "too much extra data in a snapshot");
    }
    byte[] rest = new byte[extraLength + idLength + nameLength];
    image.read(at + FIXED, rest, 0, rest.length);
    return new SnapshotFields(
        at,
        (FIXED + rest.length + 7) & -8,
        u64(fixed, 0),
        u32(fixed, 8),
        new String(rest, extraLength, idLength, StandardCharsets.UTF_8),
        new String(rest, extraLength + idLength, nameLength, StandardCharsets.UTF_8),
        extraLength,
        extraLength >= 8 ? u64(rest, 0) : u32(fixed, 32) & 0xffffffffL,
        extraLength >= 16 ? u64(rest, 8) : header.size());
  }
}
