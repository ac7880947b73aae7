package io.github.qcow2.cli;

import io.github.qcow2.ImageInfo;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.format.HeaderProblem;
import io.github.qcow2.storage.FileStorage;
import io.github.qcow2.storage.LockMode;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What {@code info} says about one image, found without opening any other.
 *
 * @param path as the user or the overlay has it
 * @param virtualSize of the disk in bytes
 * @param qcow2 what the image says about itself, or null for a raw one
 */
record ImageSummary(Path path, long virtualSize, @Nullable ImageInfo qcow2) {

  private static final int SECTOR = 512;

  /**
   * Looks at an image.
   *
   * @param format the name of its format, or null to guess
   * @param opener says whether the image is locked meanwhile
   * @throws OpenFailure if it is no image, or one that cannot be understood
   */
  static ImageSummary of(String filename, @Nullable String format, DiskOpener opener)
      throws OpenFailure {
    Path path = FileName.path(filename);
    if (Files.isDirectory(path)) {
      throw new OpenFailure("'file' driver requires '" + path + "' to be a regular file");
    }
    ImageFormat known = opener.format(filename, format);
    try {
      if (known == ImageFormat.RAW) {
        return new ImageSummary(path, rawSize(path), null);
      }
      if (ImageFormat.probe(path) != ImageFormat.QCOW2) {
        throw new OpenFailure("Image is not in qcow2 format");
      }
      ImageInfo info = inspect(path, opener.locking());
      for (HeaderProblem problem : info.problems()) {
        if (makesTheRestMeaningless(problem)) {
          throw new OpenFailure(problem.rule());
        }
      }
      return new ImageSummary(path, info.header().size(), info);
    } catch (IOException e) {
      throw DiskOpener.failure(path, e, false);
    }
  }

  String filename() {
    return path.toString();
  }

  /** Bytes that the file occupies on the host, where that is known. Finding out takes its time. */
  OptionalLong diskUsage() {
    return DiskUsage.of(path);
  }

  String formatName() {
    return (qcow2 == null ? ImageFormat.RAW : ImageFormat.QCOW2).formatName();
  }

  /** What lies below the image, or null. */
  @Nullable BackingReference backing() {
    return qcow2 == null ? null : BackingReference.of(qcow2);
  }

  private static boolean makesTheRestMeaningless(HeaderProblem problem) {
    return switch (problem.kind()) {
      case UNKNOWN_FEATURE, UNKNOWN_COMPRESSION_TYPE, NO_REFCOUNT_TABLE -> true;
      case NEEDS_PASSPHRASE, ENCRYPTED, CONTRADICTION, MARKED_CORRUPT, MARKED_DIRTY, IRREGULAR ->
          false;
    };
  }

  /** What an image says about itself, locked or not while it is read. */
  static ImageInfo inspect(Path path, LockMode locking) throws IOException {
    try (Storage file = FileStorage.open(path, locking)) {
      return Qcow2Image.inspect(file);
    }
  }

  private static long rawSize(Path path) throws IOException {
    try (Storage file = FileStorage.open(path, LockMode.OFF)) {
      return (file.size() + SECTOR - 1) / SECTOR * SECTOR;
    }
  }
}
