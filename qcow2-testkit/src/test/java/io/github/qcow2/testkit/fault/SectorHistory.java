package io.github.qcow2.testkit.fault;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * What a disk holds, sector by sector, and what each sector has held since the last flush that was
 * acknowledged: after a failure, the file may show any of these.
 */
final class SectorHistory {
  static final int SECTOR = 512;

  private byte[] now;
  private final Map<Integer, List<byte[]>> earlier = new HashMap<>();

  SectorHistory(byte[] content) {
    this.now = content.clone();
  }

  int size() {
    return now.length;
  }

  byte[] content() {
    return now;
  }

  /** The disk has become larger, by zeros. */
  void grow(int size) {
    now = Arrays.copyOf(now, size);
  }

  /** Bytes have been written. */
  void write(int position, byte[] bytes) {
    remember(position, bytes.length);
    System.arraycopy(bytes, 0, now, position, bytes.length);
  }

  /** Everything has become durable. */
  void flushed() {
    earlier.clear();
  }

  /**
   * Something ended with each sector in its old or its new state, and a look shows in which.
   *
   * @param wanted what would be there if all of it had succeeded
   * @param found what is there
   * @param torn whether a sector may be new up to some byte and old from there on
   */
  void settle(int position, byte[] wanted, byte[] found, boolean torn) {
    write(position, wanted);
    byte[] target = Arrays.copyOfRange(now, position, position + wanted.length);
    byte[] old = before(position, wanted.length);
    int at = 0;
    while (at < found.length) {
      int end = Math.min(found.length, (position + at) / SECTOR * SECTOR + SECTOR - position);
      boolean isNew = Arrays.equals(found, at, end, target, at, end);
      boolean isOld = Arrays.equals(found, at, end, old, at, end);
      if (!isNew && !isOld && !(torn && isTorn(found, target, old, at, end))) {
        throw new AssertionError(
            "bytes " + (position + at) + " to " + (position + end) + " are neither old nor new");
      }
      at = end;
    }
    // What the image does not show may be in the file all the same.
    write(position, found);
  }

  private static boolean isTorn(byte[] found, byte[] target, byte[] old, int from, int to) {
    int same = Arrays.mismatch(found, from, to, target, from, to);
    return Arrays.equals(found, from + same, to, old, from + same, to);
  }

  /** The bytes before the last {@link #write}. */
  private byte[] before(int position, int length) {
    byte[] old = new byte[length];
    int at = 0;
    while (at < length) {
      int sector = (position + at) / SECTOR;
      int inSector = (position + at) % SECTOR;
      int count = Math.min(SECTOR - inSector, length - at);
      List<byte[]> versions = earlier.getOrDefault(sector, List.of());
      System.arraycopy(versions.get(versions.size() - 1), inSector, old, at, count);
      at += count;
    }
    return old;
  }

  private void remember(int position, int length) {
    if (length == 0) {
      return;
    }
    for (int sector = position / SECTOR; sector <= (position + length - 1) / SECTOR; sector++) {
      byte[] version = Arrays.copyOfRange(now, sector * SECTOR, (sector + 1) * SECTOR);
      earlier.computeIfAbsent(sector, none -> new ArrayList<>()).add(version);
    }
  }

  /** The disk must hold what was done last. */
  void assertHolds(byte[] found) {
    int at = Arrays.mismatch(found, now);
    if (at >= 0) {
      throw new AssertionError(
          "byte " + at + " differs; sizes are " + found.length + " and " + now.length);
    }
  }

  /**
   * What was found after a failure becomes what the disk holds. The disk may have become larger on
   * the way; what it gained is zeros.
   *
   * @throws AssertionError if a sector shows what it must not
   */
  void adopt(byte[] found) {
    if (found.length < now.length) {
      throw new AssertionError("the disk has shrunk from " + now.length + " to " + found.length);
    }
    byte[] grown = Arrays.copyOf(now, found.length);
    for (int at = 0; at < found.length; at += SECTOR) {
      if (!Arrays.equals(found, at, at + SECTOR, grown, at, at + SECTOR)
          && !wasBefore(at / SECTOR, Arrays.copyOfRange(found, at, at + SECTOR))) {
        throw new AssertionError("sector at " + at + " shows what it has not held since the flush");
      }
    }
    now = found.clone();
    earlier.clear();
  }

  private boolean wasBefore(int sector, byte[] bytes) {
    for (byte[] version : earlier.getOrDefault(sector, List.of())) {
      if (Arrays.equals(version, bytes)) {
        return true;
      }
    }
    return false;
  }
}
