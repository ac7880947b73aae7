package io.github.qcow2.cli;

/** Bytes as qemu-io shows them: offset, sixteen bytes in hexadecimal, the same as text. */
final class HexDump {
  private static final int WIDTH = 16;

  private HexDump() {}

  /**
   * Appends lines of up to sixteen bytes.
   *
   * @param length how many of the bytes to show
   * @param offset what the first byte's offset is called
   */
  static void append(StringBuilder target, byte[] bytes, int length, long offset) {
    for (int line = 0; line < length; line += WIDTH) {
      int end = Math.min(length, line + WIDTH);
      target.append(String.format("%08x:  ", offset + line));
      for (int i = line; i < end; i++) {
        target.append(Character.forDigit(bytes[i] >> 4 & 0xf, 16));
        target.append(Character.forDigit(bytes[i] & 0xf, 16)).append(' ');
      }
      target.append(' ');
      for (int i = line; i < end; i++) {
        boolean visible = bytes[i] > ' ' && bytes[i] < '~';
        target.append(visible ? (char) bytes[i] : '.');
      }
      target.append('\n');
    }
  }
}
