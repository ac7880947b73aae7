package io.github.qcow2.testkit.linear;

import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import io.github.qcow2.testkit.fault.StorageCall;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;

/** A storage in which calls can be held up, before they have any effect. */
final class GatedStorage extends ForwardingStorage {
  private final List<Gate> gates = new CopyOnWriteArrayList<>();

  /** Calls of one kind into one range wait here. */
  static final class Gate {
    private final StorageCall call;
    private final long from;
    private final long to;
    private final AtomicInteger arrived = new AtomicInteger();
    private final CountDownLatch firstArrived = new CountDownLatch(1);
    private final CountDownLatch open = new CountDownLatch(1);

    private Gate(StorageCall call, long from, long to) {
      this.call = call;
      this.from = from;
      this.to = to;
    }

    /** Returns when a call waits, or has waited. */
    void awaitArrival() throws InterruptedException {
      if (!firstArrived.await(1, TimeUnit.MINUTES)) {
        throw new AssertionError("nobody has come");
      }
    }

    /** How many calls have come so far. */
    int arrived() {
      return arrived.get();
    }

    /** Lets everybody pass, now and later. */
    void open() {
      open.countDown();
    }

    private void pass(StorageCall which, long position, long length) throws IOException {
      if (which != call || position >= to || position + length <= from) {
        return;
      }
      arrived.incrementAndGet();
      firstArrived.countDown();
      try {
        open.await();
      } catch (InterruptedException e) {
        throw new IOException("interrupted at a gate", e);
      }
    }
  }

  GatedStorage(Storage file) {
    super(file);
  }

  /** From now on, calls that touch a range of the file wait until the gate is opened. */
  Gate hold(StorageCall call, long from, long to) {
    Gate gate = new Gate(call, from, to);
    gates.add(gate);
    return gate;
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    pass(StorageCall.READ, position, destination.remaining());
    return super.readHook(destination, position);
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    pass(StorageCall.WRITE, position, source.remaining());
    return super.writeHook(source, position);
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    pass(StorageCall.DISCARD, position, length);
    return super.discardHook(position, length);
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    pass(StorageCall.WRITE_ZEROES, position, length);
    super.writeZeroesHook(position, length, mayUnmap);
  }

  @Override
  protected void forceHook() throws IOException {
    pass(StorageCall.FORCE, 0, 1);
    super.forceHook();
  }

  private void pass(StorageCall call, long position, long length) throws IOException {
    for (Gate gate : gates) {
      gate.pass(call, position, length);
    }
  }
}
