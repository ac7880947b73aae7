package io.github.qcow2.testkit.powercut;

import io.github.qcow2.testkit.oracle.ByteSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What a guest did to a disk, and when, in the time of a {@link PowerCutLog}: from it follows what
 * each sector of the disk may hold after a power cut. That is what was there when the last flush
 * began that had returned by then, or anything that was written since; nothing else, ever.
 *
 * <p>A change that was under way may show, or not, sector by sector. Where it is not known whether
 * a change has been made at all, as with a discard, the sector may also hold what it held before.
 *
 * <p>Records only what lies in given {@linkplain Window windows}, so that a disk may be large.
 * Thread-safe while it is being filled; once that is over, looking does not need the lock.
 */
public final class GuestJournal {
  private static final int SECTOR = Digests.SECTOR;
  private static final long RUNNING = Long.MAX_VALUE;

  /**
   * A part of the disk.
   *
   * @param position first guest byte, a multiple of 512
   * @param length in bytes, a multiple of 512
   */
  public record Window(long position, int length) {
    /** Checks the alignment. */
    public Window {
      if (position % SECTOR != 0 || length % SECTOR != 0) {
        throw new IllegalArgumentException(length + " bytes at " + position);
      }
    }

    long end() {
      return position + length;
    }
  }

  /** Some sectors that were changed together. */
  public final class Change {
    private final long first;
    private final int sectors;

    /** Null for zeros. */
    private final byte @Nullable [] bytes;

    private final long begun;
    private volatile long ended = RUNNING;
    private volatile boolean doubtful;

    /** Whether the sectors have been cut off, and are zeros should the disk grow again. */
    private boolean cut;

    private Change(long first, int sectors, byte @Nullable [] bytes, boolean doubtful, long begun) {
      this.first = first;
      this.sectors = sectors;
      this.bytes = bytes;
      this.doubtful = doubtful;
      this.begun = begun;
    }

    /** The operation has returned. */
    public void done() {
      ended = log.now();
    }

    /** The operation has failed: it may have done its work, or part of it. */
    public void failed() {
      doubtful = true;
      ended = log.now();
    }

    /** It has become clear that the change was made, as a whole. */
    public void certain() {
      doubtful = false;
    }

    private boolean holds(long sector, byte[] actual, int offset) {
      byte[] expected = bytes;
      if (expected == null) {
        return isZero(actual, offset);
      }
      int at = (int) (sector - first) * SECTOR;
      return Arrays.equals(expected, at, at + SECTOR, actual, offset, offset + SECTOR);
    }

    @Override
    public String toString() {
      return String.format(
          "%s%s of sectors %d to %d, %d to %s",
          doubtful ? "doubtful " : "",
          bytes == null ? "zeros" : "write",
          first,
          first + sectors - 1,
          begun,
          ended == RUNNING ? "?" : String.valueOf(ended));
    }
  }

  /** A flush, or the close of the disk, that has returned; or a size. */
  private record Period(long value, long begun, long ended) {}

  private final PowerCutLog log;
  private final List<Window> windows;
  private final List<byte[]> originals = new ArrayList<>();

  /** By sector, in the order of their beginnings. */
  private final Map<Long, List<Change>> changes = new HashMap<>();

  private final TreeSet<Long> touched = new TreeSet<>();
  private long[] touchedInOrder = new long[0];
  private final List<Period> flushes = new ArrayList<>();
  private final List<Period> sizes = new ArrayList<>();
  private final LongSet guestSectors = new LongSet();

  /**
   * Begins a journal.
   *
   * @param log whose time it uses
   * @param content what the disk holds, durably
   * @param windows the parts that will be written to or are to be looked at; none for the whole
   */
  public GuestJournal(PowerCutLog log, ByteSource content, Window... windows) throws IOException {
    this.log = log;
    long size = content.size();
    this.windows =
        windows.length == 0
            ? List.of(new Window(0, Math.toIntExact(size)))
            : List.copyOf(Arrays.asList(windows));
    for (Window window : this.windows) {
      byte[] original = new byte[window.length];
      content.read(window.position, original, 0, original.length);
      originals.add(original);
      note(original);
    }
    sizes.add(new Period(size, 0, 0));
  }

  /** The parts of the disk that the journal is about. */
  public List<Window> windows() {
    return windows;
  }

