package io.github.qcow2.testkit.fault;

import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import org.jspecify.annotations.Nullable;

/**
 * A storage that does what another one does; subclasses override the hooks in which they differ.
 * Closing it closes the other one. As thread-safe as that is.
 */
public abstract class ForwardingStorage extends Storage {
  private final Storage file;

  /**
   * Stands before another storage, and has its name.
   *
   * @param file where the bytes are
   */
  protected ForwardingStorage(Storage file) {
    super(file.name(), file.isReadOnly());
    this.file = file;
  }

  @Override
  public @Nullable Object identity() {
    return file.identity();
  }

  @Override
  public boolean hasFixedSize() {
    return file.hasFixedSize();
  }

  /** Fills the whole of what remains of the buffer; what lies past the end is zeros. */
  @Override
  protected int readHook(ByteBuffer destination, long position) throws IOException {
    int count = destination.remaining();
    file.read(destination, position);
    return count;
  }

  @Override
  protected int writeHook(ByteBuffer source, long position) throws IOException {
    int count = source.remaining();
    file.write(source, position);
    return count;
  }

  @Override
  protected long sizeHook() throws IOException {
    return file.size();
  }

  @Override
  protected void setSizeHook(long size) throws IOException {
    file.setSize(size);
  }

  @Override
  protected void extendHook(long size) throws IOException {
    file.extend(size);
  }

  @Override
  protected boolean discardHook(long position, long length) throws IOException {
    return file.discard(position, length);
  }

  @Override
  protected void writeZeroesHook(long position, long length, boolean mayUnmap) throws IOException {
    file.writeZeroes(position, length, mayUnmap);
  }

  @Override
  protected void allocateHook(long position, long length) throws IOException {
    file.allocate(position, length);
  }

  @Override
  protected long allocatedSizeHook() throws IOException {
    return file.allocatedSize();
  }

  @Override
  protected long nextDataHook(long position) throws IOException {
    return file.nextData(position);
  }

  @Override
  protected long nextHoleHook(long position) throws IOException {
    return file.nextHole(position);
  }

  @Override
  protected boolean copyFromHook(Storage source, long sourcePosition, long position, long length)
      throws IOException {
    return file.copyFrom(source, sourcePosition, position, length);
  }

  @Override
  protected void forceHook() throws IOException {
    file.force();
  }

  @Override
  protected void closeHook() throws IOException {
    file.close();
  }
}
