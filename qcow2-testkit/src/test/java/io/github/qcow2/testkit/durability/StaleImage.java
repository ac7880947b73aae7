package io.github.qcow2.testkit.durability;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.oracle.ByteSource;
import io.github.qcow2.testkit.oracle.HeaderFields;
import io.github.qcow2.testkit.oracle.SpecOracle;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;

/**
 * An image file whose dirty bit is set and whose counts and COPIED flags are spoiled, as no writer
 * would leave them: whatever is stale must not matter to a repair.
 */
final class StaleImage {
  private static final long COPIED = 1L << 63;
  private static final long OFFSET = 0x00ff_ffff_ffff_fe00L;
  private static final int PIECE = 1 << 20;

  private final ByteBuffer bytes;
  private final HeaderFields header;

  private StaleImage(byte[] image) throws IOException {
    this.bytes = ByteBuffer.wrap(image.clone());
    this.header = SpecOracle.of(image).header();
    this.bytes.putLong(72, bytes.getLong(72) | 1);
  }

  /** An image with nothing but the dirty bit changed. */
  static StaleImage of(byte[] image) throws IOException {
    return new StaleImage(image);
  }

  byte[] bytes() {
    return bytes.array().clone();
  }

  HeaderFields header() {
    return header;
  }

  /** Replaces eight bytes. */
  StaleImage with(long offset, long value) {
    bytes.putLong((int) offset, value);
    return this;
  }

  /** The eight bytes at an offset. */
  long at(long offset) {
    return bytes.getLong((int) offset);
  }

  /** Gives every count another value. */
  StaleImage withRandomCounts(Random random) {
    for (int i = 0; i < tableEntries(); i++) {
      long block = blockOffset(i);
      for (long at = block; block != 0 && at < block + header.clusterSize(); at += 8) {
        if (at + 8 <= bytes.limit()) {
          bytes.putLong((int) at, random.nextInt(3) == 0 ? random.nextLong() : 0);
        }
      }
    }
    return this;
  }

  /** Makes the table forget some of its blocks, or all of them. */
  StaleImage withoutBlocks(Random random) {
    boolean all = random.nextBoolean();
    for (int i = 0; i < tableEntries(); i++) {
      if (all || random.nextBoolean()) {
        bytes.putLong((int) header.refcountTableOffset() + 8 * i, 0);
      }
    }
    return this;
  }

  /** Turns some COPIED flags around in the active L1 table and the tables that it leads to. */
  StaleImage withRandomFlags(Random random) {
    int step = header.extendedL2() ? 16 : 8;
    for (int i = 0; i < header.l1Size(); i++) {
      int l1Entry = (int) header.l1Offset() + 8 * i;
      long table = bytes.getLong(l1Entry) & OFFSET;
      if (table == 0) {
        continue;
      }
      flip(l1Entry, random);
      for (long at = table; at < table + header.clusterSize(); at += step) {
        boolean compressed = (bytes.getLong((int) at) & 1L << 62) != 0;
        if (compressed || (bytes.getLong((int) at) & OFFSET) != 0) {
          flip((int) at, random);
        }
      }
    }
    return this;
  }

  private void flip(int offset, Random random) {
    if (random.nextBoolean()) {
      bytes.putLong(offset, bytes.getLong(offset) ^ COPIED);
    }
  }

  /** Spoils entries of the active tables, the refcount table and the snapshot table. */
  StaleImage withDamage(Random random) {
    List<Long> places = new ArrayList<>();
    for (int i = 0; i < header.l1Size(); i++) {
      long entry = header.l1Offset() + 8L * i;
      places.add(entry);
      long table = at(entry) & OFFSET;
      for (long at = table; table != 0 && at < table + header.clusterSize(); at += 8) {
        if (at(at) != 0) {
          places.add(at);
        }
      }
    }
    for (int i = 0; i < Math.min(8, tableEntries()); i++) {
      places.add(header.refcountTableOffset() + 8L * i);
    }
    for (int i = 0; i < 5 * header.snapshotCount(); i++) {
      places.add(header.snapshotsOffset() + 8L * i);
    }
    for (int i = random.nextInt(4); i >= 0; i--) {
      long place = places.get(random.nextInt(places.size()));
      long value =
          switch (random.nextInt(4)) {
            case 0 -> at(place) ^ 1L << random.nextInt(64);
            case 1 ->
                (long) random.nextInt(bytes.limit() / header.clusterSize() + 2)
                    << header.clusterBits();
            case 2 -> random.nextLong();
            default -> at(places.get(random.nextInt(places.size())));
          };
      with(place, value);
    }
    return this;
  }

  private int tableEntries() {
    return header.refcountTableClusters() * header.clusterSize() / 8;
  }

  private long blockOffset(int index) {
    return bytes.getLong((int) header.refcountTableOffset() + 8 * index);
  }

  /** Opens an image for writing and closes it again; returns what is in the file then. */
  static byte[] repaired(byte[] stale) throws IOException {
    HeapStorage storage = HeapStorage.copyOf("image", stale);
    Qcow2Image.open(storage).writable().build().close();
    return storage.toByteArray();
  }

  /**
   * Asserts that nothing is wrong with an image and that it is not marked as dirty.
   *
   * @param contents what disk and snapshots held before
   */
  static void assertSound(byte[] image, List<byte[]> contents) throws IOException {
    SpecOracle oracle = SpecOracle.of(image);
    assertThat(oracle.check().findings()).isEmpty();
    assertThat(oracle.header().isDirty()).isFalse();
    List<byte[]> now = contents(image);
    assertThat(now).hasSameSizeAs(contents);
    for (int i = 0; i < now.size(); i++) {
      assertThat(Arrays.mismatch(now.get(i), contents.get(i))).isEqualTo(-1);
    }
  }

  /** What the disk holds, and after it each snapshot: of large ones, the first MiB. */
  static List<byte[]> contents(byte[] image) throws IOException {
    SpecOracle oracle = SpecOracle.of(image);
    List<byte[]> contents = new ArrayList<>();
    contents.add(piece(oracle.content()));
    for (int i = 0; i < oracle.header().snapshotCount(); i++) {
      contents.add(piece(oracle.snapshotContent(i)));
    }
    return contents;
  }

  private static byte[] piece(ByteSource source) throws IOException {
    byte[] bytes = new byte[(int) Math.min(PIECE, source.size())];
    source.read(0, bytes, 0, bytes.length);
    return bytes;
  }
}
