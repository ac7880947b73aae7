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
 * An image whose clusters have all been written, in guest order: in the page cache, and with
 * nothing left to be written to disk. What stands beside it works on the bytes of the same file,
 * because how fast a file is depends on how the host has laid out its pages.
 *
 * <p>If the system property {@value #DIRECTORY} names a directory, the image is kept there and used
 * again by later runs, for the same reason.
 */
final class FilledImage implements AutoCloseable {
  static final String DIRECTORY = "qcow2.bench.directory";

  /**
   * Where the data begins in the file, in bytes: behind header, refcount table, refcount block, L1
   * table and L2 table. Later L2 tables are in between, so guest bytes are exactly that much
   * further on in the file for the first 512 MiB, and nearly so for the rest.
   */
  static final long DATA_START = 5 * (64L << 10);

  /** What a guest or a copy may have written at once. */
  private static final int CHUNK = 64 << 10;

  private final Path path;
  private final boolean kept;

  /** Fills it with random bytes, unless that has been done. */
  FilledImage(long bytes) throws IOException {
    String directory = System.getProperty(DIRECTORY);
    kept = directory != null;
    if (directory == null) {
      path = Files.createTempFile("filled", ".qcow2");
    } else {
      path = Path.of(directory, "filled-" + bytes + ".qcow2");
      if (Files.exists(path)) {
        return;
      }
    }
    ByteBuffer chunk = ByteBuffer.allocateDirect(CHUNK);
    byte[] random = new byte[CHUNK];
    new Random(1).nextBytes(random);
    chunk.put(random);
    try (Qcow2Image image = Qcow2Image.create(path, bytes).overwriteExisting().build()) {
      for (long at = 0; at < bytes; at += CHUNK) {
        image.write(chunk.clear(), at);
      }
      Extent first = image.extents(0, 1).next();
      if (first == null || first.hostOffset() != DATA_START) {
        throw new IllegalStateException("the data does not begin at " + DATA_START + ": " + first);
      }
    }
  }

  /** Where it is. */
  Path path() {
    return path;
  }

  /** Opens the file as such. */
  FileChannel bare(StandardOpenOption option) throws IOException {
    return FileChannel.open(path, option);
  }

  /** Deletes it, unless it is to be kept. */
  @Override
  public void close() throws IOException {
    if (!kept) {
      Files.delete(path);
    }
  }
}
