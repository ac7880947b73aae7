package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.Arrays;
import java.util.SplittableRandom;

/** Files to convert, the same whenever they are made. */
final class TestData {
  private static final int CHUNK = 1 << 20;
  private static final int PIECE = 64 << 10;
  private static final int WORDS = 2000;

  private final SplittableRandom random = new SplittableRandom(1);
  private final byte[][] words = new byte[WORDS][];
  private final byte[] bytes = new byte[CHUNK];

  TestData() {
    for (int i = 0; i < WORDS; i++) {
      StringBuilder word = new StringBuilder();
      for (int length = random.nextInt(2, 10); length > 0; length--) {
        word.append((char) ('a' + random.nextInt(26)));
      }
      words[i] = word.append(' ').toString().getBytes(StandardCharsets.US_ASCII);
    }
  }

  /** Bytes that nothing can compress. */
  void random(Path file, long size) throws IOException {
    try (FileChannel channel = create(file)) {
      for (long at = 0; at < size; at += CHUNK) {
        random.nextBytes(bytes);
        channel.write(ByteBuffer.wrap(bytes), at);
      }
    }
  }

  /**
   * A mixture as disks have it, in pieces of 64 KiB: of twenty, three of nothing, eight of words,
   * five of records whose fields are alike, four of noise.
   */
  void mixed(Path file, long size) throws IOException {
    try (FileChannel channel = create(file)) {
      for (long at = 0; at < size; at += CHUNK) {
        for (int piece = 0; piece < CHUNK; piece += PIECE) {
          int kind = random.nextInt(20);
          if (kind < 3) {
            Arrays.fill(bytes, piece, piece + PIECE, (byte) 0);
          } else if (kind < 11) {
            text(piece);
          } else if (kind < 16) {
            records(piece);
          } else {
            noise(piece);
          }
        }
        channel.write(ByteBuffer.wrap(bytes), at);
      }
    }
  }

  private static FileChannel create(Path file) throws IOException {
    return FileChannel.open(file, StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE);
  }

  /** Words, of which some are far more frequent than others. */
  private void text(int from) {
    int at = from;
    while (at < from + PIECE) {
      double rank = random.nextDouble();
      byte[] word = words[(int) (rank * rank * rank * WORDS)];
      int length = Math.min(word.length, from + PIECE - at);
      System.arraycopy(word, 0, bytes, at, length);
      at += length;
    }
  }

  /** Records of 32 bytes: a counter, flags, an address, and padding. */
  private void records(int from) {
    ByteBuffer piece = ByteBuffer.wrap(bytes, from, PIECE);
    for (int counter = 0; piece.hasRemaining(); counter++) {
      piece.putLong(counter).putInt(random.nextInt(8));
      piece.putInt(random.nextInt()).putLong(0x7f00_0000_0000L + random.nextInt(1 << 20));
      piece.putLong(0);
    }
  }

  private void noise(int from) {
    ByteBuffer piece = ByteBuffer.wrap(bytes, from, PIECE);
    while (piece.hasRemaining()) {
      piece.putLong(random.nextLong());
    }
  }
}
