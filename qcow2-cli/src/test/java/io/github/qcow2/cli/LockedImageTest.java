package io.github.qcow2.cli;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.testkit.qemu.QemuServer;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Images that another program has open, beside qemu-img and qemu-io. */
@RequiresQemu
@SuppressWarnings("try")
class LockedImageTest {
  @TempDir Path directory;
  private final QemuTools qemu = QemuTools.required();
  private Twins twins;

  @BeforeEach
  void makeImages() throws IOException {
    twins = new Twins(directory);
    twins
        .prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/a.qcow2", "1M")
        .prepare("qemu-img", "create", "-q", "-f", "qcow2", "@/b.qcow2", "1M")
        .prepare("qemu-img", "create", "-q", "-f", "raw", "@/a.raw", "1M")
        .prepare(
            "qemu-img", "create", "-q", "-f", "qcow2", "-b", "a.qcow2", "-F", "qcow2", "@/o.qcow2");
  }

  @Test
  void imageThatIsWrittenToIsRefusedInTheSameWords() throws IOException {
    byte[] before = Files.readAllBytes(twins.shared("a.qcow2"));
    try (QemuServer ignored = qemu.serve(twins.shared("a.qcow2"), "qcow2")) {
      assertThat(twins.assertSame("info", "@/a.qcow2").exitCode()).isEqualTo(1);
      twins.assertSame("info", "--backing-chain", "@/o.qcow2");
      twins.assertSame("check", "@/a.qcow2");
      twins.assertSame("check", "@/o.qcow2");
      twins.assertSame("map", "@/a.qcow2");
      twins.assertSame("map", "@/o.qcow2");
      twins.assertSame("compare", "@/b.qcow2", "@/a.qcow2");
      twins.assertSame("convert", "-O", "qcow2", "@/a.qcow2", "%/c.qcow2");
      twins.assertSame("convert", "-O", "qcow2", "@/b.qcow2", "@/a.qcow2");
      twins.assertSame("convert", "-n", "-O", "qcow2", "@/b.qcow2", "@/a.qcow2");
      assertThat(twins.assertSame("create", "-f", "qcow2", "@/a.qcow2", "1M").exitCode())
          .isEqualTo(1);
      twins.assertSameIo("-f", "qcow2", "-c", "read 0 512", "@/a.qcow2");
      twins.assertSameIo("-f", "qcow2", "-r", "-c", "read 0 512", "@/a.qcow2");
      twins.assertSameIo("-f", "qcow2", "-c", "read 0 512", "@/o.qcow2");
      assertThat(twins.shared("a.qcow2")).hasBinaryContent(before);
    }
  }

  @Test
  void forceShareReadsNevertheless() throws IOException {
    try (QemuServer ignored = qemu.serve(twins.shared("a.qcow2"), "qcow2")) {
      assertThat(twins.assertSame("info", "-U", "@/a.qcow2").exitCode()).isZero();
      assertThat(twins.assertSame("check", "-U", "@/a.qcow2").exitCode()).isZero();
      assertThat(twins.assertSame("check", "-U", "@/o.qcow2").exitCode()).isZero();
      assertThat(twins.assertSame("map", "-U", "@/o.qcow2").exitCode()).isZero();
      assertThat(twins.assertSame("compare", "-U", "@/a.qcow2", "@/b.qcow2").exitCode()).isZero();
      assertThat(
              twins.assertSame("convert", "-U", "-O", "qcow2", "@/a.qcow2", "%/c.qcow2").exitCode())
          .isZero();
      twins.assertSame("convert", "-U", "-O", "qcow2", "@/b.qcow2", "@/a.qcow2");
      assertThat(
              twins
                  .assertSameIo("-f", "qcow2", "-U", "-r", "-c", "read 0 512", "@/a.qcow2")
                  .exitCode())
          .isZero();
      twins.assertSameIo("-f", "qcow2", "-U", "-c", "read 0 512", "@/a.qcow2");
    }
  }

  @Test
  void rawImageThatIsWrittenToIsReadButNotCopied() throws IOException {
    try (QemuServer ignored = qemu.serve(twins.shared("a.raw"), "raw")) {
      assertThat(twins.assertSame("info", "-f", "raw", "@/a.raw").exitCode()).isZero();
      assertThat(
              twins
                  .assertSame("compare", "-f", "raw", "-F", "raw", "@/a.raw", "@/a.raw")
                  .exitCode())
          .isZero();
      twins.assertSame("convert", "-f", "raw", "-O", "raw", "@/a.raw", "%/c.raw");
    }
  }
}
