package io.github.qcow2.zstd;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodecs;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.Random;
import org.junit.jupiter.api.Test;

/** Rules of zstd clusters that the contract of codecs leaves open. */
final class ZstdCodecTest {
  private static final int CLUSTER = 65_536;

  private final ZstdCodec codec = new ZstdCodec();

  private byte[] frame(int length, int value) {
    byte[] plain = new byte[length];
    Arrays.fill(plain, (byte) value);
    ByteBuffer frame = ByteBuffer.allocate(length + 100);
    codec.compress(ByteBuffer.wrap(plain), frame);
    return Arrays.copyOf(frame.array(), frame.position());
  }

  private static byte[] join(byte[]... parts) {
    ByteBuffer joined = ByteBuffer.allocate(Arrays.stream(parts).mapToInt(p -> p.length).sum());
    for (byte[] part : parts) {
      joined.put(part);
    }
    return joined.array();
  }

  private byte[] decompress(byte[] source) throws CodecException {
    byte[] cluster = new byte[CLUSTER];
    codec.decompress(ByteBuffer.wrap(source), ByteBuffer.wrap(cluster));
    return cluster;
  }

  @Test
  void coreFindsTheCodecByTheNumberInTheHeader() {
    assertThat(CompressionCodecs.find(1)).isInstanceOf(ZstdCodec.class);
  }

  @Test
  void severalFramesMakeACluster() throws CodecException {
    byte[] cluster =
        decompress(join(frame(CLUSTER / 4, 1), frame(CLUSTER / 2, 2), frame(CLUSTER / 4, 3)));
    assertThat(cluster[0]).isEqualTo((byte) 1);
    assertThat(cluster[CLUSTER / 4]).isEqualTo((byte) 2);
    assertThat(cluster[CLUSTER - 1]).isEqualTo((byte) 3);
  }

  @Test
  void whatFollowsTheLastFrameIsNotLookedAt() throws CodecException {
    byte[] noise = new byte[511];
    new Random(5).nextBytes(noise);
    assertThat(decompress(join(frame(CLUSTER, 4), noise))).containsOnly(4);
    assertThat(decompress(join(frame(CLUSTER, 4), new byte[511]))).containsOnly(4);
  }

  @Test
  void framesThatEndEarlyAreRefused() {
    assertThatThrownBy(() -> decompress(frame(CLUSTER - 1, 4)))
        .isInstanceOf(CodecException.class)
        .hasMessageContaining("1 bytes early");
    assertThatThrownBy(() -> decompress(join(frame(CLUSTER - 1, 4), new byte[100])))
        .isInstanceOf(CodecException.class);
  }

  @Test
  void frameThatIsLongerThanTheClusterIsRefused() {
    assertThatThrownBy(() -> decompress(frame(CLUSTER + 1, 4))).isInstanceOf(CodecException.class);
  }

  @Test
  void frameThatIsCutIsRefused() {
    byte[] whole = frame(CLUSTER, 4);
    for (int length = 0; length < whole.length; length++) {
      byte[] cut = Arrays.copyOf(whole, length);
      assertThatThrownBy(() -> decompress(cut)).isInstanceOf(CodecException.class);
    }
  }

  @Test
  void changedBytesAreRefusedOrDecodeToSomethingButNeverCrash() {
    byte[] plain = new byte[CLUSTER];
    Random random = new Random(7);
    for (int i = 0; i < CLUSTER; i++) {
      plain[i] = (byte) (random.nextInt(4) == 0 ? random.nextInt() : i >> 8);
    }
    ByteBuffer frame = ByteBuffer.allocate(CLUSTER);
    codec.compress(ByteBuffer.wrap(plain), frame);
    int refused = 0;
    for (int round = 0; round < 2000; round++) {
      byte[] changed = Arrays.copyOf(frame.array(), frame.position());
      changed[random.nextInt(round % 2 == 0 ? 32 : changed.length)] ^=
          (byte) (1 << random.nextInt(8));
      try {
        assertThat(decompress(changed)).hasSize(CLUSTER);
      } catch (CodecException e) {
        refused++;
      }
    }
    assertThat(refused).isPositive();
  }

  @Test
  void levelIsBetweenOneAndTwentyTwo() {
    assertThatThrownBy(() -> new ZstdCodec(0)).isInstanceOf(IllegalArgumentException.class);
    assertThatThrownBy(() -> new ZstdCodec(23)).isInstanceOf(IllegalArgumentException.class);
    assertThat(new ZstdCodec(22).compressionType()).isEqualTo(1);
  }
}
