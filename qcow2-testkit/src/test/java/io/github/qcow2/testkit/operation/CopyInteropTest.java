package io.github.qcow2.testkit.operation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.operation.Compare;
import io.github.qcow2.operation.CompareResult;
import io.github.qcow2.operation.CompareResult.Verdict;
import io.github.qcow2.operation.Convert;
import io.github.qcow2.operation.ConvertResult;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import io.github.qcow2.testkit.qemu.ToolResult;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Copies and comparisons agree with {@code qemu-img convert} and {@code qemu-img compare}. */
@RequiresQemu
final class CopyInteropTest {
  private static final Pattern OFFSET = Pattern.compile("(?:at offset|Offset) (\\d+)");

  @TempDir private Path directory;

  private static List<QemuMadeImage> images() {
    return QemuMadeImage.all().stream().filter(image -> image.size() < 1L << 30).toList();
  }

  @ParameterizedTest
  @MethodSource("images")
  void copyOfAnImageHasTheContentThatQemuReads(QemuMadeImage made) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = made.make(qemu, directory);
    Path copy = directory.resolve("copy.qcow2");
    Path raw = directory.resolve("copy.raw");
    try (BlockDevice source = open(image);
        BlockDevice target = Qcow2Image.create(copy, source.size()).build();
        BlockDevice rawTarget = RawImage.create(raw, source.size())) {
      ConvertResult result = Convert.from(source).to(target).targetIsZero(true).run();
      assertThat(result.bytesWritten() + result.bytesZero()).isEqualTo(source.size());
      Convert.from(source).to(rawTarget).targetIsZero(true).run();
      assertThat(Compare.of(source, target).run().identical()).isTrue();
      assertThat(Compare.of(rawTarget, target).run().identical()).isTrue();
    }

    assertThat(qemu.identical(image, "qcow2", copy, "qcow2")).isTrue();
    assertThat(qemu.identical(image, "qcow2", raw, "raw")).isTrue();
    assertThat(qemu.check(copy).isClean()).isTrue();
  }

  @Test
  void zeroesAreNotAllocated() throws IOException {
    QemuTools qemu = QemuTools.required();
    byte[] content = new byte[1 << 20];
    content[300_000] = 1;
    Path raw = Files.write(directory.resolve("a.raw"), content);
    Path copy = directory.resolve("copy.qcow2");
    try (BlockDevice source = RawImage.open(raw);
        BlockDevice target = Qcow2Image.create(copy, source.size()).build()) {
      Convert.from(source).to(target).targetIsZero(true).run();
    }

    assertThat(qemu.identical(raw, "raw", copy, "qcow2")).isTrue();
    assertThat(qemu.check(copy).allocatedClusters()).isEqualTo(1);
  }

  @Test
  void oldContentOfTheTargetIsGone() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path source =
        QemuMadeImage.of("source", 1 << 20, "cluster_size=4096", "write -P 1 8k 64k")
            .make(qemu, directory);
    Path target =
        QemuMadeImage.of("target", 2 << 20, "cluster_size=65536", "write -P 9 0 2M")
            .make(qemu, directory);
    try (BlockDevice from = open(source);
        BlockDevice to = Qcow2Image.open(target).writable().build()) {
      Convert.from(from).to(to).run();
    }

    assertThat(qemu.identical(source, "qcow2", target, "qcow2")).isTrue();
    assertThat(qemu.check(target).isClean()).isTrue();
  }

  @Test
  void verdictsAreThoseOfQemu() throws IOException {
    List<Path> images =
        List.of(
            make("a", 1 << 20, "write -P 1 0 128k"),
            make("b", 1 << 20, "write -P 1 0 64k", "write -P 1 64k 64k"),
            make("c", 1 << 20, "write -P 1 0 128k", "write -P 2 70001 3"),
            make("d", 1 << 20, "write -P 1 0 128k", "write -P 0 512k 64k"),
            make("e", 2 << 20, "write -P 1 0 128k"),
            make("f", 2 << 20, "write -P 1 0 128k", "write -P 7 1500k 1k"),
            make("g", 1 << 20, "write -c -P 1 0 64k", "write -P 1 64k 64k"),
            make("h", 1 << 20, "write -P 5 0 128k", "write -P 1 0 128k", "write -z 128k 64k"));
    for (Path first : images) {
      for (Path second : images) {
        for (boolean strict : new boolean[] {false, true}) {
          compareAsQemu(first, second, strict);
        }
      }
    }
  }

  /** The offset of a difference in storage may lie further on than where qemu-img notices it. */
  private static void compareAsQemu(Path first, Path second, boolean strict) throws IOException {
    QemuTools qemu = QemuTools.required();
    String[] mode = strict ? new String[] {"-s"} : new String[0];
    String[] files = {"-f", "qcow2", "-F", "qcow2", first.toString(), second.toString()};
    ToolResult theirs =
        qemu.img(
            Stream.of(new String[] {"compare"}, mode, files)
                .flatMap(Arrays::stream)
                .toArray(String[]::new));
    try (BlockDevice one = open(first);
        BlockDevice two = open(second)) {
      CompareResult ours = Compare.of(one, two).strict(strict).run();

      assertThat(ours.identical()).as(theirs.toString()).isEqualTo(theirs.succeeded());
      // qemu-img finds out about the sizes when it comes to the end of the shorter disk.
      boolean reachesTheEnd =
          ours.offset() == CompareResult.NO_OFFSET
              || ours.offset() >= Math.min(one.size(), two.size());
      assertThat(ours.sizesDiffer()).isEqualTo(one.size() != two.size());
      assertThat(ours.sizesDiffer() && reachesTheEnd)
          .isEqualTo(theirs.stdout().contains("Image size mismatch!"));
      Matcher offset = OFFSET.matcher(theirs.stdout());
      if (ours.verdict() == Verdict.CONTENT_DIFFERS) {
        assertThat(theirs.stdout()).contains("Content mismatch");
        assertThat(offset.find()).isTrue();
        assertThat(ours.offset() / 512 * 512).isEqualTo(Long.parseLong(offset.group(1)));
      } else if (ours.verdict() == Verdict.ALLOCATION_DIFFERS) {
        assertThat(theirs.stdout()).contains("block status mismatch");
        assertThat(offset.find()).isTrue();
        assertThat(ours.offset()).isGreaterThanOrEqualTo(Long.parseLong(offset.group(1)));
      }
    }
  }

  @Test
  void unlikeQemuStrictComparisonDoesNotMindWhereTheLastExtentsStart() throws IOException {
    Path whole = make("whole", 1 << 20, "write -P 5 0 1M");
    Path pieces = make("pieces", 1 << 20, "write -P 5 512k 512k", "write -P 5 0 512k");

    ToolResult theirs =
        QemuTools.required()
            .img(
                "compare", "-s", "-f", "qcow2", "-F", "qcow2", whole.toString(), pieces.toString());
    assertThat(theirs.stdout()).contains("block status mismatch");
    try (BlockDevice one = open(whole);
        BlockDevice two = open(pieces)) {
      assertThat(Compare.of(one, two).strict(true).run().identical()).isTrue();
    }
  }

  private Path make(String name, long size, String... steps) throws IOException {
    return QemuMadeImage.of(name, size, "cluster_size=65536", steps)
        .make(QemuTools.required(), directory);
  }

  private static BlockDevice open(Path image) throws IOException {
    return Qcow2Image.open(image).references(ReferencePolicy.allowAll()).build();
  }
}
