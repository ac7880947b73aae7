package io.github.qcow2.testkit.durability;

import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.List;

/**
 * A file in memory that remembers what was written to it, in order, and what of it is durable. Its
 * monitor guards the log.
 */
final class RecordedFile extends ForwardingStorage {
  /** What was done to the file. */
  sealed interface Event {}

  /** Bytes were written: those between the position and the limit of the buffer. */
  record Write(long position, ByteBuffer bytes) implements Event {
    /** Whether the write touches a range of the file. */
    boolean touches(long from, long to) {
      return position < to && position + bytes.remaining() > from;
    }
  }

  /** Bytes were given back. */
  record Discard(long position, long length) implements Event {}

  /** The length of the file was set. */
  record SetSize(long size) implements Event {}

  /** Everything before is durable. */
  record Barrier() implements Event {}

  /** Told of each event before it has an effect. */
  @FunctionalInterface
  interface Listener {
    /** Sees the event; an exception keeps it from happening. */
    void before(Event event) throws IOException;
  }

  private final HeapStorage heap;
  private final List<Event> events = new ArrayList<>();
  private byte[] durable;
  private volatile Listener listener = event -> {};

  /** An empty file. */
  RecordedFile() {
    this(new byte[0]);
  }

  /** A file whose content is durable. */
  RecordedFile(byte[] content) {
    this(HeapStorage.copyOf("image", content), content);
  }

  private RecordedFile(HeapStorage heap, byte[] content) {
    super(heap);
    this.heap = heap;
    this.durable = content.clone();
  }

  /** Says who is told from now on. */
  void listener(Listener other) {
    listener = other;
  }

  /** Everything that happened since {@link #forget}. */
  synchronized List<Event> events() {
    return List.copyOf(events);
  }

  /** The writes among the events. */
  List<Write> writes() {
    return events().stream()
        .filter(event -> event instanceof Write)
        .map(event -> (Write) event)
        .toList();
  }

  /** How many barriers there were since {@link #forget}. */
  long barriers() {
    return events().stream().filter(event -> event instanceof Barrier).count();
  }

  /** Forgets the events, not the bytes. */
  synchronized void forget() {
    events.clear();
  }

  /** The bytes as they are now. */
  byte[] toByteArray() {
    return heap.toByteArray();
  }

  /** The bytes as they were at the last barrier. */
  synchronized byte[] durable() {
    return durable.clone();
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    ByteBuffer bytes = ByteBuffer.allocate(source.remaining());
    bytes.put(source.duplicate()).flip();
    note(new Write(position, bytes.asReadOnlyBuffer()));
    return super.writeHook(source, position);
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    note(new Discard(position, length));
    return super.discardHook(position, length);
  }

  /** A write like any other. */
  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    note(new Write(position, ByteBuffer.allocate(Math.toIntExact(length)).asReadOnlyBuffer()));
    super.writeZeroesHook(position, length, mayUnmap);
  }

  @Override
  protected void allocateHook(long position, long length) throws IOException {
    if (position + length > sizeHook()) {
      note(new SetSize(position + length));
    }
    super.allocateHook(position, length);
  }

  @Override
  protected void setSizeHook(long size) throws IOException {
    note(new SetSize(size));
    super.setSizeHook(size);
  }

  @Override
  protected void forceHook() throws IOException {
    byte[] now = heap.toByteArray();
    note(new Barrier());
    synchronized (this) {
      durable = now;
    }
  }

  private void note(Event event) throws IOException {
    listener.before(event);
    synchronized (this) {
      events.add(event);
    }
  }
}
