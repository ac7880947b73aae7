package io.github.qcow2.testkit.interop;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Words of L2 tables, written out: what QEMU leaves after a few commands, and the library too. */
@RequiresQemu
final class KnownWordsInteropTest {
  private static final int KIB = 1 << 10;
  private static final int L1_OFFSET = 40;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  private interface Change {
    void make(Qcow2Image image) throws IOException;
  }

  /** The first words of the first L2 table of an image made by each, which have to be equal. */
  private long[] words(int count, ImageCreator creator, Change change, String options, String... io)
      throws IOException {
    try (Qcow2Image image = creator.build()) {
      change.make(image);
    }
    Path theirs = directory.resolve("theirs");
    qemu.create(theirs, 1 << 20, options);
    qemu.io(theirs, io).orThrow();
    long[] words = firstWords(directory.resolve("ours"), count);
    assertThat(words).isEqualTo(firstWords(theirs, count));
    assertThat(qemu.check(directory.resolve("ours")).isClean()).isTrue();
    return words;
  }

  private static long[] firstWords(Path path, int count) throws IOException {
    ByteBuffer image = ByteBuffer.wrap(Files.readAllBytes(path));
    long l2 = image.getLong((int) image.getLong(L1_OFFSET)) & 0x00ff_ffff_ffff_fe00L;
    long[] words = new long[count];
    Arrays.setAll(words, i -> image.getLong((int) l2 + Long.BYTES * i));
    return words;
  }

  private ImageCreator creator(int clusterSize) {
    return Qcow2Image.create(directory.resolve("ours"), 1 << 20).clusterSize(clusterSize);
  }

  @Test
  void zeroedUnmappedAndDiscardedClusters() throws IOException {
    long[] words =
        words(
            4,
            creator(64 * KIB),
            image -> {
              GuestBytes.fill(image, 0xcd, 0, 256 * KIB);
              image.writeZeroes(64 * KIB, 64 * KIB, ZeroMode.KEEP_ALLOCATED);
              image.writeZeroes(128 * KIB, 64 * KIB, ZeroMode.MAY_UNMAP);
              image.discard(192 * KIB, 64 * KIB);
            },
            "cluster_size=64k",
            "write 0 256k",
            "write -z 64k 64k",
            "write -z -u 128k 64k",
            "discard 192k 64k");
    assertThat(words).containsExactly(0x8000_0000_0005_0000L, 0x8000_0000_0006_0001L, 1, 1);
  }

  @Test
  void subclustersWrittenAndZeroed() throws IOException {
    long[] words =
        words(
            4,
            creator(128 * KIB).extendedL2(true),
            image -> {
              GuestBytes.fill(image, 0xcd, 4 * KIB, 4 * KIB);
              image.writeZeroes(16 * KIB, 8 * KIB, ZeroMode.KEEP_ALLOCATED);
              image.writeZeroes(128 * KIB, 4 * KIB, ZeroMode.KEEP_ALLOCATED);
            },
            "cluster_size=128k,extended_l2=on",
            "write 4k 4k",
            "write -z 16k 8k",
            "write -z 128k 4k");
    assertThat(words)
        .containsExactly(0x8000_0000_000a_0000L, 0x0000_0030_0000_0002L, 0, 0x0000_0001_0000_0000L);
  }
}
