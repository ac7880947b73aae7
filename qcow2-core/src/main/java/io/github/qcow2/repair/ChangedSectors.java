package io.github.qcow2.repair;

import io.github.qcow2.metadata.ClusterKind;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.util.Arrays;

/** Writes of a table only what has changed, in whole 512-byte sectors. */
final class ChangedSectors {
  private static final int WORDS = 512 / Long.BYTES;

  private ChangedSectors() {}

  /**
   * Writes the sectors in which two versions of a table differ.
   *
   * @param before as it is in the file
   * @param after as it is to be; of the same length
   * @param position of the table in the file, in bytes
   * @param kind of the table
   */
  static void write(TrackedFile file, long[] before, long[] after, long position, ClusterKind kind)
      throws IOException {
    int at = 0;
    while (at < after.length) {
      int from = at;
      while (at < after.length && differ(before, after, at)) {
        at += WORDS;
      }
      if (at > from) {
        long[] words = Arrays.copyOfRange(after, from, Math.min(at, after.length));
        file.writeWords(words, position + (long) from * Long.BYTES, kind);
      } else {
        at += WORDS;
      }
    }
  }

  private static boolean differ(long[] before, long[] after, int from) {
    int to = Math.min(from + WORDS, after.length);
    return Arrays.mismatch(before, from, to, after, from, to) >= 0;
  }
}
