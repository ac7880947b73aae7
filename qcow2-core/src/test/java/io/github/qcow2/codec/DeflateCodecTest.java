package io.github.qcow2.codec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.Random;
import java.util.zip.Deflater;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import net.jqwik.api.constraints.Size;
import org.junit.jupiter.api.Test;

/** What is decided for deflate alone: the same as qemu-img 7.2 does. */
class DeflateCodecTest {
  private static final int CLUSTER = 4096;

  private final DeflateCodec codec = new DeflateCodec();

  @Property(tries = 300)
  void anyBytesComeBack(
      @ForAll @Size(max = 5000) byte[] plain, @ForAll @IntRange(min = 1, max = 9) int level)
      throws CodecException {
    ByteBuffer compressed = ByteBuffer.allocate(plain.length + 100);
    DeflateCodec anyLevel = new DeflateCodec(level);
    assertThat(anyLevel.compress(ByteBuffer.wrap(plain), compressed)).isPositive();

    assertThat(decompress(compressed.array(), plain.length)).isEqualTo(plain);
  }

  @Property(tries = 200)
  void smallWindowReachesBackLessThan4096Bytes(
      @ForAll @IntRange(min = 1, max = 9) int level,
      @ForAll @IntRange(min = 1, max = 200) int period,
      @ForAll @IntRange(min = 1, max = 70_000) int length)
      throws CodecException {
    byte[] plain = new byte[length];
    byte[] noise = noise(32 * period);
    for (int i = 0; i < length; i++) {
      plain[i] = noise[i % noise.length];
    }
    ByteBuffer compressed = ByteBuffer.allocate(2 * length + 100);
    DeflateCodec.withSmallWindow(level).compress(ByteBuffer.wrap(plain), compressed);
    byte[] stream = Arrays.copyOf(compressed.array(), compressed.position());

    assertThat(DeflateDistances.farthest(stream)).isLessThan(4096);
    assertThat(decompress(stream, length)).isEqualTo(plain);
  }

  @Test
  void ordinaryWindowReachesBackFarther() {
    byte[] plain = new byte[65_536];
    byte[] noise = noise(20_000);
    for (int i = 0; i < plain.length; i++) {
      plain[i] = noise[i % noise.length];
    }
    ByteBuffer compressed = ByteBuffer.allocate(plain.length);
    codec.compress(ByteBuffer.wrap(plain), compressed);

    assertThat(DeflateDistances.farthest(compressed.array())).isEqualTo(20_000);
  }

  @Property(tries = 2000)
  void anyBytesAreDecompressedOrRefused(@ForAll @Size(max = 300) byte[] bytes) {
    try {
      assertThat(decompress(bytes, CLUSTER)).hasSize(CLUSTER);
    } catch (CodecException e) {
      assertThat(e).hasMessageMatching("the stream ends \\d+ bytes early|not a deflate stream: .*");
    }
  }

  @Test
  void matchesFartherAwayThanQemuWritesThemAreRead() throws CodecException {
    byte[] plain = new byte[65_536];
    byte[] noise = noise(20_000);
    for (int i = 0; i < plain.length; i++) {
      plain[i] = noise[i % noise.length];
    }
    ByteBuffer compressed = ByteBuffer.allocate(plain.length);

    assertThat(codec.compress(ByteBuffer.wrap(plain), compressed)).isBetween(20_000, 22_000);
    assertThat(Arrays.equals(decompress(compressed.array(), plain.length), plain)).isTrue();
  }

  @Test
  void streamThatGoesOnWhenTheTargetIsFullIsCut() throws CodecException {
    byte[] plain = noise(CLUSTER + 1000);
    byte[] compressed = deflate(plain);

    assertThat(decompress(compressed, CLUSTER)).isEqualTo(Arrays.copyOf(plain, CLUSTER));
  }

  @Test
  void streamWithoutItsEndIsAcceptedIfItFillsTheTarget() throws CodecException {
    byte[] plain = noise(CLUSTER);
    byte[] compressed = unterminated(plain);

    assertThat(decompress(compressed, CLUSTER)).isEqualTo(plain);
  }

  @Test
  void streamWithoutItsEndButWithZerosBehindItIsRefused() {
    byte[] compressed = unterminated(noise(CLUSTER));
    byte[] padded = Arrays.copyOf(compressed, compressed.length + 100);

    assertThatThrownBy(() -> decompress(padded, CLUSTER))
        .isInstanceOf(CodecException.class)
        .hasMessageContaining("invalid stored block lengths");
  }

  @Test
  void streamWithAZlibHeaderIsRefused() {
    Deflater withHeader = new Deflater();
    withHeader.setInput(new byte[CLUSTER]);
    withHeader.finish();
    byte[] compressed = new byte[CLUSTER];
    withHeader.deflate(compressed);
    withHeader.end();

    assertThatThrownBy(() -> decompress(compressed, CLUSTER)).isInstanceOf(CodecException.class);
  }

  @Test
  void clusterCompressedByQemuIsRead() throws CodecException {
    // qemu-img 7.2 convert -c of 4096 bytes: "qcow2 " over and over.
    byte[] compressed =
        HexFormat.of().parseHex("edc4411100000400b02a32a82480f3525f0fb73d36d59b31b66ddbb66dfbf107");

    byte[] plain = decompress(compressed, CLUSTER);

    for (int i = 0; i < CLUSTER; i++) {
      assertThat(plain[i]).isEqualTo((byte) "qcow2 ".charAt(i % 6));
    }
  }

  @Test
  void emptyTargetNeedsNoStream() throws CodecException {
    assertThat(decompress(new byte[0], 0)).isEmpty();
  }

  @Test
  void levelIsOneOfThoseOfZlib() {
    assertThatIllegalArgumentException().isThrownBy(() -> new DeflateCodec(0));
    assertThatIllegalArgumentException().isThrownBy(() -> new DeflateCodec(10));
  }

  @Test
  void deflateIsFoundUnderZeroAndNothingUnderOtherNumbers() {
    assertThat(CompressionCodecs.find(0)).isInstanceOf(DeflateCodec.class);
    assertThat(CompressionCodecs.find(0)).isSameAs(CompressionCodecs.find(0));
    assertThat(CompressionCodecs.find(200)).isNull();
  }

  private byte[] decompress(byte[] compressed, int length) throws CodecException {
    ByteBuffer target = ByteBuffer.allocate(length);
    codec.decompress(ByteBuffer.wrap(compressed), target);
    return target.array();
  }

  private static byte[] deflate(byte[] plain) {
    ByteBuffer target = ByteBuffer.allocate(plain.length + 100);
    int length = new DeflateCodec().compress(ByteBuffer.wrap(plain), target);
    return Arrays.copyOf(target.array(), length);
  }

  /** All of the bytes, but no last block. */
  private static byte[] unterminated(byte[] plain) {
    Deflater deflater = new Deflater(Deflater.DEFAULT_COMPRESSION, true);
    deflater.setInput(plain);
    byte[] compressed = new byte[plain.length + 100];
    int length = deflater.deflate(compressed, 0, compressed.length, Deflater.SYNC_FLUSH);
    deflater.end();
    return Arrays.copyOf(compressed, length);
  }

  private static byte[] noise(int length) {
    byte[] bytes = new byte[length];
    new Random(7).nextBytes(bytes);
    return bytes;
  }
}
