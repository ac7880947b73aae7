package io.github.qcow2.testkit.contract;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.IntFunction;
import org.junit.jupiter.api.Test;

/**
 * What every {@link CompressionCodec} must do. Extend it, name the codec, and JUnit runs the rest.
 */
public abstract class CompressionCodecContract {
  private static final int CLUSTER = 65_536;

  /** For subclasses. */
  protected CompressionCodecContract() {}

  /** The codec to be tested. */
  protected abstract CompressionCodec codec();

  @Test
  public void codecHasANameAndANumber() {
    assertThat(codec().name()).isNotBlank();
    assertThat(codec().compressionType()).isBetween(0, 255);
  }

  @Test
  public void whatIsCompressedComesBack() throws CodecException {
    for (int cluster : new int[] {512, 4096, CLUSTER, 1 << 21}) {
      for (byte[] plain : List.of(new byte[cluster], text(cluster))) {
        byte[] compressed = compress(plain);

        assertThat(compressed.length).isLessThan(cluster);
        assertThat(Arrays.equals(decompress(compressed, cluster), plain)).isTrue();
      }
    }
  }

  /** Whether distant repetitions are found is the codec's own affair. */
  @Test
  public void distantRepetitionsComeBackIfTheyAreCompressed() throws CodecException {
    for (int cluster : new int[] {4096, CLUSTER, 1 << 21}) {
      byte[] plain = distant(cluster);
      ByteBuffer target = ByteBuffer.allocate(cluster);
      int length = codec().compress(ByteBuffer.wrap(plain), target);

      if (length != CompressionCodec.NOT_COMPRESSIBLE) {
        byte[] compressed = Arrays.copyOf(target.array(), length);
        assertThat(Arrays.equals(decompress(compressed, cluster), plain)).isTrue();
      }
    }
  }

  @Test
  public void everyKindOfBufferWorks() throws CodecException {
    byte[] plain = text(CLUSTER);
    List<IntFunction<ByteBuffer>> kinds =
        List.of(
            ByteBuffer::allocate,
            ByteBuffer::allocateDirect,
            size -> ByteBuffer.allocate(size + 7).position(7).slice());
    for (IntFunction<ByteBuffer> from : kinds) {
      for (IntFunction<ByteBuffer> to : kinds) {
        ByteBuffer source = from.apply(CLUSTER).put(plain).flip().asReadOnlyBuffer();
        ByteBuffer compressed = to.apply(CLUSTER);
        int length = codec().compress(source, compressed);
        compressed.flip();
        assertThat(compressed.remaining()).isEqualTo(length);
        ByteBuffer back = from.apply(CLUSTER);

        codec().decompress(compressed.asReadOnlyBuffer(), back);

        byte[] bytes = new byte[CLUSTER];
        back.flip().get(bytes);
        assertThat(Arrays.equals(bytes, plain)).isTrue();
      }
    }
  }

  @Test
  public void onlyBytesBetweenPositionAndLimitAreUsed() throws CodecException {
    byte[] plain = text(CLUSTER);
    ByteBuffer source = ByteBuffer.allocate(CLUSTER + 30).position(10).put(plain).flip();
    source.position(10);
    byte[] array = new byte[CLUSTER];
    Arrays.fill(array, (byte) 0x77);
    ByteBuffer compressed = ByteBuffer.wrap(array).position(100);

    int length = codec().compress(source, compressed);

    assertThat(source.hasRemaining()).isFalse();
    assertThat(compressed.position()).isEqualTo(100 + length);
    assertThat(Arrays.copyOf(array, 100)).containsOnly(0x77);

    byte[] out = new byte[CLUSTER + 20];
    ByteBuffer target = ByteBuffer.wrap(out).position(5).limit(CLUSTER + 5);
    codec().decompress(ByteBuffer.wrap(array, 100, length), target);

    assertThat(target.hasRemaining()).isFalse();
    assertThat(Arrays.equals(Arrays.copyOfRange(out, 5, CLUSTER + 5), plain)).isTrue();
    assertThat(out[4]).isZero();
    assertThat(out[CLUSTER + 5]).isZero();
  }

