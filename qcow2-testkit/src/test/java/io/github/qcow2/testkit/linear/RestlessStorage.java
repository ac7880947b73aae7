package io.github.qcow2.testkit.linear;

import io.github.qcow2.storage.Storage;
import io.github.qcow2.testkit.fault.ForwardingStorage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/**
 * A storage in which every now and then a transfer takes long, before or after the bytes have
 * moved, so that others overtake it.
 */
final class RestlessStorage extends ForwardingStorage {
  private static final int ONE_IN = 8;
  private static final int LONGEST_NANOS = 200_000;

  RestlessStorage(Storage file) {
    super(file);
  }

  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    rest();
    int count = super.readHook(destination, position);
    rest();
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    rest();
    int count = super.writeHook(source, position);
    rest();
    return count;
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    rest();
    boolean told = super.discardHook(position, length);
    rest();
    return told;
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    rest();
    super.writeZeroesHook(position, length, mayUnmap);
    rest();
  }

  @Override
  protected void forceHook() throws IOException {
    rest();
    super.forceHook();
  }

  private static void rest() {
    ThreadLocalRandom random = ThreadLocalRandom.current();
    int dice = random.nextInt(4 * ONE_IN);
    if (dice < 4) {
      LockSupport.parkNanos(dice == 0 ? random.nextInt(LONGEST_NANOS) : 1);
    }
  }
}
