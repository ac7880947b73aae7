package io.github.qcow2.libdeflate;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.CompressionCodecs;
import io.github.qcow2.codec.DeflateCodec;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.zip.Deflater;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledIf;

/** What is the same as with the core's codec, and that it is the library that does it. */
@EnabledIf(
    value = "io.github.qcow2.libdeflate.Libdeflate#isAvailable",
    disabledReason = "libdeflate is not installed")
final class LibdeflateCodecTest {
  private static final int CLUSTER = 4096;

  private final CompressionCodec codec = new LibdeflateCodec();
  private final CompressionCodec core = new DeflateCodec();

  @Test
  void codecIsPreferredWhereTheLibraryIs() {
    assertThat(CompressionCodecs.find(0)).isInstanceOf(LibdeflateCodec.class);
  }

  @Test
  void everyLevelIsReadByTheCore() throws CodecException {
    Random random = new Random(11);
    for (int level = 1; level <= codec.maxLevel(); level++) {
      for (int kind = 0; kind < KINDS; kind++) {
        byte[] plain = plain(random, kind, 65_536);
        ByteBuffer compressed = ByteBuffer.allocate(70_000);
        if (codec.withLevel(level).compress(ByteBuffer.wrap(plain), compressed) > 0) {
          ByteBuffer back = ByteBuffer.allocate(plain.length);
          core.decompress(compressed.flip(), back);
          assertThat(Arrays.equals(back.array(), plain)).as("level %d", level).isTrue();
        }
      }
    }
  }

  @Test
  void higherLevelsGiveSmallerResults() {
    byte[] plain = lines(65_536);
    int before = Integer.MAX_VALUE;
    for (int level : List.of(1, 6, 12)) {
      int length =
          codec
              .withLevel(level)
              .compress(ByteBuffer.wrap(plain), ByteBuffer.allocate(plain.length));
      assertThat(length).as("level %d", level).isLessThan(before);
      before = length;
    }
  }

  /**
   * Streams of every strategy of zlib with a few bits turned. The library by itself would accept
   * some that zlib refuses; the codec must not.
   */
  @Test
  void turnedBitsAreAcceptedAndRefusedAsByTheCore() {
    Random random = new Random(1);
    int byLibrary = 0;
    int accepted = 0;
    int tooLenient = 0;
    for (int round = 0; round < 25_000; round++) {
      byte[] stream = deflate(random, plain(random, random.nextInt(KINDS), CLUSTER));
      int flips = 1 + random.nextInt(3);
      for (int i = 0; i < flips; i++) {
        int reach = random.nextBoolean() ? Math.min(60, stream.length) : stream.length;
        stream[random.nextInt(reach)] ^= (byte) (1 << random.nextInt(8));
      }
      byte[] padded = Arrays.copyOf(stream, stream.length + random.nextInt(512));
      byte[] expected = decompress(core, padded);
      byte[] actual = decompress(codec, padded);

      assertThat(actual != null).as("round %d", round).isEqualTo(expected != null);
      assertThat(Arrays.equals(actual, expected)).as("round %d", round).isTrue();
      accepted += expected != null ? 1 : 0;
      byLibrary += isDoneByTheLibrary(padded, true) ? 1 : 0;
      tooLenient += expected == null && isDoneByTheLibrary(padded, false) ? 1 : 0;
    }
    assertThat(accepted).isBetween(5_000, 20_000);
    assertThat(byLibrary).isGreaterThan(1_000);
    assertThat(tooLenient).isPositive();
  }

  @Test
  void garbageIsAcceptedAndRefusedAsByTheCore() {
    Random random = new Random(2);
    for (int round = 0; round < 30_000; round++) {
      byte[] garbage = new byte[random.nextInt(200)];
      random.nextBytes(garbage);
      if (garbage.length > 0) {
        // One block with codes of its own: what the library would be given.
        garbage[0] = (byte) ((garbage[0] & ~7) | 5);
      }
      assertThat(decompress(codec, garbage)).isEqualTo(decompress(core, garbage));
    }
  }

