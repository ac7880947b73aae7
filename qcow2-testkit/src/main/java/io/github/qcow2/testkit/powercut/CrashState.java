package io.github.qcow2.testkit.powercut;

import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.oracle.ByteSource;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;

/**
 * What one power cut leaves of the files of a log. {@link CrashStates} shows one state after the
 * other through the same object: it may be used only while it is being shown. Not thread-safe.
 */
public final class CrashState {
  private static final int SECTOR = Digests.SECTOR;
  private static final byte JUNK = (byte) 0xa5;
  private static final byte[] JUNK_SECTOR = new byte[SECTOR];
  private static final long JUNK_CONTENT;

  static {
    Arrays.fill(JUNK_SECTOR, JUNK);
    JUNK_CONTENT = Digests.content(JUNK_SECTOR, 0);
  }

  private final List<RecordedFile> files;
  private final Epoch epoch;

  /** The files as they are shown; between two states, their durable parts. */
  private final byte[][] bytes;

  private final int[] length;

  /** For each slot the unit that is its content, or -1. */
  private final int[] chosen;

  private final BitSet units = new BitSet();
  private boolean junk;

  /** Whether a size was set that the order of the units matters for. */
  private boolean resized;

  private long instant;
  private long digest;

  /** Prepares to show states of one epoch. */
  CrashState(PowerCutLog log, Epoch epoch) {
    this.epoch = epoch;
    int count = epoch.base.length;
    this.files = log.files();
    this.bytes = new byte[count][];
    this.length = new int[count];
    for (int file = 0; file < count; file++) {
      bytes[file] =
          Arrays.copyOf(
              epoch.base[file].bytes(),
              Math.max(epoch.base[file].bytes().length, epoch.slotAt[file].length * SECTOR));
    }
    this.chosen = new int[epoch.slots];
  }

  /** Which power cut this is. */
  public CrashPoint point() {
    return new CrashPoint(epoch.number, instant, junk, units);
  }

  /** When the power was cut, in the time of the log. */
  public long instant() {
    return instant;
  }

  /**
   * A number that is the same for two states exactly when all files are, but for rare accidents.
   */
  public long digest() {
    return digest;
  }

  /** How many files there are. */
  public int files() {
    return bytes.length;
  }

  /** The bytes of a file. */
  public ByteSource source(int file) {
    byte[] content = bytes[file];
    int size = length[file];
    return new ByteSource() {
      @Override
      public long size() {
        return size;
      }

      @Override
      public void read(long position, byte[] target, int offset, int count) {
        int inside = (int) Math.max(0, Math.min(count, size - position));
        if (inside > 0) {
          System.arraycopy(content, (int) position, target, offset, inside);
        }
        if (inside < count) {
          Arrays.fill(target, offset + inside, offset + count, (byte) 0);
        }
      }
    };
  }

  /** A copy of the bytes of a file. */
  public byte[] toByteArray(int file) {
    return Arrays.copyOf(bytes[file], length[file]);
  }

  /**
   * A file to open: it can be written to, without any effect on the state or on another file made
   * from it.
   */
  public Storage storage(int file) {
    return scratch(file);
  }

  ScratchStorage scratch(int file) {
    return new ScratchStorage(files.get(file).name, bytes[file], length[file]);
  }

  /**
   * A new log with the same files, whose content is what the power cut left: to record how somebody
   * recovers from it.
   */
  public PowerCutLog recover() {
    PowerCutLog log = new PowerCutLog();
    for (int file = 0; file < bytes.length; file++) {
      log.storage(files.get(file).name, toByteArray(file));
    }
    return log;
  }

  @Override
  public String toString() {
    return point().toString();
  }

  /** Chooses a state and computes its digest; the bytes follow with {@link #show}. */
  void choose(BitSet selection, boolean withJunk) {
    junk = withJunk;
    resized = false;
    instant = epoch.start;
    Arrays.fill(chosen, -1);
    for (int file = 0; file < length.length; file++) {
      length[file] = epoch.base[file].length();
    }
    units.clear();
    units.or(selection);
    int last = -1;
    for (int unit = selection.nextSetBit(0); unit >= 0; unit = selection.nextSetBit(unit + 1)) {
      last = unit;
      if (epoch.sector[unit] != Epoch.LENGTH) {
        chosen[epoch.slot[unit]] = unit;
        continue;
      }
      LogEvent event = epoch.event(unit);
      resized |= event.resizesBySectors();
      length[event.file] = (int) Math.max(length[event.file], event.end);
    }
    if (last >= 0) {
      instant = Math.max(instant, epoch.event(last).issued);
    }
    if (resized) {
      digest = buildInOrder();
      restoreAll();
    } else {
      digest = digestOfChosen();
    }
  }

  private long digestOfChosen() {
    long sum = 0;
    for (int file = 0; file < length.length; file++) {
      DurableFile base = epoch.base[file];
      sum ^= base.digest() ^ Digests.length(file, length[file]);
      BitSet unwritten = base.unwritten();
      for (int at = unwritten.nextSetBit(0); at >= 0 && junk; at = unwritten.nextSetBit(at + 1)) {
        sum ^= DurableFile.zeroContribution(file, at) ^ unwrittenContribution(file, at);
      }
      int end = DurableFile.sectors(length[file]);
      for (int at = DurableFile.sectors(base.length()); at < end; at++) {
        int slot = epoch.slotAt[file][at];
        if (slot < 0 || chosen[slot] < 0) {
          sum ^= unwrittenContribution(file, at);
        }
      }
    }
    for (int slot = 0; slot < epoch.slots; slot++) {
      int unit = chosen[slot];
      int file = epoch.slotFile[slot];
      int sector = epoch.slotSector[slot];
      if (unit >= 0 && sector < DurableFile.sectors(length[file])) {
        sum ^= epoch.contribution[unit] ^ baseContribution(slot);
      }
    }
    return sum;
  }

