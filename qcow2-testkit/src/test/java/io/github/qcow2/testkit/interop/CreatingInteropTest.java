package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.LimitExceededException;
import io.github.qcow2.testkit.interop.ImageVariant.Layout;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** New images are byte for byte those of {@code qemu-img create}. */
@RequiresQemu
final class CreatingInteropTest {
  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  /** What an image is to be. */
  record Wanted(
      Layout layout, int refcountBits, boolean lazy, @Nullable String backingFormat, long size) {
    String[] forQemu() {
      List<String> options = new ArrayList<>();
      options.add("cluster_size=" + layout.clusterSize());
      options.add("compat=" + (layout.version == 2 ? "0.10" : "1.1"));
      if (layout.version == 3) {
        options.add("refcount_bits=" + refcountBits);
        options.add("extended_l2=" + layout.extendedL2);
        options.add("lazy_refcounts=" + lazy);
      }
      if (backingFormat != null) {
        options.add("backing_file=base." + backingFormat + ",backing_fmt=" + backingFormat);
      }
      return options.toArray(String[]::new);
    }

    ImageCreator create(Path path) {
      ImageCreator creator =
          Qcow2Image.create(path, size)
              .version(layout.version)
              .clusterSize(layout.clusterSize())
              .refcountBits(refcountBits)
              .extendedL2(layout.extendedL2)
              .lazyRefcounts(lazy);
      if (backingFormat != null) {
        creator.backing("base." + backingFormat, backingFormat);
      }
      return creator;
    }
  }

  static List<Wanted> wanted() {
    List<Wanted> all = new ArrayList<>();
    long[] sizes = {0, 1000, 1 << 20, (100 << 20) + 512};
    int turn = 0;
    for (Layout layout : Layout.values()) {
      for (int bits = layout.version == 2 ? 16 : 1;
          bits <= (layout.version == 2 ? 16 : 64);
          bits *= 2) {
        turn++;
        String backing = turn % 3 == 0 ? null : turn % 3 == 1 ? "raw" : "qcow2";
        boolean lazy = layout.version == 3 && turn % 2 == 0;
        long size = sizes[turn % sizes.length];
        // At 512 bytes a cluster and 64 bits a count, one block cannot count a longer L1 table.
        boolean oneBlock = layout.clusterSize() > 512 || bits < 16;
        all.add(new Wanted(layout, bits, lazy, backing, oneBlock ? size : Math.min(size, 1 << 20)));
        all.add(new Wanted(layout, bits, false, null, sizes[(turn + 1) % 3]));
      }
    }
    return all;
  }

  @ParameterizedTest
  @MethodSource("wanted")
  void fileIsByteForByteThatOfQemu(Wanted wanted) throws IOException {
    Files.write(directory.resolve("base.raw"), new byte[1024]);
    qemu.create(directory.resolve("base.qcow2"), 1024);
    Path theirs = directory.resolve("qemu.qcow2");
    Path ours = directory.resolve("ours.qcow2");
    qemu.create(theirs, wanted.size(), wanted.forQemu());

    wanted.create(ours).createOnly();

    assertSame(Files.readAllBytes(ours), Files.readAllBytes(theirs), wanted);
  }

  @Test
  void imageOf20GibiBytesHasTheSameLengthToTheByte() throws IOException {
    Path theirs = directory.resolve("qemu.qcow2");
    Path ours = directory.resolve("ours.qcow2");
    qemu.create(theirs, 20L << 30);
    Qcow2Image.create(ours, 20L << 30).build().close();

    assertThat(Files.size(ours)).isEqualTo(196_928);
    assertSame(Files.readAllBytes(ours), Files.readAllBytes(theirs), "20 GiB");
  }

  @ParameterizedTest
  @ValueSource(longs = {0, 1, 511, 512, 1000, 1025})
  void sizesAreRoundedUpToSectors(long size) throws IOException {
    Path theirs = directory.resolve("qemu.qcow2");
    Path ours = directory.resolve("ours.qcow2");
    qemu.create(theirs, size);
    try (Qcow2Image image = Qcow2Image.create(ours, size).build()) {
      assertThat(image.size()).isEqualTo((size + 511) / 512 * 512);
    }
    assertSame(Files.readAllBytes(ours), Files.readAllBytes(theirs), size + " bytes");
  }

  /** The order of tables differs where QEMU adds refcount blocks one by one while it grows L1. */
  @ParameterizedTest
  @CsvSource({"512, 64, 1073741824", "512, 16, 137438953472", "4096, 64, 1099511627776"})
  void imagesThatNeedSeveralRefcountBlocksAreCleanThoughLaidOutInAnotherOrder(
      int clusterSize, int refcountBits, long size) throws IOException {
    Path ours = directory.resolve("ours.qcow2");
    Qcow2Image.create(ours, size).clusterSize(clusterSize).refcountBits(refcountBits).createOnly();

    assertThat(qemu.check(ours).isClean()).isTrue();
    assertThat(qemu.info(ours).get("virtual-size")).hasToString(Long.toString(size));
  }

  @ParameterizedTest
  @CsvSource({
    "512, off, 137438953472",
    "4096, off, 8796093022208",
    "65536, off, 2251799813685248",
    "16384, on, 70368744177664",
    "65536, on, 1125899906842624"
  })
  void largestDiskOfAClusterSizeIsMadeAndOneClusterMoreIsRefused(
      int clusterSize, String extendedL2, long size) throws IOException {
    Path ours = directory.resolve("ours.qcow2");
    boolean extended = extendedL2.equals("on");
    Qcow2Image.create(ours, size).clusterSize(clusterSize).extendedL2(extended).createOnly();
    assertThat(qemu.info(ours).get("virtual-size")).hasToString(Long.toString(size));

    Path more = directory.resolve("more.qcow2");
    ImageCreator creator =
        Qcow2Image.create(more, size + 512).clusterSize(clusterSize).extendedL2(extended);
    assertThatThrownBy(creator::build).isInstanceOf(LimitExceededException.class);
    assertThat(more).doesNotExist();
    assertThatThrownBy(
            () ->
                qemu.create(
                    more, size + 512, "cluster_size=" + clusterSize, "extended_l2=" + extendedL2))
        .isInstanceOf(IOException.class);
  }
}
