package io.github.qcow2.testkit.discard;

import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/** A storage that writes down in which order it is changed, made durable and told of discards. */
final class RecordingStorage extends ForwardingStorage {
  private final List<Event> events = new ArrayList<>();

  /** Kinds of calls. */
  enum Kind {
    WRITE,
    DISCARD,
    UNMAP,
    FILL,
    BARRIER
  }

  /**
   * One call.
   *
   * @param position first byte; 0 for a barrier
   * @param length in bytes; 0 for a barrier
   */
  record Event(Kind kind, long position, long length) {
    boolean contains(long place) {
      return position <= place && place < position + length;
    }
  }

  RecordingStorage(Storage file) {
    super(file);
  }

  /** What has been called so far, oldest first. */
  synchronized List<Event> events() {
    return List.copyOf(events);
  }

  /** Calls of one kind, oldest first. */
  List<Event> all(Kind kind) {
    return events().stream().filter(event -> event.kind == kind).toList();
  }

  /** Forgets what has been called so far. */
  synchronized void forget() {
    events.clear();
  }

  private synchronized void add(Kind kind, long position, long length) {
    events.add(new Event(kind, position, length));
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    add(Kind.WRITE, position, source.remaining());
    return super.writeHook(source, position);
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    add(Kind.DISCARD, position, length);
    return super.discardHook(position, length);
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    add(mayUnmap ? Kind.UNMAP : Kind.FILL, position, length);
    super.writeZeroesHook(position, length, mayUnmap);
  }

  @Override
  protected void forceHook() throws IOException {
    super.forceHook();
    add(Kind.BARRIER, 0, 0);
  }
}
