package io.github.qcow2.testkit.powercut;

import java.util.Arrays;
import java.util.List;

/**
 * A stretch of time in which nothing became durable: what the disk surely holds, and the units that
 * it may hold besides. Units are sectors and changes of length, in the order of issue; the unit
 * that extends the file comes before the sectors of the write that does it. Immutable once made.
 */
final class Epoch {
  private static final int SECTOR = Digests.SECTOR;

  /** In place of a sector: the unit changes the length of the file. */
  static final int LENGTH = -1;

  final int number;
  final long start;
  final DurableFile[] base;

  /** Writes, discards and resizes that are pending at the end of the epoch. */
  final List<LogEvent> changes;

  /** Index of the first unit of each change; one more than there are changes. */
  final int[] firstUnit;

  final int units;

  /** For each unit: its change, its sector or {@link #LENGTH}, its slot, its part of the digest. */
  final int[] change;

  final int[] sector;
  final int[] slot;
  final long[] contribution;

  /** A slot is a sector of a file that some unit writes. */
  final int slots;

  final int[] slotFile;
  final int[] slotSector;

  /** What the durable content of each slot adds to the digest. */
  final long[] slotBase;

  /** By file and sector; -1 where there is no slot. */
  final int[][] slotAt;

  private final int[] numbers;

  /**
   * Takes the units apart.
   *
   * @param numbers of the changes among all events, counted from 1
   */
  Epoch(int number, long start, DurableFile[] base, List<LogEvent> changes, int[] numbers) {
    this.number = number;
    this.start = start;
    this.base = base;
    this.changes = changes;
    this.numbers = numbers;
    this.firstUnit = new int[changes.size() + 1];
    int most = 0;
    int[] mostSectors = new int[base.length];
    for (LogEvent each : changes) {
      most += 1 + each.sectors.length / SECTOR;
      long end = Math.max(each.end, each.start + each.sectors.length);
      mostSectors[each.file] = Math.max(mostSectors[each.file], DurableFile.sectors(end));
    }
    this.change = new int[most];
    this.sector = new int[most];
    this.slot = new int[most];
    this.contribution = new long[most];
    this.slotFile = new int[most];
    this.slotSector = new int[most];
    this.slotBase = new long[most];
    this.slotAt = new int[base.length][];
    for (int file = 0; file < base.length; file++) {
      slotAt[file] = new int[Math.max(mostSectors[file], DurableFile.sectors(base[file].length()))];
      Arrays.fill(slotAt[file], -1);
    }
    int[] counts = new int[2];
    long[] reached = new long[base.length];
    for (int file = 0; file < base.length; file++) {
      reached[file] = base[file].length();
    }
    for (int i = 0; i < changes.size(); i++) {
      firstUnit[i] = counts[0];
      addUnits(i, reached, counts);
    }
    firstUnit[changes.size()] = counts[0];
    this.units = counts[0];
    this.slots = counts[1];
  }

  private void addUnits(int index, long[] reached, int[] counts) {
    LogEvent event = changes.get(index);
    if (event.kind == LogEvent.Kind.RESIZE || event.end > reached[event.file]) {
      reached[event.file] = event.end;
      change[counts[0]] = index;
      sector[counts[0]++] = LENGTH;
    }
    int first = (int) (event.start / SECTOR);
    for (int i = 0; i < event.sectors.length / SECTOR; i++) {
      if (base[event.file].isNewer(first + i, numbers[index])) {
        continue;
      }
      int at = slotAt[event.file][first + i];
      if (at < 0) {
        at = counts[1]++;
        slotAt[event.file][first + i] = at;
        slotFile[at] = event.file;
        slotSector[at] = first + i;
        slotBase[at] = base[event.file].contribution(first + i);
      }
      int unit = counts[0]++;
      change[unit] = index;
      sector[unit] = first + i;
      slot[unit] = at;
      contribution[unit] =
          Digests.sector(event.file, first + i, Digests.content(event.sectors, i * SECTOR));
    }
  }

  LogEvent event(int unit) {
    return changes.get(change[unit]);
  }

  /** Where the bytes of a unit that is a sector begin in those of its event. */
  int offset(int unit) {
    return sector[unit] * SECTOR - (int) event(unit).start;
  }

  /** Whether some sector inside some file may be one that was never written. */
  boolean mayShowUnwritten() {
    for (DurableFile file : base) {
      if (!file.unwritten().isEmpty()) {
        return true;
      }
    }
    for (int unit = 0; unit < units; unit++) {
      if (sector[unit] == LENGTH) {
        return true;
      }
    }
    return false;
  }
}
