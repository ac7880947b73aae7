package io.github.qcow2;

import io.github.qcow2.crypto.AesSectors;
import io.github.qcow2.metadata.BufferPool;
import io.github.qcow2.metadata.TrackedFile;
import java.io.IOException;
import java.nio.ByteBuffer;

/**
 * Reads guest data that is encrypted in the file that holds it. Compressed clusters, zeros and
 * tables are never encrypted. Owns nothing and takes no lock.
 */
final class EncryptedData {
  private static final int BYTES_PER_TRANSFER = 64 << 10;

  private final TrackedFile data;
  private final AesSectors cipher;
  private final BufferPool buffers;

  EncryptedData(TrackedFile data, AesSectors cipher, BufferPool buffers) {
    this.data = data;
    this.cipher = cipher;
    this.buffers = buffers;
  }

  /**
   * Fills the buffer.
   *
   * @param position guest offset of the first byte
   * @param host where in the file that byte is; both are at the same place of a sector
   */
  void read(ByteBuffer destination, long position, long host) throws IOException {
    ByteBuffer buffer = buffers.take(BYTES_PER_TRANSFER);
    try {
      long at = position;
      while (destination.hasRemaining()) {
        int before = (int) (at % AesSectors.SECTOR_BYTES);
        int wanted = Math.min(destination.remaining(), BYTES_PER_TRANSFER - before);
        int sectors = (before + wanted + AesSectors.SECTOR_BYTES - 1) / AesSectors.SECTOR_BYTES;
        buffer.clear().limit(sectors * AesSectors.SECTOR_BYTES);
        data.read(buffer, host + (at - position) - before);
        cipher.decrypt(buffer.flip(), at / AesSectors.SECTOR_BYTES);
        destination.put(buffer.position(before).limit(before + wanted));
        at += wanted;
      }
    } finally {
      buffers.give(buffer);
    }
  }
}
