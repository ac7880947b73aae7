package io.github.qcow2.testkit.interop;

import static io.github.qcow2.testkit.interop.GuestBytes.assertSame;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.qcow2.Qcow2Image;
import io.github.qcow2.testkit.qemu.QemuTools;
import io.github.qcow2.testkit.qemu.RequiresQemu;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A new image and a first write across two cluster borders: the file is the one QEMU leaves. */
final class FirstWriteInteropTest {
  private static final long SIZE = 100L << 20;
  private static final long POSITION = (99L << 20) - 512;
  private static final int LENGTH = 65 << 10;

  @TempDir Path directory;

  private byte[] written() throws IOException {
    Path path = directory.resolve("ours.qcow2");
    try (Qcow2Image image = Qcow2Image.create(path, SIZE).build()) {
      GuestBytes.fill(image, 0xcd, POSITION, LENGTH);
    }
    return Files.readAllBytes(path);
  }

  @Test
  @RequiresQemu
  void fileIsByteForByteWhatQemuLeaves() throws IOException {
    QemuTools qemu = QemuTools.required();
    Path path = directory.resolve("qemu.qcow2");
    qemu.create(path, SIZE);
    qemu.io(path, "write -P 0xcd " + POSITION + " " + LENGTH).orThrow();
    byte[] byQemu = Files.readAllBytes(path);

    assertSame(written(), byQemu, "the file");
  }

  @Test
  void wordsOfTheTablesAreTheKnownOnes() throws IOException {
    byte[] file = written();
    ByteBuffer words = ByteBuffer.wrap(file);

    assertThat(file).hasSize(8 << 16);
    assertThat(words.getLong(48)).as("refcount table offset").isEqualTo(0x10000);
    assertThat(words.getLong(0x10000)).as("refcount block").isEqualTo(0x20000);
    assertThat(words.getLong(40)).as("L1 table offset").isEqualTo(0x30000);
    assertThat(words.getInt(100)).as("header length").isEqualTo(112);
    assertThat(words.getInt(112)).as("feature name table").isEqualTo(0x6803f857);
    assertThat(words.getInt(116)).as("feature names").isEqualTo(8 * 48);
    assertThat(words.getLong(0x30000)).as("L1[0]").isEqualTo(0x8000000000040000L);
    for (int i = 0; i < 8192; i++) {
      long expected = i < 1583 || i > 1585 ? 0 : 0x8000000000050000L + ((i - 1583) << 16);
      assertThat(words.getLong(0x40000 + 8 * i)).as("L2[%d]", i).isEqualTo(expected);
    }
    for (int i = 0; i < 32768; i++) {
      assertThat(words.getShort(0x20000 + 2 * i))
          .as("refcount %d", i)
          .isEqualTo((short) (i < 8 ? 1 : 0));
    }
    byte[] data = Arrays.copyOfRange(file, 0x50000, 0x80000);
    byte[] expected = new byte[3 << 16];
    Arrays.fill(expected, (1 << 16) - 512, (1 << 16) - 512 + LENGTH, (byte) 0xcd);
    assertSame(data, expected, "the data clusters");
  }
}
