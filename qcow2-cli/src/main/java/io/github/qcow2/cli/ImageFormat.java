package io.github.qcow2.cli;

import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The formats of disk images that commands read and write. */
enum ImageFormat {
  RAW("raw"),
  QCOW2("qcow2");

  private static final int PROBED_BYTES = 512;
  private static final int QCOW_MAGIC = 0x514649fb;

  /** How images of other formats start: none of them must pass for raw. */
  private static final Map<String, String> FOREIGN_MAGICS =
      Map.of(
          "KDMV", "vmdk",
          "COWD", "vmdk",
          "# Disk DescriptorFile", "vmdk",
          "conectix", "vpc",
          "vhdxfile", "vhdx",
          "QED\0", "qed",
          "LUKS\u00ba\u00be", "luks",
          "WithoutFreeSpace", "parallels",
          "WithouFreSpacExt", "parallels",
          "Bochs Virtual HD Image", "bochs");

  private static final int VDI_MAGIC_OFFSET = 64;
  private static final int VDI_MAGIC = 0x7f10dabe;

  private final String formatName;

  ImageFormat(String formatName) {
    this.formatName = formatName;
  }

  /** The name as qemu-img has it. */
  String formatName() {
    return formatName;
  }

  /** The format of that name, or null. */
  static @Nullable ImageFormat named(String name) {
    for (ImageFormat format : values()) {
      if (format.formatName.equals(name)) {
        return format;
      }
    }
    return null;
  }

  /**
   * Looks at the first bytes of a file as qemu-img does when no format is given. What is not known
   * by its first bytes is raw.
   *
   * @throws OpenFailure if the bytes are those of a format that is not supported
   * @throws IOException if the file cannot be read
   */
  static ImageFormat probe(Path path) throws OpenFailure, IOException {
    ByteBuffer start = ByteBuffer.allocate(PROBED_BYTES);
    // Refuses pipes, which reading would wait for.
    try (Storage file = FileStorage.open(path, LockMode.OFF)) {
      file.read(start, 0);
    }
    return of(start.flip());
  }

  /**
   * The format that the first bytes of a file tell.
   *
   * @param start up to 512 bytes
   * @throws OpenFailure if it is one that is not supported
   */
  static ImageFormat of(ByteBuffer start) throws OpenFailure {
    if (start.remaining() >= 8 && start.getInt(0) == QCOW_MAGIC) {
      if (start.getInt(4) >= 2) {
        return QCOW2;
      }
      throw new OpenFailure("File format 'qcow' is not supported");
    }
    String text = StandardCharsets.ISO_8859_1.decode(start.duplicate()).toString();
    for (Map.Entry<String, String> foreign : FOREIGN_MAGICS.entrySet()) {
      if (text.startsWith(foreign.getKey())) {
        throw new OpenFailure("File format '" + foreign.getValue() + "' is not supported");
      }
    }
    if (start.remaining() >= VDI_MAGIC_OFFSET + 4 && start.getInt(VDI_MAGIC_OFFSET) == VDI_MAGIC) {
      throw new OpenFailure("File format 'vdi' is not supported");
    }
    return RAW;
  }
}
