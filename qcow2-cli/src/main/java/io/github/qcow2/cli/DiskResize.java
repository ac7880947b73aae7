package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.error.Qcow2Exception;
import java.io.IOException;

/** Changes the size of a disk, for {@code resize} and for {@code truncate} of {@code io}. */
final class DiskResize {
  /** The mode of preallocation that allocates nothing. */
  static final String OFF = "off";

  private static final long SECTOR = 512;

  private DiskResize() {}

  /** Refuses a name that is no mode of preallocation. */
  static String requireMode(String mode) throws CommandException {
    return switch (mode) {
      case OFF, "metadata", "falloc", "full" -> mode;
      default -> throw new CommandException("Invalid preallocation mode '" + mode + "'");
    };
  }

  /**
   * Changes the size of a disk. What is added reads as zeros.
   *
   * @param preallocation how what is added is allocated
   */
  static void resize(BlockDevice device, long size, String preallocation) throws IOException {
    if (!(device instanceof Qcow2Image image)) {
      throw new IOException("Only qcow2 images can be resized");
    }
    if (size % SECTOR != 0) {
      throw new IOException("The new size must be a multiple of " + SECTOR);
    }
    if (!preallocation.equals(OFF) && size < image.size()) {
      throw new IOException("Preallocation can't be used for shrinking an image");
    }
    if (!preallocation.equals(OFF)) {
      throw new IOException("Preallocation mode '" + preallocation + "' is not supported");
    }
    if (size < image.size()) {
      image.shrink(size);
    } else {
      image.grow(size);
    }
  }

  /** What went wrong, without the name of the image, which the user has just typed. */
  static String reason(IOException e) {
    return e instanceof Qcow2Exception failure ? failure.rule() : HostErrors.reason(e);
  }
}