  /** What zlib writes by default at the cluster size that most images have. */
  @Test
  void ordinaryClustersAreDecompressedByTheLibrary() {
    byte[] plain = lines(65_536);
    Deflater deflater = new Deflater(6, true);
    deflater.setInput(plain);
    deflater.finish();
    byte[] stream = new byte[plain.length];
    int length = deflater.deflate(stream);
    deflater.end();
    ByteBuffer target = ByteBuffer.allocateDirect(plain.length);
    Workspace workspace = Workspace.take();
    try {
      assertThat(workspace.decompress(ByteBuffer.wrap(stream, 0, length), target)).isTrue();
    } finally {
      workspace.giveBack();
    }
    byte[] back = new byte[plain.length];
    target.flip().get(back);
    assertThat(Arrays.equals(back, plain)).isTrue();
  }

  @Test
  void headersCutAnywhereAreLeftToTheCore() {
    byte[] stream = deflate(new Random(4), plain(new Random(4), 1, CLUSTER));
    SingleBlock block = new SingleBlock();
    assertThat(block.isBeyondDoubt(ByteBuffer.wrap(stream))).isTrue();
    for (int length = 0; length < 20; length++) {
      assertThat(block.isBeyondDoubt(ByteBuffer.wrap(stream, 0, length))).isFalse();
    }
  }

  private static boolean isDoneByTheLibrary(byte[] stream, boolean checked) {
    ByteBuffer source = ByteBuffer.wrap(stream);
    ByteBuffer target = ByteBuffer.allocate(CLUSTER);
    Workspace workspace = Workspace.take();
    try {
      return checked
          ? workspace.decompress(source, target)
          : workspace.decompressUnchecked(source, target);
    } finally {
      workspace.giveBack();
    }
  }

  private static byte @Nullable [] decompress(CompressionCodec codec, byte[] stream) {
    ByteBuffer target = ByteBuffer.allocate(CLUSTER);
    try {
      codec.decompress(ByteBuffer.wrap(stream), target);
      return target.array();
    } catch (CodecException e) {
      return null;
    }
  }

  private static final int KINDS = 4;

  private static byte[] plain(Random random, int kind, int length) {
    byte[] plain = new byte[length];
    for (int i = 0; i < length; i++) {
      plain[i] =
          (byte)
              switch (kind) {
                case 0 -> random.nextInt(4);
                case 1 ->
                    random.nextInt(5) < 4 && i >= 40 ? plain[i - 40] : random.nextInt(26) + 65;
                case 2 -> random.nextInt(256);
                default -> i >> 6;
              };
    }
    return plain;
  }

  /** Like the log of some program. */
  private static byte[] lines(int length) {
    Random random = new Random(5);
    StringBuilder lines = new StringBuilder();
    while (lines.length() < length) {
      lines.append("12:34:").append(random.nextInt(60)).append(" request ");
      lines.append(random.nextInt(1000)).append(" took ").append(random.nextInt(99)).append("ms\n");
    }
    return lines.substring(0, length).getBytes(StandardCharsets.US_ASCII);
  }

  private static byte[] deflate(Random random, byte[] plain) {
    Deflater deflater = new Deflater(1 + random.nextInt(9), true);
    deflater.setStrategy(
        switch (random.nextInt(3)) {
          case 0 -> Deflater.FILTERED;
          case 1 -> Deflater.HUFFMAN_ONLY;
          default -> Deflater.DEFAULT_STRATEGY;
        });
    deflater.setInput(plain);
    deflater.finish();
    byte[] stream = new byte[2 * plain.length];
    int length = 0;
    while (!deflater.finished()) {
      length += deflater.deflate(stream, length, stream.length - length);
    }
    deflater.end();
    return Arrays.copyOf(stream, length);
  }
}
