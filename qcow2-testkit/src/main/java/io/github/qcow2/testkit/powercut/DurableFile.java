package io.github.qcow2.testkit.powercut;

import java.util.Arrays;
import java.util.BitSet;

/**
 * The part of a file that no power cut can take away any more, with a digest that follows each
 * change. Not thread-safe.
 */
final class DurableFile {
  private static final int SECTOR = Digests.SECTOR;
  private static final byte[] ZEROES = new byte[SECTOR];
  private static final long ZERO_CONTENT = Digests.content(ZEROES, 0);

  private final int number;

  /** A whole number of sectors; zeros past the length. */
  private byte[] bytes;

  private int length;
  private long digest;

  /** Sectors that lie inside the file, but were never written nor made by setting its size. */
  private final BitSet unwritten = new BitSet();

  /** For each sector, the number of the event that wrote it last, counted from 1. */
  private int[] writtenBy;

  DurableFile(int number, byte[] content) {
    this.number = number;
    this.bytes = Arrays.copyOf(content, sectors(content.length) * SECTOR);
    this.writtenBy = new int[sectors(content.length)];
    this.length = content.length;
    for (int sector = 0; sector < sectors(length); sector++) {
      digest ^= contribution(sector);
    }
  }

  static int sectors(long length) {
    return (int) ((length + SECTOR - 1) / SECTOR);
  }

  int length() {
    return length;
  }

  /** The bytes, with zeros where nothing was ever written; not to be changed. May be longer. */
  byte[] bytes() {
    return bytes;
  }

  BitSet unwritten() {
    return unwritten;
  }

  /** The digest of all sectors, but not of the length. */
  long digest() {
    return digest;
  }

  /** What the sector adds to the digest; nothing if it lies past the end. */
  long contribution(int sector) {
    return sector < sectors(length)
        ? Digests.sector(number, sector, Digests.content(bytes, sector * SECTOR))
        : 0;
  }

  static long zeroContribution(int file, int sector) {
    return Digests.sector(file, sector, ZERO_CONTENT);
  }

  /** Whether an event with this number has been overtaken in a sector. */
  boolean isNewer(int sector, int event) {
    return sector < writtenBy.length && writtenBy[sector] > event;
  }

  /**
   * Makes a change durable.
   *
   * @param event a write, a discard or a resize of this file
   * @param number of the event, counted from 1 in the order of issue
   */
  void apply(LogEvent event, int number) {
    if (event.kind == LogEvent.Kind.RESIZE) {
      if (event.end < event.start) {
        cut((int) Math.min(length, event.end));
      } else {
        extendTo((int) Math.max(length, event.end), false);
      }
      return;
    }
    int first = (int) (event.start / SECTOR);
    extendTo((int) Math.max(length, event.end), true);
    int end = Math.min(first + event.sectors.length / SECTOR, sectors(length));
    for (int sector = first; sector < end; sector++) {
      if (!isNewer(sector, number)) {
        digest ^= contribution(sector);
        System.arraycopy(event.sectors, (sector - first) * SECTOR, bytes, sector * SECTOR, SECTOR);
        digest ^= contribution(sector);
        writtenBy[sector] = number;
        unwritten.clear(sector);
      }
    }
  }

  private void cut(int newLength) {
    int kept = sectors(newLength);
    for (int sector = Math.max(0, kept - 1); sector < sectors(length); sector++) {
      digest ^= contribution(sector);
    }
    Arrays.fill(bytes, newLength, bytes.length, (byte) 0);
    unwritten.clear(kept, Math.max(kept, sectors(length)));
    length = newLength;
    if (kept > 0) {
      digest ^= contribution(kept - 1);
    }
  }

  private void extendTo(int newLength, boolean byWriting) {
    int before = sectors(length);
    int after = sectors(newLength);
    if (after * SECTOR > bytes.length) {
      int capacity = Math.max(after, bytes.length / SECTOR * 5 / 4 + 8);
      bytes = Arrays.copyOf(bytes, capacity * SECTOR);
      writtenBy = Arrays.copyOf(writtenBy, capacity);
    }
    length = newLength;
    for (int sector = before; sector < after; sector++) {
      digest ^= contribution(sector);
    }
    if (byWriting && after > before) {
      unwritten.set(before, after);
    }
  }
}
