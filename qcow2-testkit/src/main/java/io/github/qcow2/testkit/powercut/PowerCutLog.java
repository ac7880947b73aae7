package io.github.qcow2.testkit.powercut;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.storage.WriteLog;
import io.github.qcow2.storage.WriteLogStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;

/**
 * What was done to one or more files, and when: the files of a disk that a power cut hits together,
 * such as an image and its external data file.
 *
 * <p>Time is a count of what has happened. Each call has an instant at which it was issued and a
 * later one at which it returned; a barrier makes durable what returned before it was issued.
 *
 * <p>Thread-safe: the monitor guards all of it, the bytes of the files included.
 */
public final class PowerCutLog {
  private static final int SECTOR = Digests.SECTOR;

  private final List<RecordedFile> files = new ArrayList<>();
  private final List<LogEvent> events = new ArrayList<>();
  private volatile Runnable underWay = () -> {};
  private long clock;

  /** An empty log. */
  public PowerCutLog() {}

  /**
   * Adds a file. Its number is how many there were before.
   *
   * @param name what messages call it
   * @param content what is in it, durable from the beginning
   */
  public synchronized PowerCutStorage storage(String name, byte[] content) {
    RecordedFile file = new RecordedFile(name, files.size(), content);
    files.add(file);
    return new PowerCutStorage(this, file);
  }

  /**
   * Sets what a thread does between issuing a call and its return, without holding any lock: for
   * example to yield, so that calls of several threads are under way at once.
   */
  public void whileUnderWay(Runnable action) {
    underWay = action;
  }

  /** Lets time pass, and says which instant it is. */
  public synchronized long now() {
    return ++clock;
  }

  /** The files, by number. */
  synchronized List<RecordedFile> files() {
    return List.copyOf(files);
  }

  /** Another handle on a file, by its number. */
  synchronized PowerCutStorage open(int file) {
    return new PowerCutStorage(this, files.get(file));
  }

  /** What has been recorded so far, in the order in which it was issued. */
  synchronized List<LogEvent> events() {
    return List.copyOf(events);
  }

  /**
   * Writes what was done to one file in the format of {@code dm-log-writes}, for other tools:
   * writes in the order in which they returned, each barrier where it was issued.
   *
   * @param file number of the file
   * @param target an empty log, closed in the end
   */
  public void export(int file, WriteLog target) throws IOException {
    RecordedFile recorded = files().get(file);
    List<LogEvent> ordered = new ArrayList<>();
    for (LogEvent event : events()) {
      if (event.file == file && event.completed() != LogEvent.NEVER) {
        ordered.add(event);
      }
    }
    ordered.sort(
        Comparator.comparingLong(
            event -> event.kind == LogEvent.Kind.BARRIER ? event.issued : event.completed()));
    HeapStorage content = HeapStorage.copyOf(recorded.name, recorded.original());
    try (WriteLogStorage replay = new WriteLogStorage(content, target)) {
      for (LogEvent event : ordered) {
        switch (event.kind) {
          case WRITE -> {
            long end = Math.max(event.end, replay.size());
            int length = (int) Math.min(event.sectors.length, end - event.start);
            replay.write(ByteBuffer.wrap(event.sectors, 0, length), event.start);
          }
          case DISCARD -> replay.discard(event.start, event.sectors.length);
          case RESIZE -> replay.setSize(event.end);
          case BARRIER -> replay.force();
        }
      }
    }
  }

  void write(RecordedFile file, ByteBuffer source, long position) {
    complete(issueWrite(file, source, position));
  }

  /** Writes zeros from the end of the file on, unless it reaches as far already. */
  void extend(RecordedFile file, long end) {
    LogEvent event;
    synchronized (this) {
      if (end <= file.size()) {
        return;
      }
      byte[] zeroes = new byte[Math.toIntExact(end - file.size())];
      event = issueWrite(file, ByteBuffer.wrap(zeroes), file.size());
    }
    complete(event);
  }

  private synchronized LogEvent issueWrite(RecordedFile file, ByteBuffer source, long position) {
    long end = position + source.remaining();
    file.write(source, position);
    int start = Math.toIntExact(position & -SECTOR);
    byte[] sectors = file.copy(start, Math.toIntExact((end + SECTOR - 1) & -SECTOR));
    LogEvent event = new LogEvent(LogEvent.Kind.WRITE, file.number, start, sectors, end, now());
    events.add(event);
    return event;
  }

  void discard(RecordedFile file, long position, long length) {
    LogEvent event;
    synchronized (this) {
      // Somebody may have cut the file since the length was looked at.
      long end = Math.min(position + length, file.size()) & -SECTOR;
      if (end <= position) {
        return;
      }
      byte[] zeroes = new byte[Math.toIntExact(end - position)];
      file.write(ByteBuffer.wrap(zeroes), position);
      event = new LogEvent(LogEvent.Kind.DISCARD, file.number, position, zeroes, 0, now());
      events.add(event);
    }
    complete(event);
  }

  void resize(RecordedFile file, long size) {
    LogEvent event;
    synchronized (this) {
      int before = file.size();
      file.resize(size);
      event = new LogEvent(LogEvent.Kind.RESIZE, file.number, before, new byte[0], size, now());
      events.add(event);
    }
    complete(event);
  }

  void barrier(RecordedFile file) {
    LogEvent event;
    synchronized (this) {
      event = new LogEvent(LogEvent.Kind.BARRIER, file.number, 0, new byte[0], 0, now());
      events.add(event);
    }
    complete(event);
  }

  private void complete(LogEvent event) {
    underWay.run();
    event.complete(now());
  }

  /** For messages: how much there is. */
  @Override
  public synchronized String toString() {
    return files.stream().map(file -> file.name).toList() + ", " + events.size() + " calls";
  }
}