  @Test
  public void bytesBehindTheCompressedOnesAreIgnored() throws CodecException {
    byte[] plain = text(CLUSTER);
    byte[] compressed = compress(plain);
    for (int fill : new int[] {0, 0xFF, 0xA5}) {
      byte[] padded = Arrays.copyOf(compressed, compressed.length + 511);
      Arrays.fill(padded, compressed.length, padded.length, (byte) fill);

      assertThat(Arrays.equals(decompress(padded, CLUSTER), plain)).isTrue();
    }
    byte[] followed = Arrays.copyOf(compressed, 2 * compressed.length);
    System.arraycopy(compressed, 0, followed, compressed.length, compressed.length);
    assertThat(Arrays.equals(decompress(followed, CLUSTER), plain)).isTrue();
  }

  @Test
  public void dataShorterThanTheTargetIsRefused() {
    byte[] compressed = compress(text(CLUSTER - 1));

    assertThatExceptionOfType(CodecException.class)
        .isThrownBy(() -> decompress(compressed, CLUSTER));
  }

  @Test
  public void dataCutInTheMiddleIsRefused() {
    byte[] compressed = compress(text(CLUSTER));
    for (int length : new int[] {0, 1, 2, 10, compressed.length / 2, compressed.length - 20}) {
      assertThatExceptionOfType(CodecException.class)
          .as("%d of %d bytes", length, compressed.length)
          .isThrownBy(() -> decompress(Arrays.copyOf(compressed, length), CLUSTER));
    }
  }

  @Test
  public void arbitraryBytesThrowNothingButCodecExceptions() {
    Random random = new Random(1);
    for (int i = 0; i < 2_000; i++) {
      byte[] garbage = new byte[random.nextInt(3_000)];
      random.nextBytes(garbage);
      tryToDecompress(garbage);
    }
  }

  @Test
  public void damagedDataThrowsNothingButCodecExceptions() throws CodecException {
    byte[] plain = text(CLUSTER);
    byte[] compressed = compress(plain);
    Random random = new Random(2);
    for (int i = 0; i < 2_000; i++) {
      byte[] damaged = compressed.clone();
      damaged[random.nextInt(i < 1_000 ? 40 : damaged.length)] ^= (byte) (1 << random.nextInt(8));
      tryToDecompress(damaged);
    }
    assertThat(Arrays.equals(decompress(compressed, CLUSTER), plain))
        .as("failures leave nothing behind")
        .isTrue();
  }

  @Test
  public void resultThatDoesNotFitMovesNoPosition() {
    byte[] noise = new byte[CLUSTER];
    new Random(3).nextBytes(noise);
    ByteBuffer source = ByteBuffer.allocate(CLUSTER + 3).position(3).put(noise).position(3);
    ByteBuffer target = ByteBuffer.allocate(CLUSTER + 4).position(5);

    assertThat(codec().compress(source, target)).isEqualTo(CompressionCodec.NOT_COMPRESSIBLE);

    assertThat(source.position()).isEqualTo(3);
    assertThat(target.position()).isEqualTo(5);
  }

  @Test
  public void resultIsWholeOrRefused() throws CodecException {
    byte[] plain = text(4096);
    int length = compress(plain).length;
    ByteBuffer tight = ByteBuffer.allocate(length + 16);

    assertThat(codec().compress(ByteBuffer.wrap(plain), tight)).isEqualTo(length);
    assertThat(decompress(Arrays.copyOf(tight.array(), length), 4096)).isEqualTo(plain);
    for (int room = 0; room < length; room++) {
      assertThat(codec().compress(ByteBuffer.wrap(plain), ByteBuffer.allocate(room)))
          .as("%d bytes of room for %d", room, length)
          .isEqualTo(CompressionCodec.NOT_COMPRESSIBLE);
    }
  }

