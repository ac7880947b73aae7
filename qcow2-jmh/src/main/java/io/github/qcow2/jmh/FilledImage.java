package io.github.qcow2.jmh;

import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/**
 * An image whose clusters have all been written, in a directory of its own, and a plain file with
 * the same bytes: both in the page cache, and neither with anything left to be written to disk.
 */
final class FilledImage implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  private final Path directory;

  /** Fills both with random bytes, in guest order. */
  FilledImage(long bytes) throws IOException {
    directory = Files.createTempDirectory("filled");
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    byte[] random = new byte[CHUNK];
    new Random(1).nextBytes(random);
    chunk.put(random);
    try (Qcow2Image image = Qcow2Image.create(image(), bytes).build();
        FileChannel file = bare(StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      for (long at = 0; at < bytes; at += CHUNK) {
        image.write(chunk.clear(), at);
        file.write(chunk.clear(), at);
      }
      file.force(false);
    }
  }

  /** Where the image is. */
  Path image() {
    return directory.resolve("image.qcow2");
  }

  /** Opens the plain file. */
  FileChannel bare(StandardOpenOption... options) throws IOException {
    return FileChannel.open(directory.resolve("file"), options);
  }

  /** Deletes both. */
  @Override
  public void close() throws IOException {
    Files.delete(image());
    Files.delete(directory.resolve("file"));
    Files.delete(directory);
  }
}
