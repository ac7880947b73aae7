package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.util.Arrays;

/** Bytes by position: a file, an array, or a disk as a guest sees it. */
public interface ByteSource {
  /** How many bytes there are. */
  long size() throws IOException;

  /**
   * Copies bytes. Those past the end are zeros.
   *
   * @param position of the first byte, not negative
   * @param target receives the bytes
   * @param offset in the target
   * @param length in bytes
   */
  void read(long position, byte[] target, int offset, int length) throws IOException;

  /** The bytes of an array, which is not copied. */
  static ByteSource of(byte[] bytes) {
    return new ByteSource() {
      @Override
      public long size() {
        return bytes.length;
      }

      @Override
      public void read(long position, byte[] target, int offset, int length) {
        int inside = (int) Math.max(0, Math.min(length, bytes.length - position));
        if (inside > 0) {
          System.arraycopy(bytes, (int) position, target, offset, inside);
        }
        Arrays.fill(target, offset + inside, offset + length, (byte) 0);
      }
    };
  }
}
