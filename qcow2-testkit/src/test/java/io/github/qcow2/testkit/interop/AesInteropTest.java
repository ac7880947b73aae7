package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.qcow2.Extent;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.ReferencePolicy;
import io.github.qcow2.check.CheckReport;
import io.github.qcow2.check.ImageCheck;
import io.github.qcow2.error.UnsupportedFeatureException;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Images that QEMU encrypts with the format's first method: AES-128, by guest sector. */
@RequiresQemu
final class AesInteropTest {
  private static final int SIZE = 3 << 20;
  private static final String PASSPHRASE = "open sesame";

  private final QemuTools qemu = QemuTools.required();
  @TempDir Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"cluster_size=512", "cluster_size=64k", "cluster_size=2M", "compat=0.10"})
  void whatQemuEncryptsIsReadWithThePassphrase(String option) throws IOException {
    byte[] disk = disk();
    Path path = encrypt(disk, PASSPHRASE, option);

    try (Qcow2Image image = opener(path, PASSPHRASE).build()) {
      assertSame(GuestBytes.of(image), disk, option);
      assertSame(
          GuestBytes.of(image, 512 * 1024 + 7, 1000),
          Arrays.copyOfRange(disk, 512 * 1024 + 7, 512 * 1024 + 1007),
          "a few bytes");
    }
  }

  @Test
  void ofAPassphraseOnlySixteenBytesCount() throws IOException {
    byte[] disk = disk();
    Path path = encrypt(disk, "0123456789abcdef and more", "cluster_size=64k");
    try (Qcow2Image image = opener(path, "0123456789abcdef").build()) {
      assertSame(GuestBytes.of(image), disk, "disk");
    }
  }

  @Test
  void encryptedOverlayShowsItsPlainBackingFile() throws IOException {
    byte[] disk = disk();
    Path base = directory.resolve("base.qcow2");
    Files.write(directory.resolve("base.raw"), disk);
    qemu.convert(directory.resolve("base.raw"), "raw", base, "qcow2");
    byte[] news = new byte[100_000];
    new Random(2).nextBytes(news);
    Path plain = directory.resolve("plain.qcow2");
    ReferencePolicy here = ReferencePolicy.within(directory);
    try (Qcow2Image overlay =
        Qcow2Image.create(plain, SIZE).backing("base.qcow2", "qcow2").references(here).build()) {
      overlay.write(ByteBuffer.wrap(news), 1_000_000);
    }
    Path path =
        encrypt(plain, "qcow2", PASSPHRASE, "cluster_size=64k", "-B", "base.qcow2", "-F", "qcow2");

    byte[] changed = disk.clone();
    System.arraycopy(news, 0, changed, 1_000_000, news.length);
    try (Qcow2Image image = opener(path, PASSPHRASE).references(here).build()) {
      assertThat(image.extents(0, SIZE).toList()).anyMatch(extent -> extent.depth() == 1);
      assertSame(GuestBytes.of(image), changed, "overlay");
    }
  }

  @Test
  void encryptedBytesHaveNoHostOffset() throws IOException {
    Path path = encrypt(disk(), PASSPHRASE, "cluster_size=64k");
    try (Qcow2Image image = opener(path, PASSPHRASE).build()) {
      assertThat(image.extents(0, SIZE).toList())
          .filteredOn(extent -> extent.kind() == Extent.Kind.DATA)
          .isNotEmpty()
          .allMatch(extent -> extent.hostOffset() == Extent.NO_HOST_OFFSET);
    }
  }

  @Test
  void withoutPassphraseAndForWritingItIsRefused() throws IOException {
    Path path = encrypt(disk(), PASSPHRASE, "cluster_size=64k");
    byte[] before = Files.readAllBytes(path);
    ImageOpener without = Qcow2Image.open(path);
    assertThatThrownBy(without::build)
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("AES");
    ImageOpener writable = opener(path, PASSPHRASE).writable();
    assertThatThrownBy(writable::build)
        .isInstanceOf(UnsupportedFeatureException.class)
        .hasMessageContaining("AES");
    assertThat(Files.readAllBytes(path)).isEqualTo(before);
  }

  @Test
  void itsTablesAreCheckedWithoutThePassphrase() throws IOException {
    Path path = encrypt(disk(), PASSPHRASE, "cluster_size=64k");
    CheckReport report = ImageCheck.of(path).run();
    assertThat(report.corruptions() + report.leaks()).isZero();
  }

  private static ImageOpener opener(Path path, String passphrase) {
    return Qcow2Image.open(path).passphrases(image -> passphrase.getBytes(UTF_8));
  }

  /** Some data, holes between it. */
  private static byte[] disk() {
    byte[] disk = new byte[SIZE];
    byte[] data = new byte[200_000];
    new Random(1).nextBytes(data);
    for (int start : new int[] {0, 500_000, 1_200_000, SIZE - data.length}) {
      System.arraycopy(data, 0, disk, start, data.length);
    }
    return disk;
  }

  private Path encrypt(byte[] disk, String passphrase, String option) throws IOException {
    Path raw = Files.write(directory.resolve("disk.raw"), disk);
    return encrypt(raw, "raw", passphrase, option);
  }

  private Path encrypt(
      Path source, String format, String passphrase, String option, String... arguments)
      throws IOException {
    Path path = directory.resolve("encrypted.qcow2");
    List<String> command = new ArrayList<>(List.of("convert", "-f", format, "-O", "qcow2"));
    command.addAll(List.of("--object", "secret,id=key,data=" + passphrase));
    command.addAll(List.of("-o", "encrypt.format=aes,encrypt.key-secret=key," + option));
    command.addAll(List.of(arguments));
    command.addAll(List.of(source.toString(), path.toString()));
    qemu.img(command.toArray(String[]::new)).orThrow();
    return path;
  }
}