  /**
   * An operation begins that will leave these bytes.
   *
   * @param position first guest byte, a multiple of 512
   * @param bytes whole sectors; not copied, and not to be changed any more
   */
  public Change writing(long position, byte[] bytes) {
    note(bytes);
    return begin(position, bytes.length, bytes, false);
  }

  /**
   * An operation begins that will leave zeros.
   *
   * @param position first guest byte, a multiple of 512
   * @param length in bytes, whole sectors
   */
  public Change zeroing(long position, long length) {
    return begin(position, length, null, false);
  }

  /**
   * An operation begins that may leave zeros, or what there is.
   *
   * @param position first guest byte, a multiple of 512
   * @param length in bytes, whole sectors
   */
  public Change discarding(long position, long length) {
    return begin(position, length, null, true);
  }

  /**
   * The end of the disk is about to be cut off. While that is under way anything may be there; as
   * soon as it has returned, the sectors are zeros durably, should the disk grow again.
   *
   * @param position first guest byte, a multiple of 512
   * @param length in bytes, whole sectors
   */
  public Change cutting(long position, long length) {
    Change change = begin(position, length, null, false);
    change.cut = true;
    return change;
  }

  /**
   * A flush that began at some instant has returned.
   *
   * @param begun what {@link PowerCutLog#now} said before the flush was called
   */
  public synchronized void flushed(long begun) {
    flushes.add(new Period(0, begun, log.now()));
  }

  /**
   * The size of the disk has changed: durably, now that the operation has returned.
   *
   * @param size in bytes
   * @param begun what {@link PowerCutLog#now} said before the operation was called
   */
  public synchronized void resized(long size, long begun) {
    sizes.add(new Period(size, begun, log.now()));
  }

  /** The instants from which on more is promised than before. */
  synchronized List<Long> promises() {
    List<Long> instants = new ArrayList<>();
    flushes.forEach(flush -> instants.add(flush.ended));
    sizes.forEach(size -> instants.add(size.ended));
    return instants;
  }

  /** Whether a sector is one that the guest has written, and not of zeros. */
  boolean hasWritten(byte[] bytes, int offset) {
    return guestSectors.contains(Digests.content(bytes, offset));
  }

  /**
   * Compares a disk with what it may be after a power cut.
   *
   * @param disk what is there
   * @param instant when the power was cut
   * @return what is wrong, or null
   */
  public @Nullable String findFault(ByteSource disk, long instant) throws IOException {
    return findFault(disk, instant, new byte[largestWindow()]);
  }

  int largestWindow() {
    return windows.stream().mapToInt(Window::length).max().orElse(0);
  }

  /** As {@link #findFault(ByteSource, long)}, with room for the largest window. */
  @Nullable String findFault(ByteSource disk, long instant, byte[] buffer) throws IOException {
    String wrongSize = findWrongSize(disk.size(), instant);
    if (wrongSize != null) {
      return wrongSize;
    }
    long flushed = lastFlush(instant);
    for (int i = 0; i < windows.size(); i++) {
      Window window = windows.get(i);
      int length = (int) Math.max(0, Math.min(window.length, disk.size() - window.position));
      disk.read(window.position, buffer, 0, length);
      String fault = findFault(window, originals.get(i), buffer, length, instant, flushed);
      if (fault != null) {
        return fault;
      }
    }
    return null;
  }

  private @Nullable String findWrongSize(long size, long instant) {
    long settled = 0;
    for (Period each : sizes) {
      if (each.ended <= instant) {
        settled = Math.max(settled, each.begun);
      }
    }
    for (Period each : sizes) {
      if (each.value == size && each.begun <= instant && each.begun >= settled) {
        return null;
      }
    }
    return "the disk has " + size + " bytes, of " + sizes;
  }

  /** The beginning of the last flush that had returned. */
  private long lastFlush(long instant) {
    long last = -1;
    for (Period flush : flushes) {
      if (flush.ended <= instant) {
        last = Math.max(last, flush.begun);
      }
    }
    return last;
  }

