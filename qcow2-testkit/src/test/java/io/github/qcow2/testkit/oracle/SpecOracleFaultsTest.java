package io.github.qcow2.testkit.oracle;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.oracle.Fault.Verdict;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import io.github.qcow2.testkit.qemu.ToolResult;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** The oracle finds what is wrong and nothing else; QEMU finds as much, or is known not to. */
final class SpecOracleFaultsTest {
  static Stream<Fault> faults() {
    return Stream.of(
            Fault.refcounts(),
            Fault.copiedFlags(),
            Fault.entries(),
            Fault.subclusters(),
            Fault.others(),
            Fault.dataFiles(),
            Fault.headers())
        .flatMap(List::stream);
  }

  @ParameterizedTest
  @MethodSource("faults")
  void oracleFindsExactlyWhatIsWrong(Fault fault) throws IOException {
    CheckResult result = SpecOracle.of(fault.image().bytes()).check();

    assertThat(kinds(result)).as("%s", result).isEqualTo(fault.kinds());
  }

  @ParameterizedTest
  @MethodSource("faults")
  @RequiresQemu
  void qemuThinksOfItAsWasObserved(Fault fault, @TempDir Path directory) throws IOException {
    Path image = directory.resolve("image.qcow2");
    Files.write(image, fault.image().bytes());
    String options = "driver=qcow2,file.driver=file,file.filename=" + image;
    if (fault.image().dataFile().length > 0) {
      Path data = directory.resolve("data");
      Files.write(data, fault.image().dataFile());
      options += ",data-file.driver=file,data-file.filename=" + data;
    }

    ToolResult result = QemuTools.required().img("check", "--image-opts", options);

    assertThat(verdict(result.exitCode())).as("%s", result).isEqualTo(fault.qemu());
  }

  @Test
  @RequiresQemu
  void faultsOfBitmapsAreFound(@TempDir Path directory) throws IOException {
    QemuTools qemu = QemuTools.required();
    Path image = directory.resolve("image.qcow2");
    qemu.create(image, 10 << 20, "cluster_size=4k");
    qemu.img("bitmap", "--add", image.toString(), "one").orThrow();
    qemu.img("bitmap", "--add", image.toString(), "two").orThrow();
    byte[] bytes = Files.readAllBytes(image);
    List<HeaderFields.Extension> extensions = SpecOracle.of(bytes).header().extensions();
    HeaderFields.Extension extension =
        extensions.stream()
            .filter(candidate -> candidate.type() == HeaderFields.BITMAPS)
            .findFirst()
            .orElseThrow();
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    int fields = (int) extension.offset();
    int directoryOffset = (int) buffer.getLong(fields + 16);
    int table = (int) buffer.getLong(directoryOffset);

    assertThat(spoiled(bytes, fields + 3, 1)).containsOnly(FindingKind.BITMAP);
    assertThat(spoiled(bytes, fields + 7, 1)).contains(FindingKind.BITMAP, FindingKind.LEAK);
    assertThat(spoiled(bytes, fields + 22, 1)).contains(FindingKind.MISALIGNED);
    assertThat(spoiled(bytes, directoryOffset + 11, 9)).contains(FindingKind.BITMAP);
    assertThat(spoiled(bytes, directoryOffset + 15, 8)).containsOnly(FindingKind.RESERVED_BITS);
    assertThat(spoiled(bytes, directoryOffset + 16, 2)).containsOnly(FindingKind.BITMAP);
    assertThat(spoiled(bytes, directoryOffset + 17, 8)).contains(FindingKind.BITMAP);
    assertThat(spoiled(bytes, directoryOffset + 24, 't', 'w', 'o')).contains(FindingKind.BITMAP);
    assertThat(spoiled(bytes, table + 7, 2)).containsOnly(FindingKind.RESERVED_BITS);
    assertThat(spoiled(bytes, table + 6, 2, 0)).containsOnly(FindingKind.MISALIGNED);
  }

  private static Set<FindingKind> spoiled(byte[] bytes, int offset, int... values)
      throws IOException {
    byte[] changed = bytes.clone();
    for (int i = 0; i < values.length; i++) {
      changed[offset + i] = (byte) values[i];
    }
    return kinds(SpecOracle.of(changed).check());
  }

  private static Verdict verdict(int exitCode) {
    return switch (exitCode) {
      case 0 -> Verdict.CLEAN;
      case 2 -> Verdict.CORRUPT;
      case 3 -> Verdict.LEAK;
      default -> Verdict.REFUSED;
    };
  }

  private static Set<FindingKind> kinds(CheckResult result) {
    Set<FindingKind> kinds = EnumSet.noneOf(FindingKind.class);
    result.findings().forEach(finding -> kinds.add(finding.kind()));
    return kinds;
  }
}