  private long baseContribution(int slot) {
    int file = epoch.slotFile[slot];
    int sector = epoch.slotSector[slot];
    return junk && epoch.base[file].unwritten().get(sector)
        ? unwrittenContribution(file, sector)
        : epoch.slotBase[slot];
  }

  private long unwrittenContribution(int file, int sector) {
    return junk
        ? Digests.sector(file, sector, JUNK_CONTENT)
        : DurableFile.zeroContribution(file, sector);
  }

  /** Makes the bytes those of the state that was chosen. */
  void show() {
    if (resized) {
      buildInOrder();
      return;
    }
    for (int file = 0; file < length.length; file++) {
      fillUnwritten(file, junk ? JUNK : 0);
      int from = DurableFile.sectors(epoch.base[file].length()) * SECTOR;
      int to = DurableFile.sectors(length[file]) * SECTOR;
      if (from < to) {
        Arrays.fill(bytes[file], from, to, junk ? JUNK : 0);
      }
    }
    for (int slot = 0; slot < epoch.slots; slot++) {
      if (chosen[slot] >= 0) {
        put(chosen[slot]);
      }
    }
  }

  /** Makes the bytes those of the durable part again, as far as that reaches. */
  void hide() {
    if (resized) {
      restoreAll();
      return;
    }
    for (int slot = 0; slot < epoch.slots; slot++) {
      if (chosen[slot] >= 0) {
        DurableFile base = epoch.base[epoch.slotFile[slot]];
        int at = epoch.slotSector[slot] * SECTOR;
        if (at < base.length()) {
          System.arraycopy(base.bytes(), at, bytes[epoch.slotFile[slot]], at, SECTOR);
        }
      }
    }
    if (junk) {
      for (int file = 0; file < length.length; file++) {
        fillUnwritten(file, (byte) 0);
      }
    }
  }

  private void put(int unit) {
    LogEvent event = epoch.event(unit);
    System.arraycopy(
        event.sectors, epoch.offset(unit), bytes[event.file], epoch.sector[unit] * SECTOR, SECTOR);
  }

  private void fillUnwritten(int file, byte value) {
    BitSet unwritten = epoch.base[file].unwritten();
    for (int at = unwritten.nextSetBit(0); at >= 0; at = unwritten.nextSetBit(at + 1)) {
      Arrays.fill(bytes[file], at * SECTOR, (at + 1) * SECTOR, value);
    }
  }

  /** Where a size was set, the order matters: what is cut off does not come back. */
  private long buildInOrder() {
    BitSet[] written = new BitSet[length.length];
    for (int file = 0; file < length.length; file++) {
      length[file] = epoch.base[file].length();
      written[file] = new BitSet();
      written[file].set(0, DurableFile.sectors(length[file]));
      written[file].andNot(epoch.base[file].unwritten());
    }
    for (int unit = units.nextSetBit(0); unit >= 0; unit = units.nextSetBit(unit + 1)) {
      LogEvent event = epoch.event(unit);
      if (epoch.sector[unit] != Epoch.LENGTH) {
        put(unit);
        written[event.file].set(epoch.sector[unit]);
      } else if (!event.resizesBySectors()) {
        length[event.file] = (int) Math.max(length[event.file], event.end);
      } else {
        setSize(event, written[event.file]);
      }
    }
    long sum = 0;
    for (int file = 0; file < length.length; file++) {
      int sectors = DurableFile.sectors(length[file]);
      for (int at = written[file].nextClearBit(0);
          at < sectors;
          at = written[file].nextClearBit(at + 1)) {
        Arrays.fill(bytes[file], at * SECTOR, (at + 1) * SECTOR, junk ? JUNK : 0);
      }
      for (int at = 0; at < sectors; at++) {
        sum ^= Digests.sector(file, at, Digests.content(bytes[file], at * SECTOR));
      }
      sum ^= Digests.length(file, length[file]);
    }
    return sum;
  }

  private void setSize(LogEvent event, BitSet written) {
    byte[] file = bytes[event.file];
    int size = (int) event.end;
    int after = DurableFile.sectors(size);
    if (event.end < event.start) {
      size = Math.min(size, length[event.file]);
      Arrays.fill(file, size, file.length, (byte) 0);
      written.clear(after, Math.max(after, written.length()));
      length[event.file] = size;
      return;
    }
    for (int at = DurableFile.sectors(length[event.file]); at < after; at++) {
      if (!written.get(at)) {
        Arrays.fill(file, at * SECTOR, (at + 1) * SECTOR, (byte) 0);
        written.set(at);
      }
    }
    length[event.file] = Math.max(length[event.file], size);
  }

  private void restoreAll() {
    for (int file = 0; file < bytes.length; file++) {
      byte[] base = epoch.base[file].bytes();
      System.arraycopy(base, 0, bytes[file], 0, base.length);
    }
  }
}