  private @Nullable String findFault(
      Window window, byte[] original, byte[] actual, int length, long instant, long flushed) {
    int from = 0;
    long last = (window.position + length) / SECTOR;
    for (long sector : touchedSectors()) {
      if (sector < window.position / SECTOR || sector >= last) {
        continue;
      }
      int at = (int) (sector * SECTOR - window.position);
      int wrong = Arrays.mismatch(original, from, at, actual, from, at);
      if (wrong >= 0) {
        return describe(window.position + from + wrong, actual, from + wrong, instant);
      }
      if (!isAllowed(sector, original, actual, at, instant, flushed)) {
        return describe(sector * SECTOR, actual, at, instant);
      }
      from = at + SECTOR;
    }
    int wrong = Arrays.mismatch(original, from, length, actual, from, length);
    return wrong < 0
        ? null
        : describe(window.position + from + wrong, actual, from + wrong, instant);
  }

  /** In ascending order. */
  private long[] touchedSectors() {
    long[] sectors = touchedInOrder;
    if (sectors.length != touched.size()) {
      sectors = touched.stream().mapToLong(Long::longValue).toArray();
      touchedInOrder = sectors;
    }
    return sectors;
  }

  private boolean isAllowed(
      long sector, byte[] original, byte[] actual, int at, long instant, long flushed) {
    List<Change> history = changes.getOrDefault(sector, List.of());
    // Whatever had ended when this began cannot be there any more.
    long settled = -1;
    for (Change change : history) {
      if (change.ended <= (change.cut ? instant : flushed) && !change.doubtful) {
        settled = Math.max(settled, change.begun);
      }
    }
    for (int i = history.size() - 1; i >= 0; i--) {
      Change change = history.get(i);
      boolean anything = change.cut && (change.ended > instant || change.doubtful);
      if (change.begun <= instant
          && change.ended >= settled
          && (anything || change.holds(sector, actual, at))) {
        return true;
      }
    }
    return settled < 0 && Arrays.equals(original, at, at + SECTOR, actual, at, at + SECTOR);
  }

  private String describe(long position, byte[] actual, int at, long instant) {
    long sector = position / SECTOR;
    int start = at / SECTOR * SECTOR;
    return String.format(
        "sector %d holds %s at instant %d, last flush %d, changes %s",
        sector,
        isZero(actual, start) ? "zeros" : origin(actual, start),
        instant,
        lastFlush(instant),
        changes.getOrDefault(sector, List.of()));
  }

  /** Where the bytes belong, if they are some of the guest's. */
  private String origin(byte[] actual, int at) {
    for (Map.Entry<Long, List<Change>> entry : changes.entrySet()) {
      for (Change change : entry.getValue()) {
        if (change.bytes != null && change.holds(entry.getKey(), actual, at)) {
          return change + " at sector " + entry.getKey();
        }
      }
    }
    for (int i = 0; i < originals.size(); i++) {
      byte[] original = originals.get(i);
      for (int from = 0; from < original.length; from += SECTOR) {
        if (Arrays.equals(original, from, from + SECTOR, actual, at, at + SECTOR)) {
          return "the original of sector " + (windows.get(i).position + from) / SECTOR;
        }
      }
    }
    return "foreign bytes";
  }

  private synchronized Change begin(
      long position, long length, byte @Nullable [] bytes, boolean doubtful) {
    if (position % SECTOR != 0 || length % SECTOR != 0) {
      throw new IllegalArgumentException(length + " bytes at " + position);
    }
    int sectors = Math.toIntExact(length / SECTOR);
    Change change = new Change(position / SECTOR, sectors, bytes, doubtful, log.now());
    for (Window window : windows) {
      long from = Math.max(position, window.position) / SECTOR;
      long to = Math.min(position + length, window.end()) / SECTOR;
      for (long sector = from; sector < to; sector++) {
        changes.computeIfAbsent(sector, key -> new ArrayList<>()).add(change);
        touched.add(sector);
      }
    }
    return change;
  }

  private synchronized void note(byte[] bytes) {
    for (int at = 0; at + SECTOR <= bytes.length; at += SECTOR) {
      if (!isZero(bytes, at)) {
        guestSectors.add(Digests.content(bytes, at));
      }
    }
  }

  static boolean isZero(byte[] bytes, int offset) {
    for (int i = offset; i < offset + SECTOR; i++) {
      if (bytes[i] != 0) {
        return false;
      }
    }
    return true;
  }
}
