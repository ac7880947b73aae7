package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Preallocation;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.RawImage;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Changes the size of a disk, for {@code resize} and for {@code truncate} of {@code io}. */
final class DiskResize {
  /** What QEMU says where tables are to be preallocated and there are none. */
  static final String NO_TABLES = "Unsupported preallocation mode: metadata";

  private static final long SECTOR = 512;

  private DiskResize() {}

  /** The mode of preallocation with that name, or null. */
  static @Nullable Preallocation mode(String name) {
    return switch (name) {
      case "off" -> Preallocation.OFF;
      case "metadata" -> Preallocation.METADATA;
      case "falloc" -> Preallocation.FALLOC;
      case "full" -> Preallocation.FULL;
      default -> null;
    };
  }

  /** The mode of preallocation with that name. */
  static Preallocation requireMode(String name) throws CommandException {
    Preallocation mode = mode(name);
    if (mode == null) {
      throw new CommandException("Invalid preallocation mode '" + name + "'");
    }
    return mode;
  }

  /**
   * Changes the size of a disk. What is added reads as zeros.
   *
   * @param size in bytes; that of a raw disk is rounded up to sectors
   * @param preallocation how what is added is allocated
   */
  static void resize(BlockDevice device, long size, Preallocation preallocation)
      throws IOException {
    if (device instanceof Qcow2Image image) {
      resize(image, size, preallocation);
    } else if (device instanceof RawImage image) {
      resize(image, size, preallocation);
    } else {
      throw new IOException("Changes in memory are of a disk that keeps its size");
    }
  }

  private static void resize(Qcow2Image image, long size, Preallocation preallocation)
      throws IOException {
    if (size % SECTOR != 0) {
      throw new IOException("The new size must be a multiple of " + SECTOR);
    }
    if (size >= image.size()) {
      image.grow(size, preallocation);
      return;
    }
    if (preallocation != Preallocation.OFF) {
      throw new IOException("Preallocation can't be used for shrinking an image");
    }
    image.shrink(size);
  }

  private static void resize(RawImage image, long size, Preallocation preallocation)
      throws IOException {
    if (size > Long.MAX_VALUE - SECTOR) {
      throw new IOException("File too large");
    }
    long rounded = (size + SECTOR - 1) / SECTOR * SECTOR;
    if (preallocation == Preallocation.METADATA) {
      throw new IOException(NO_TABLES);
    }
    if (rounded >= image.size()) {
      image.grow(rounded, preallocation);
      return;
    }
    if (preallocation != Preallocation.OFF) {
      throw new IOException("Cannot use preallocation for shrinking files");
    }
    image.shrink(rounded);
  }

  /** What went wrong, without the name of the image, which the user has just typed. */
  static String reason(IOException e) {
    return e instanceof Qcow2Exception failure ? failure.rule() : HostErrors.reason(e);
  }
}
