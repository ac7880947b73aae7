package io.github.qcow2.jmh;

import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Random;

/**
 * An image whose clusters have all been written, in guest order, and a plain file that was written
 * in the same steps to the same places: both in the page cache, and neither with anything left to
 * be written to disk.
 */
final class FilledImage implements AutoCloseable {
  private static final int CHUNK = 1 << 20;

  /**
   * Where the data begins in both, in bytes: in the image behind header, refcount table, refcount
   * block, L1 table and L2 table. Later L2 tables are in between, so this is exact for the first
   * 512 MiB and otherwise close.
   */
  static final long DATA_START = 5 * (64L << 10);

  private final Path directory;

  /** Fills both with random bytes. */
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
        file.write(chunk.clear(), DATA_START + at);
      }
      file.force(false);
      Extent first = image.extents(0, 1).next();
      if (first == null || first.hostOffset() != DATA_START) {
        throw new IllegalStateException("the data does not begin at " + DATA_START + ": " + first);
      }
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
