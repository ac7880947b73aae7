package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;

/** The bytes of a file, however large and sparse. */
public final class FileSource implements ByteSource, AutoCloseable {
  private final FileChannel channel;

  private FileSource(FileChannel channel) {
    this.channel = channel;
  }

  /** Opens a file for reading. */
  public static FileSource open(Path path) throws IOException {
    return new FileSource(FileChannel.open(path, StandardOpenOption.READ));
  }

  @Override
  public long size() throws IOException {
    return channel.size();
  }

  @Override
  public void read(long position, byte[] target, int offset, int length) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(target, offset, length);
    while (buffer.hasRemaining()) {
      int count = channel.read(buffer, position + length - buffer.remaining());
      if (count < 0) {
        Arrays.fill(target, buffer.position(), buffer.limit(), (byte) 0);
        return;
      }
    }
  }

  @Override
  public void close() throws IOException {
    channel.close();
  }
}
