package io.github.qcow2.testkit.oracle;

import java.io.IOException;
import java.lang.invoke.MethodHandles;
import java.lang.invoke.VarHandle;
import java.nio.ByteOrder;

/** Numbers as the format stores them. */
final class BigEndian {
  private static final VarHandle LONG =
      MethodHandles.byteArrayViewVarHandle(long[].class, ByteOrder.BIG_ENDIAN);
  private static final VarHandle INT =
      MethodHandles.byteArrayViewVarHandle(int[].class, ByteOrder.BIG_ENDIAN);

  private BigEndian() {}

  static long u64(byte[] bytes, int offset) {
    return (long) LONG.get(bytes, offset);
  }

  static int u32(byte[] bytes, int offset) {
    return (int) INT.get(bytes, offset);
  }

  static int u16(byte[] bytes, int offset) {
    return (bytes[offset] & 0xff) << 8 | (bytes[offset + 1] & 0xff);
  }

  static long u64(ByteSource source, long position) throws IOException {
    byte[] bytes = new byte[Long.BYTES];
    source.read(position, bytes, 0, Long.BYTES);
    return u64(bytes, 0);
  }
}
