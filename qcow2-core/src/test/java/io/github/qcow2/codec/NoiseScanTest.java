package io.github.qcow2.codec;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.Deflater;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;

class NoiseScanTest {
  private static final int CLUSTER = 65_536;

  private static byte[] noise(int length, long seed) {
    byte[] bytes = new byte[length];
    new Random(seed).nextBytes(bytes);
    return bytes;
  }

  private static boolean isNoise(byte[] bytes) {
    return NoiseScan.isNoise(ByteBuffer.wrap(bytes));
  }

  @Test
  void randomBytesAreNoiseInClustersOfEverySize() {
    for (int size = NoiseScan.SHORTEST; size <= 2 << 20; size *= 2) {
      assertThat(isNoise(noise(size, size))).as("%d bytes", size).isTrue();
    }
  }

  @Test
  void fewBytesAreNeverNoise() {
    assertThat(isNoise(noise(NoiseScan.SHORTEST - 1, 1))).isFalse();
    assertThat(isNoise(new byte[0])).isFalse();
  }

  @Test
  void bufferIsLeftAsItIs() {
    ByteBuffer buffer = ByteBuffer.allocateDirect(CLUSTER + 13).put(noise(CLUSTER + 13, 2));
    buffer.position(5).limit(CLUSTER + 5);

    assertThat(NoiseScan.isNoise(buffer.asReadOnlyBuffer())).isTrue();
    assertThat(NoiseScan.isNoise(buffer)).isTrue();

    assertThat(buffer.position()).isEqualTo(5);
    assertThat(buffer.limit()).isEqualTo(CLUSTER + 5);
  }

  @Test
  void noiseThatComesTwiceIsNoNoise() {
    for (int distance : new int[] {1000, 4097, 20_001, 32_768}) {
      byte[] bytes = noise(CLUSTER, 3);
      System.arraycopy(bytes, 0, bytes, distance, Math.min(distance, 8192));

      assertThat(isNoise(bytes)).as("%d bytes away", distance).isFalse();
    }
  }

  @Test
  void repetitionsOutOfReachDoNotCount() {
    byte[] bytes = noise(4 * CLUSTER, 4);
    System.arraycopy(bytes, 0, bytes, 2 * CLUSTER, CLUSTER);

    assertThat(isNoise(bytes)).isTrue();
  }

  @Test
  void aTenthOfZerosMakesItWorthCompressing() {
    byte[] bytes = noise(CLUSTER, 5);
    Arrays.fill(bytes, CLUSTER / 2, CLUSTER / 2 + CLUSTER / 10, (byte) 0);

    assertThat(isNoise(bytes)).isFalse();
  }

  /** Noise with some order in it: what is called noise does not become smaller by a fiftieth. */
  @Property(tries = 150)
  void whatIsCalledNoiseDoesNotBecomeSmaller(
      @ForAll @IntRange(min = 0, max = 2) int kind,
      @ForAll @IntRange(min = 1, max = 300) int amount,
      @ForAll long seed) {
    byte[] bytes = noise(CLUSTER, seed);
    Random random = new Random(seed);
    switch (kind) {
      case 0 -> {
        for (int i = 0; i < bytes.length; i++) {
          if (random.nextInt(1000) < amount) {
            bytes[i] = (byte) (bytes[i] & 0x0F);
          }
        }
      }
      case 1 -> {
        for (int i = 0; i < amount; i++) {
          int from = random.nextInt(CLUSTER - 200);
          System.arraycopy(bytes, random.nextInt(CLUSTER - 200), bytes, from, 100);
        }
      }
      default -> {
        for (int i = 0; i + 16 < bytes.length; i += 16 + 300 - amount) {
          bytes[i] = bytes[i + 1] = bytes[i + 2] = (byte) random.nextInt(4);
        }
      }
    }
    if (isNoise(bytes)) {
      Deflater deflater = new Deflater(6, true);
      deflater.setInput(bytes);
      deflater.finish();
      int length = deflater.deflate(new byte[2 * CLUSTER]);
      deflater.end();

      assertThat(length).isGreaterThan(CLUSTER - CLUSTER / 50);
    }
  }
}
