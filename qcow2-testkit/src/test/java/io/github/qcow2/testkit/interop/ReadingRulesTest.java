package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.codec.CodecException;
import io.github.qcow2.codec.CompressionCodec;
import io.github.qcow2.codec.DeflateCodec;
import io.github.qcow2.error.CorruptImageException;
import io.github.qcow2.storage.HeapStorage;
import io.github.qcow2.testkit.build.BuiltImage;
import io.github.qcow2.testkit.build.ImageBuilder;
import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.model.Content;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.zip.Deflater;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a read must give where implementations of the format have gone wrong. */
final class ReadingRulesTest {
  private static final int CLUSTER = 1 << 16;

  private static Qcow2Image open(BuiltImage built) throws IOException {
    return Qcow2Image.open(HeapStorage.copyOf("image", built.bytes())).build();
  }

  @Test
  void zeroClusterReadsAsZerosWithAndWithoutAHostCluster() throws IOException {
    byte[] hidden = Content.bytes(1, 0, CLUSTER);
    BuiltImage built = ImageBuilder.of(16, 1 << 20).zero(0).zeroAllocated(1, hidden).build();
    try (Qcow2Image image = open(built)) {
      assertThat(GuestBytes.of(image, 0, 2 * CLUSTER)).containsOnly(0);
    }
  }

  @Test
  void zeroClusterHidesTheBackingFile() throws IOException {
    BuiltImage built =
        ImageBuilder.of(16, 1 << 20)
            .backing("base", "raw")
            .zero(0)
            .zeroAllocated(1, Content.bytes(1, 0, CLUSTER))
            .build();
    byte[] base = GuestBytes.repeat(9, 1 << 20);
    try (BlockDevice below = RawImage.over(HeapStorage.copyOf("base", base));
        Qcow2Image image =
            Qcow2Image.open(HeapStorage.copyOf("image", built.bytes()))
                .references(ReferencePolicy.explicit(below))
                .build()) {
      assertThat(GuestBytes.of(image, 0, 2 * CLUSTER)).containsOnly(0);
      assertThat(GuestBytes.of(image, 2 * CLUSTER, CLUSTER)).containsOnly(9);
    }
  }

  @Test
  void absentL2TableIsNotTheHeader() throws IOException {
    BuiltImage built = ImageBuilder.of(9, 1 << 20).data(0, new byte[512]).build();
    try (Qcow2Image image = open(built)) {
      assertThat(GuestBytes.of(image, 512, (1 << 20) - 512)).containsOnly(0);
    }
  }

  @Test
  void readPastTheEndOfAShorterBackingFileFillsTheBufferWithZeros() throws IOException {
    BuiltImage built = ImageBuilder.of(16, 1 << 20).backing("base", "raw").build();
    byte[] base = GuestBytes.repeat(9, 70_144);
    try (BlockDevice below = RawImage.over(HeapStorage.copyOf("base", base));
        Qcow2Image image =
            Qcow2Image.open(HeapStorage.copyOf("image", built.bytes()))
                .references(ReferencePolicy.explicit(below))
                .build()) {
      ByteBuffer junk = ByteBuffer.wrap(GuestBytes.repeat(0x55, 1 << 20));
      image.read(junk, 0);
      assertSame(junk.array(), Arrays.copyOf(base, 1 << 20), "the disk");
    }
  }

  @Test
  void errorInTheMiddleOfAReadIsNoShortSuccess() throws IOException {
    byte[] data = Content.bytes(1, 0, CLUSTER);
    BuiltImage built =
        ImageBuilder.of(16, 1 << 20).data(0, data).data(1, data).data(2, data).build();
    BuiltImage damaged = built.withU64(built.l2EntryOffset(1), (1L << 63) | 0x50200);
    try (Qcow2Image image = open(damaged)) {
      assertThatThrownBy(() -> GuestBytes.of(image, 0, 3 * CLUSTER))
          .isInstanceOf(CorruptImageException.class);
      assertSame(GuestBytes.of(image, 2 * CLUSTER, CLUSTER), data, "what is not damaged");
    }
  }

  @Test
  void compressedClusterThatDoesNotDecompressIsCorrupt() throws IOException {
    byte[] junk = GuestBytes.repeat(0xff, 300);
    BuiltImage built = ImageBuilder.of(16, 1 << 20).compressedStream(0, junk).build();
    try (Qcow2Image image = open(built)) {
      assertThatThrownBy(() -> GuestBytes.of(image, 0, 512))
          .isInstanceOf(CorruptImageException.class)
          .hasCauseInstanceOf(CodecException.class);
    }
  }

