package io.github.qcow2.testkit.discard;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ZeroMode;
import io.github.qcow2.testkit.discard.TableImage.Placement;
import io.github.qcow2.testkit.discard.TableImage.Variant;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * The same requests by qemu-io and by us, on clusters in every state: entries, content and checks
 * agree. Where they do not, and why, is said below, once for each difference.
 */
@RequiresQemu
final class ZeroAndDiscardInteropTest {
  @TempDir Path directory;

  private final QemuTools qemu = QemuTools.required();

  /** What is done to a range, in the words of qemu-io. */
  private enum Action {
    ZERO("write -z"),
    ZERO_AND_UNMAP("write -zu"),
    DISCARD("discard");

    final String command;

    Action(String command) {
      this.command = command;
    }

    void run(Qcow2Image image, long position, long length) throws IOException {
      switch (this) {
        case ZERO -> image.writeZeroes(position, length, ZeroMode.KEEP_ALLOCATED);
        case ZERO_AND_UNMAP -> image.writeZeroes(position, length, ZeroMode.MAY_UNMAP);
        case DISCARD -> image.discard(position, length);
      }
    }
  }

  private record Range(int position, int length) {}

  @ParameterizedTest
  @EnumSource(Variant.class)
  void zeroedClusters(Variant variant) throws IOException {
    compare(new TableImage(variant, directory, qemu), Action.ZERO);
  }

  @ParameterizedTest
  @EnumSource(Variant.class)
  void zeroedClustersThatMayBeUnmapped(Variant variant) throws IOException {
    compare(new TableImage(variant, directory, qemu), Action.ZERO_AND_UNMAP);
  }

  @ParameterizedTest
  @EnumSource(Variant.class)
  void discardedClusters(Variant variant) throws IOException {
    compare(new TableImage(variant, directory, qemu), Action.DISCARD);
  }

  private void compare(TableImage image, Action action) throws IOException {
    List<Range> clusters = new ArrayList<>();
    List<Range> parts = new ArrayList<>();
    for (int i = 0; i < TableImage.CLUSTERS; i++) {
      clusters.add(new Range(image.at(i), image.length(i)));
      parts.add(new Range(image.at(i) + image.clusterSize / 64, image.clusterSize * 3 / 64));
    }
    compare(image, action, clusters, "cluster by cluster");
    compare(image, action, List.of(new Range(0, image.size)), "all at once");
    compare(image, action, parts, "parts of clusters");
    int middle = image.clusterSize / 2;
    compare(
        image,
        action,
        List.of(new Range(middle, image.size - middle - image.clusterSize / 4)),
        "from the middle of the first to the middle of the last");
  }

  private void compare(TableImage image, Action action, List<Range> ranges, String what)
      throws IOException {
    image.restore();
    String[] commands =
        ranges.stream()
            .map(range -> action.command + " " + range.position + " " + range.length)
            .toArray(String[]::new);
    qemu.io(image.path(), commands).orThrow();
    List<String> theirs = image.now().comparedWith(image.before());
    byte[] content = image.content();

    image.restore();
    try (Qcow2Image ours = image.opener().build()) {
      for (Range range : ranges) {
        action.run(ours, range.position, range.length);
      }
    }
    assertThat(image.now().comparedWith(image.before()))
        .as("%s, %s", action, what)
        .isEqualTo(expected(image, action, theirs));
    assertThat(Arrays.mismatch(qemu.content(image.path()), content))
        .as("first byte that differs: %s, %s", action, what)
        .isEqualTo(-1);
    assertThat(qemu.check(image.path()).isClean()).as("%s, %s", action, what).isTrue();
    if (image.variant.placement == Placement.RAW_DATA_FILE) {
      byte[] raw = Arrays.copyOf(Files.readAllBytes(image.dataFile()), content.length);
      assertThat(Arrays.mismatch(raw, content)).as("raw data file, %s", what).isEqualTo(-1);
    }
  }

  private static List<String> expected(TableImage image, Action action, List<String> theirs) {
    if (image.variant.placement == Placement.RAW_DATA_FILE) {
      // Ours stay: after a power cut the entry and the raw file could otherwise say different
      // things.
      return image.before().comparedWith(image.before());
    }
    if (!image.variant.extended() || action != Action.ZERO_AND_UNMAP) {
      return theirs;
    }
    // QEMU cuts a request where its last subcluster begins, if that one is not whole; so it never
    // sees that the last cluster is.
    return theirs.stream()
        .map(line -> line.replaceFirst("^7: \\w+ same ffffffff0", "7: 0 none ffffffff0"))
        .toList();
  }
}
