package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static io.github.qcow2.testkit.interop.GuestBytes.fill;
import static io.github.qcow2.testkit.interop.GuestBytes.repeat;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.ImageCreator;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Chains whose layers differ in size, cluster size and kind of entries, by us and by QEMU. */
@RequiresQemu
final class MixedChainInteropTest {
  private static final int KIB = 1 << 10;
  private static final int SHORT = 640 * KIB;
  private static final int LONG = 1536 * KIB;

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;
  private ReferencePolicy here = ReferencePolicy.deny();

  @BeforeEach
  void allowTheDirectory() {
    here = ReferencePolicy.within(directory);
  }

  /** A layer of ours in a chain. */
  private void layer(String name, int size, int clusterSize, boolean extended, String backing)
      throws IOException {
    ImageCreator creator =
        Qcow2Image.create(directory.resolve(name), size)
            .clusterSize(clusterSize)
            .extendedL2(extended)
            .references(here);
    if (!backing.isEmpty()) {
      creator.backing(backing, backing.endsWith(".raw") ? "raw" : "qcow2");
    }
    creator.build().close();
  }

  private Qcow2Image open(String name, boolean writable) throws IOException {
    var opener = Qcow2Image.open(directory.resolve(name)).references(here);
    return (writable ? opener.writable() : opener).build();
  }

  private byte[] read(String name) throws IOException {
    try (Qcow2Image image = open(name, false)) {
      return GuestBytes.of(image);
    }
  }

  private byte[] makeChain(int middleSize, int topSize) throws IOException {
    byte[] content = new byte[Math.max(SHORT, topSize)];
    Arrays.fill(content, 0, SHORT, (byte) 1);
    Files.write(directory.resolve("base.raw"), Arrays.copyOf(content, SHORT));
    layer("middle.qcow2", middleSize, 4 * KIB, false, "base.raw");
    try (Qcow2Image middle = open("middle.qcow2", true)) {
      fill(middle, 2, 100 * KIB, 300 * KIB);
      middle.writeZeroes(450 * KIB, 20 * KIB, ZeroMode.KEEP_ALLOCATED);
      fill(middle, 3, middleSize - 3 * KIB, 3 * KIB);
    }
    layer("top.qcow2", topSize, 64 * KIB, true, "middle.qcow2");
    try (Qcow2Image top = open("top.qcow2", true)) {
      fill(top, 4, 99 * KIB, 2 * KIB);
      fill(top, 5, topSize - 512, 512);
    }
    byte[] middle = Arrays.copyOf(content, SHORT);
    middle = Arrays.copyOf(middle, middleSize);
    Arrays.fill(middle, 100 * KIB, 400 * KIB, (byte) 2);
    Arrays.fill(middle, 450 * KIB, 470 * KIB, (byte) 0);
    Arrays.fill(middle, middleSize - 3 * KIB, middleSize, (byte) 3);
    byte[] top = Arrays.copyOf(middle, topSize);
    Arrays.fill(top, 99 * KIB, 101 * KIB, (byte) 4);
    Arrays.fill(top, topSize - 512, topSize, (byte) 5);
    return top;
  }

  @ParameterizedTest
  @CsvSource({"655360,655360", "819200,1572864", "1572864,819200", "524288,655360"})
  void chainsOfAnySizesReadAsInQemu(int middleSize, int topSize) throws IOException {
    byte[] expected = makeChain(middleSize, topSize);
    assertSame(read("top.qcow2"), expected, "our reading");
    assertSame(qemu.content(directory.resolve("top.qcow2")), expected, "QEMU's reading");
    for (String name : new String[] {"middle.qcow2", "top.qcow2"}) {
      assertThat(qemu.check(directory.resolve(name)).isClean()).isTrue();
    }
  }

  @Test
  void commitByQemuMakesTheBaseLongerAndBothReadOn() throws IOException {
    byte[] expected = makeChain(SHORT, LONG);
    qemu.img("commit", "-q", "-f", "qcow2", directory.resolve("top.qcow2").toString()).orThrow();

    assertSame(read("middle.qcow2"), expected, "base");
    assertSame(read("top.qcow2"), expected, "overlay");
    try (Qcow2Image top = open("top.qcow2", true)) {
      fill(top, 6, 0, 1000);
    }
    System.arraycopy(repeat(6, 1000), 0, expected, 0, 1000);
    assertSame(qemu.content(directory.resolve("top.qcow2")), expected, "overlay, changed by us");
    assertThat(qemu.check(directory.resolve("top.qcow2")).isClean()).isTrue();
  }

  @Test
  void rebaseByQemuToAShorterBaseLeavesZerosBehindItsEnd() throws IOException {
    makeChain(LONG, LONG);
    byte[] before = read("top.qcow2");
    layer("short.qcow2", SHORT, 64 * KIB, false, "");
    qemu.img(
            "rebase",
            "-q",
            "-f",
            "qcow2",
            "-b",
            "short.qcow2",
            "-F",
            "qcow2",
            directory.resolve("top.qcow2").toString())
        .orThrow();

    assertSame(read("top.qcow2"), before, "after the rebase");
    try (Qcow2Image top = open("top.qcow2", false)) {
      assertThat(top.header().backingFile()).isEqualTo("short.qcow2");
    }
  }

  /** What the library adds when it makes an overlay longer must not come from the base. */
  @Test
  void growingAnOverlayShowsZerosWhereTheBaseIsLonger() throws IOException {
    makeChain(LONG, SHORT);
    try (Qcow2Image top = open("top.qcow2", true)) {
      top.grow(LONG);
    }
    byte[] grown = read("top.qcow2");
    assertThat(Arrays.copyOfRange(grown, SHORT, LONG)).containsOnly(0);
    assertSame(qemu.content(directory.resolve("top.qcow2")), grown, "QEMU's reading");
  }
}