  @Test
  void compressedClusterReadSectorBySectorIsInflatedOnce() throws IOException {
    byte[] text = Content.bytes(2, 0, CLUSTER);
    Arrays.fill(text, 1000, CLUSTER, (byte) 7);
    BuiltImage built = ImageBuilder.of(16, 1 << 20).compressed(0, text).build();
    CountingCodec codec = new CountingCodec();
    try (Qcow2Image image =
        Qcow2Image.open(HeapStorage.copyOf("image", built.bytes())).codec(codec).build()) {
      for (int at = 0; at < CLUSTER; at += 512) {
        assertThat(GuestBytes.of(image, at, 512)).isEqualTo(Arrays.copyOfRange(text, at, at + 512));
      }
    }
    assertThat(codec.calls).hasValue(1);
  }

  private static final class CountingCodec implements CompressionCodec {
    private final CompressionCodec deflate = new DeflateCodec();
    final AtomicInteger calls = new AtomicInteger();

    @Override
    public int compressionType() {
      return deflate.compressionType();
    }

    @Override
    public String name() {
      return deflate.name();
    }

    @Override
    public void decompress(ByteBuffer source, ByteBuffer target) throws CodecException {
      calls.incrementAndGet();
      deflate.decompress(source, target);
    }

    @Override
    public int compress(ByteBuffer source, ByteBuffer target) {
      return deflate.compress(source, target);
    }
  }

  /** QEMU writes with a window of 4 KiB, other programs with all of deflate's 32 KiB. */
  @Test
  void streamsWithAWindowOf32KibAndBytesBehindThemAreInflated() throws IOException {
    byte[] far = Content.bytes(3, 0, CLUSTER);
    System.arraycopy(far, 0, far, 30_000, 30_000);
    Deflater deflater = new Deflater(9, true);
    deflater.setInput(far);
    deflater.finish();
    byte[] stream = new byte[CLUSTER];
    int length = deflater.deflate(stream);
    deflater.end();
    byte[] withTail = Arrays.copyOf(stream, length + 100);
    Arrays.fill(withTail, length, length + 100, (byte) 0xee);
    BuiltImage built = ImageBuilder.of(16, 1 << 20).compressedStream(0, withTail).build();
    try (Qcow2Image image = open(built)) {
      assertSame(GuestBytes.of(image, 0, CLUSTER), far, "the cluster");
    }
  }

  @ParameterizedTest
  @ValueSource(booleans = {false, true})
  void extentsOfAnyRangeAreThoseOfTheDiskCutToIt(boolean extendedL2) throws IOException {
    ImageShape shape = new ImageShape(3, 14, 4, extendedL2, 700_416, ImageShape.Backing.NONE, 0);
    Random random = new Random(4);
    for (int seed = 0; seed < 20; seed++) {
      try (Qcow2Image image = open(RandomImage.describe(shape, seed).build())) {
        List<Extent> all = image.extents(0, image.size()).toList();
        for (int i = 0; i < 50; i++) {
          long from = random.nextInt(700_416);
          long to = from + 1 + random.nextInt((int) (700_416 - from));
          assertThat(image.extents(from, to - from).toList()).isEqualTo(cut(all, from, to));
        }
      }
    }
  }

  private static List<Extent> cut(List<Extent> all, long from, long to) {
    return all.stream()
        .filter(extent -> extent.end() > from && extent.start() < to)
        .map(
            extent -> {
              long start = Math.max(from, extent.start());
              long offset = extent.hostOffset();
              return new Extent(
                  start,
                  Math.min(to, extent.end()) - start,
                  extent.kind(),
                  extent.depth(),
                  offset == Extent.NO_HOST_OFFSET ? offset : offset + start - extent.start());
            })
        .toList();
  }

  @ParameterizedTest
  @ValueSource(longs = {1L << 31, 1L << 32, 1L << 40, (1L << 41) - (1 << 20)})
  void positionsBeyondThirtyTwoBitsAreNotCutOff(long position) throws IOException {
    HeapStorage storage = new HeapStorage("large");
    byte[] before = Content.bytes(5, position - 70_000, 70_000);
    byte[] after = Content.bytes(6, position, 70_000);
    try (Qcow2Image image = Qcow2Image.create(storage, 1L << 41).build()) {
      image.write(ByteBuffer.wrap(before), position - 70_000);
      image.write(ByteBuffer.wrap(after), position);
    }
    try (Qcow2Image image =
        Qcow2Image.open(HeapStorage.copyOf("large", storage.toByteArray())).build()) {
      assertSame(GuestBytes.of(image, position - 70_000, 70_000), before, "before");
      assertSame(GuestBytes.of(image, position, 70_000), after, "after");
      List<Extent> stored =
          image.extents(0, 1L << 41).toList().stream().filter(e -> !e.readsAsZeroes()).toList();
      assertThat(stored.get(0).start()).isEqualTo((position - 70_000) & -(long) CLUSTER);
      assertThat(stored.get(stored.size() - 1).end())
          .isEqualTo((position + 70_000 + CLUSTER) & -(long) CLUSTER);
    }
  }
}
