package io.github.qcow2.storage;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;

/** A provider that can do little: copy a few bytes at a time, if that. Not thread-safe. */
final class FakeHostFiles implements HostFileProvider {
  /** How many bytes it copies before it says that it cannot. */
  long copies;

  /** Whether it fails to open anything. */
  boolean opensNothing;

  final List<Path> opened = new ArrayList<>();
  int open;

  @Override
  public String name() {
    return "fake";
  }

  @Override
  public String description() {
    return name();
  }

  @Override
  public HostDescriptor open(Path path, boolean writable) throws IOException {
    opened.add(path);
    if (opensNothing) {
      throw new IOException("nothing is opened");
    }
    open++;
    return new Descriptor(
        writable
            ? FileChannel.open(path, StandardOpenOption.READ, StandardOpenOption.WRITE)
            : FileChannel.open(path, StandardOpenOption.READ));
  }

  private final class Descriptor implements HostDescriptor {
    private final FileChannel channel;

    Descriptor(FileChannel channel) {
      this.channel = channel;
    }

    @Override
    public boolean punchHole(long position, long length) {
      return false;
    }

    @Override
    public boolean zeroRange(long position, long length) {
      return false;
    }

    @Override
    public boolean allocate(long position, long length) {
      return false;
    }

    @Override
    public long allocatedBytes() {
      return 4711;
    }

    @Override
    public long nextData(long position) {
      return -1;
    }

    @Override
    public long nextHole(long position) {
      return -1;
    }

    @Override
    public long copyFrom(HostDescriptor source, long sourcePosition, long position, long length)
        throws IOException {
      int count = (int) Math.min(Math.min(copies, length), 1000);
      ByteBuffer bytes = ByteBuffer.allocate(count);
      ((Descriptor) source).channel.read(bytes, sourcePosition);
      channel.write(bytes.flip(), position);
      copies -= count;
      return count;
    }

    @Override
    public boolean lockShared(long position) {
      throw new UnsupportedOperationException("no locks");
    }

    @Override
    public void unlock(long position) {
      throw new UnsupportedOperationException("no locks");
    }

    @Override
    public boolean isLockedElsewhere(long position) {
      throw new UnsupportedOperationException("no locks");
    }

    @Override
    public void close() throws IOException {
      if (channel.isOpen()) {
        open--;
        channel.close();
      }
    }
  }
}