  @Test
  public void threadsDoNotDisturbEachOther() throws Exception {
    CompressionCodec shared = codec();
    List<Callable<Boolean>> tasks = new ArrayList<>();
    for (int t = 0; t < 6; t++) {
      Random random = new Random(t);
      tasks.add(
          () -> {
            for (int i = 0; i < 100; i++) {
              byte[] plain = text(512 + random.nextInt(20_000));
              plain[random.nextInt(plain.length)] = (byte) random.nextInt();
              ByteBuffer compressed = ByteBuffer.allocate(plain.length + 100);
              shared.compress(ByteBuffer.wrap(plain), compressed);
              ByteBuffer back = ByteBuffer.allocate(plain.length);
              shared.decompress(compressed.flip(), back);
              if (!Arrays.equals(back.array(), plain)) {
                return false;
              }
            }
            return true;
          });
    }
    ExecutorService pool = Executors.newFixedThreadPool(tasks.size());
    try {
      for (Future<Boolean> done : pool.invokeAll(tasks)) {
        assertThat(done.get()).isTrue();
      }
    } finally {
      pool.shutdownNow();
    }
  }

  /** What comes after the bytes that were asked for goes nowhere, or is refused. */
  @Test
  public void dataLongerThanTheTargetIsCutOrRefused() {
    byte[] plain = text(8 * CLUSTER);
    byte[] compressed = compress(plain);
    byte[] out = new byte[CLUSTER + 100];
    try {
      codec().decompress(ByteBuffer.wrap(compressed), ByteBuffer.wrap(out, 0, CLUSTER));

      assertThat(Arrays.equals(out, 0, CLUSTER, plain, 0, CLUSTER)).isTrue();
    } catch (CodecException e) {
      assertThat(e).hasMessageMatching(".+");
    }
    assertThat(Arrays.copyOfRange(out, CLUSTER, out.length)).containsOnly(0);
  }

  @Test
  public void everyLevelComesBackThroughAnyOther() throws CodecException {
    byte[] plain = text(CLUSTER);
    for (int level = 1; level <= codec().maxLevel(); level++) {
      CompressionCodec other = codec().withLevel(level);
      assertThat(other.compressionType()).isEqualTo(codec().compressionType());
      ByteBuffer compressed = ByteBuffer.allocate(CLUSTER);

      int length = other.compress(ByteBuffer.wrap(plain), compressed);

      assertThat(length).as("level %d", level).isPositive();
      byte[] back = decompress(Arrays.copyOf(compressed.array(), length), CLUSTER);
      assertThat(Arrays.equals(back, plain)).as("level %d", level).isTrue();
    }
  }

  @Test
  public void levelsOutsideTheRangeAreRefused() {
    assertThat(codec().maxLevel()).isNotNegative();
    for (int level : new int[] {Integer.MIN_VALUE, -1, 0, codec().maxLevel() + 1}) {
      assertThatIllegalArgumentException().isThrownBy(() -> codec().withLevel(level));
    }
  }

  @Test
  public void theAnswerWhetherItIsAvailableStays() {
    assertThat(codec().isAvailable()).isTrue();
    assertThat(codec().isAvailable()).isTrue();
  }

  private void tryToDecompress(byte[] bytes) {
    try {
      assertThat(decompress(bytes, CLUSTER)).hasSize(CLUSTER);
    } catch (CodecException e) {
      assertThat(e).hasMessageMatching(".+");
    }
  }

  private byte[] compress(byte[] plain) {
    ByteBuffer target = ByteBuffer.allocate(plain.length);
    int length = codec().compress(ByteBuffer.wrap(plain), target);
    assertThat(length).isPositive();
    return Arrays.copyOf(target.array(), length);
  }

  private byte[] decompress(byte[] compressed, int length) throws CodecException {
    ByteBuffer target = ByteBuffer.allocate(length);
    codec().decompress(ByteBuffer.wrap(compressed), target);
    assertThat(target.hasRemaining()).isFalse();
    return target.array();
  }

  /** Compressible, with matches near by. */
  private static byte[] text(int length) {
    byte[] bytes = new byte[length];
    Random random = new Random(length);
    for (int i = 0; i < length; i++) {
      bytes[i] =
          (byte) (random.nextInt(5) < 4 && i >= 40 ? bytes[i - 40] : random.nextInt(26) + 65);
    }
    return bytes;
  }

  /** Noise twice: compressible only by matches half the length, or 20,000 bytes, away. */
  private static byte[] distant(int length) {
    byte[] noise = new byte[Math.min(length / 2, 20_000)];
    new Random(4).nextBytes(noise);
    byte[] bytes = new byte[length];
    for (int i = 0; i < length; i++) {
      bytes[i] = noise[i % noise.length];
    }
    return bytes;
  }
}
