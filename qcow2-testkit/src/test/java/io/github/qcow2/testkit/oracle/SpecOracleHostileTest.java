package io.github.qcow2.testkit.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.build.RandomImage;
import io.github.qcow2.testkit.generate.ImageShape;
import io.github.qcow2.testkit.generate.ImageShapes;
import java.io.IOException;
import java.util.Arrays;
import java.util.Random;
import net.jqwik.api.Arbitrary;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.Provide;

/** Whatever the bytes are, a check ends with a verdict and a read with bytes or a violation. */
final class SpecOracleHostileTest {
  @Provide
  Arbitrary<ImageShape> shapes() {
    return ImageShapes.upTo(1 << 20).filter(shape -> shape.clusterBits() <= 14);
  }

  @Property(tries = 300)
  void spoiledImagesAreJudged(@ForAll("shapes") ImageShape shape, @ForAll long seed)
      throws IOException {
    byte[] bytes = RandomImage.describe(shape, seed).build().bytes();
    Random random = new Random(seed);
    for (int round = 0; round < 10; round++) {
      spoil(bytes, random);
      SpecOracle oracle = SpecOracle.of(bytes).withBacking(ByteSource.of(new byte[0]));

      assertThat(oracle.check()).isNotNull();
      readAll(oracle);
    }
  }

  @Property(tries = 300)
  void cutImagesAreJudged(@ForAll("shapes") ImageShape shape, @ForAll long seed)
      throws IOException {
    byte[] bytes = RandomImage.describe(shape, seed).build().bytes();
    int length = new Random(seed).nextInt(bytes.length - shape.clusterSize() + 1);
    SpecOracle oracle =
        SpecOracle.of(Arrays.copyOf(bytes, length)).withBacking(ByteSource.of(bytes));

    assertThat(oracle.check().isClean()).isFalse();
    readAll(oracle);
  }

  /** Mostly where it matters: in the header, or as the high or low bits of some entry. */
  private static void spoil(byte[] bytes, Random random) {
    int at = random.nextBoolean() ? random.nextInt(112) : random.nextInt(bytes.length);
    switch (random.nextInt(3)) {
      case 0 -> bytes[at] ^= (byte) (1 << random.nextInt(8));
      case 1 -> bytes[at] = (byte) random.nextInt();
      default -> System.arraycopy(bytes, random.nextInt(bytes.length - 8), bytes, at & -8, 8);
    }
  }

  private static void readAll(SpecOracle oracle) throws IOException {
    byte[] buffer = new byte[1 << 17];
    try {
      oracle.content().read(0, buffer, 0, buffer.length);
      for (int i = 0; i < Math.min(3, oracle.snapshots().size()); i++) {
        oracle.snapshotContent(i).read(0, buffer, 0, buffer.length);
      }
    } catch (SpecViolation e) {
      assertThat(e.rule()).isNotBlank();
    } catch (IllegalStateException e) {
      // The image now says that it has a data file or is compressed in another way.
      assertThat(e).hasMessageMatching(".*(data file|decompressor).*");
    }
  }
}
