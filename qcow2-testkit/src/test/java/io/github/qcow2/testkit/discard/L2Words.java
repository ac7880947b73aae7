package io.github.qcow2.testkit.discard;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/** The L2 entries of the first guest clusters, as the bytes of an image file have them. */
final class L2Words {
  private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;
  private static final long COMPRESSED = 1L << 62;
  private static final int L1_OFFSET_FIELD = 40;
  private static final int CLUSTER_BITS_FIELD = 20;

  private final long[] words;
  private final int perEntry;

  private L2Words(long[] words, int perEntry) {
    this.words = words;
    this.perEntry = perEntry;
  }

  /** Reads them; all zeros where there is no L2 table. */
  static L2Words of(byte[] image, int clusters, boolean extended) {
    ByteBuffer bytes = ByteBuffer.wrap(image);
    int perEntry = extended ? 2 : 1;
    long[] words = new long[clusters * perEntry];
    long table = tableOffset(image);
    int perTable = (1 << bytes.getInt(CLUSTER_BITS_FIELD)) / Long.BYTES;
    if (words.length > perTable) {
      throw new IllegalArgumentException("more clusters than the first L2 table maps");
    }
    for (int i = 0; table != 0 && i < words.length; i++) {
      words[i] = bytes.getLong((int) table + i * Long.BYTES);
    }
    return new L2Words(words, perEntry);
  }

  /** Where the first L2 table is, or 0 if there is none. */
  static long tableOffset(byte[] image) {
    ByteBuffer bytes = ByteBuffer.wrap(image);
    return bytes.getLong((int) bytes.getLong(L1_OFFSET_FIELD)) & OFFSET;
  }

  /** The words of an entry: one, or two with subclusters. */
  long[] entry(int cluster) {
    return Arrays.copyOfRange(words, cluster * perEntry, (cluster + 1) * perEntry);
  }

  /**
   * One line for each cluster, in which host offsets are compared with those that were there
   * before: {@code same}, {@code other} or {@code none}. Which clusters an allocator takes is its
   * own affair.
   */
  List<String> comparedWith(L2Words before) {
    List<String> lines = new ArrayList<>();
    for (int i = 0; i < words.length; i += perEntry) {
      String line = i / perEntry + ": " + place(words[i], before.words[i]);
      lines.add(perEntry == 1 ? line : line + " " + Long.toHexString(words[i + 1]));
    }
    return lines;
  }

  private static String place(long word, long before) {
    if ((word & COMPRESSED) != 0) {
      return word == before ? "compressed" : "compressed elsewhere";
    }
    long offset = word & OFFSET;
    String place = "none";
    if (offset != 0) {
      boolean stays = (before & COMPRESSED) == 0 && (before & OFFSET) == offset;
      place = stays ? "same" : "other";
    }
    return Long.toHexString(word & ~OFFSET) + " " + place;
  }
}
