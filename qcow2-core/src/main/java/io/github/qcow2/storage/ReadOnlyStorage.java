package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A view of another storage that refuses every change. Closing the view leaves its owner open; once
 * the owner is closed, reads through the view fail as reads of the owner do.
 */
public final class ReadOnlyStorage extends Storage {
  private final Storage owner;

  /**
   * Creates a view.
   *
   * @param owner what is looked at; it stays the caller's to close
   */
  public ReadOnlyStorage(Storage owner) {
    super(owner.name(), true);
    this.owner = owner;
  }

  @Override
  Storage viewed() {
    return owner.viewed();
  }

  /** The identity of the owner: both are the same host file. */
  @Override
  public @Nullable Object identity() {
    return owner.identity();
  }

  @Override
  public boolean hasFixedSize() {
    return owner.hasFixedSize();
  }

  /** Never at the end of the file: the owner gives zeros for what lies past it. */
  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    int count = destination.remaining();
    owner.read(destination, position);
    return count;
  }

  @Override
  protected long sizeHook() throws IOException {
    return owner.size();
  }

  @Override
  protected long allocatedSizeHook() throws IOException {
    return owner.allocatedSize();
  }

  @Override
  protected long nextDataHook(long position) throws IOException {
    return owner.nextData(position);
  }

  @Override
  protected long nextHoleHook(long position) throws IOException {
    return owner.nextHole(position);
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) {
    throw unreachable();
  }

  @Override
  protected void setSizeHook(long size) {
    throw unreachable();
  }

  @Override
  protected void forceHook() {
    throw unreachable();
  }

  @Override
  protected void closeHook() {}

  private static AssertionError unreachable() {
    return new AssertionError("a read-only storage calls no hook that changes it");
  }
}
