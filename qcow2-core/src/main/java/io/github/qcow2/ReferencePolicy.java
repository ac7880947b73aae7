package io.github.qcow2;

import io.github.qcow2.error.Qcow2Exception;
import io.github.qcow2.error.ReferenceDeniedException;
import io.github.qcow2.storage.Storage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Decides about the files that an image names: its backing file and its external data file.
 *
 * <p>An image from an untrusted source can name any file of the host, and whoever reads the disk
 * then reads that file. So the library opens none unless the caller says so: {@link #deny()} is the
 * default. A policy is asked again for each layer of a backing chain.
 */
@FunctionalInterface
public interface ReferencePolicy {
  /** What an image needs the other file for. */
  enum Kind {
    /** To read what the image itself does not hold. */
    BACKING_FILE,
    /** For all guest data. */
    DATA_FILE
  }

  /**
   * One file that an image names.
   *
   * @param image the image that names it
   * @param kind what for
   * @param name the name as it is stored in the image
   * @param format the recorded format of a backing file, or null
   * @param path where the name leads, seen from the directory of the image; null if it is not a
   *     plain path, or if the image itself was not opened from a path
   */
  record Reference(
      String image, Kind kind, String name, @Nullable String format, @Nullable Path path) {}

  /** What to use for a reference. */
  sealed interface Answer {
    /**
     * Open this file. Backing files are opened read-only.
     *
     * @param path the file
     */
    record OpenFile(Path path) implements Answer {}

    /**
     * Use this device as the backing file. It stays the caller's to close.
     *
     * @param device readable for as long as the image is open
     */
    record UseDevice(BlockDevice device) implements Answer {}

    /**
     * Use this storage as the data file. The image closes it.
     *
     * @param storage writable if the image is to be
     */
    record UseStorage(Storage storage) implements Answer {}
  }

  /**
   * Decides about one reference.
   *
   * @throws ReferenceDeniedException if nothing is to be opened
   * @throws IOException if deciding failed
   */
  Answer resolve(Reference reference) throws IOException;

  /** Opens nothing: images that name other files are refused. */
  static ReferencePolicy deny() {
    return reference -> {
      throw denied(reference, "the reference policy denies all references");
    };
  }

  /** Opens whatever plain path an image names: for images of one's own making only. */
  static ReferencePolicy allowAll() {
    return reference -> new Answer.OpenFile(plainPath(reference));
  }

  /**
   * Opens and creates files that are, symbolic links followed, inside a directory.
   *
   * @param directory the directory, at any depth
   */
  static ReferencePolicy within(Path directory) {
    return reference -> {
      Path real = realPath(plainPath(reference));
      if (!real.startsWith(directory.toRealPath())) {
        throw denied(reference, "it is not inside " + directory);
      }
      return new Answer.OpenFile(real);
    };
  }

  /**
   * Uses a device that is open already as the backing file, whatever name the image has for it;
   * denies data files.
   *
   * @param backing stays the caller's to close, after the image
   */
  static ReferencePolicy explicit(BlockDevice backing) {
    return reference -> {
      if (reference.kind() != Kind.BACKING_FILE) {
        throw denied(reference, "only the backing file was given");
      }
      return new Answer.UseDevice(backing);
    };
  }

  /** Where a path leads; of a file that is yet to be created, where its directory leads. */
  private static Path realPath(Path path) throws IOException {
    Path parent = path.toAbsolutePath().getParent();
    // A symbolic link to nowhere is no new file: creating one would follow it.
    if (parent == null || Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
      return path.toRealPath();
    }
    return parent.toRealPath().resolve(path.getFileName());
  }

  private static Path plainPath(Reference reference) throws ReferenceDeniedException {
    Path path = reference.path();
    if (path == null) {
      throw denied(reference, "it is not a plain path that can be resolved");
    }
    return path;
  }

  private static ReferenceDeniedException denied(Reference reference, String why) {
    String what = reference.kind() == Kind.BACKING_FILE ? "backing file" : "data file";
    return new ReferenceDeniedException(
        reference.image(),
        Qcow2Exception.NO_OFFSET,
        what + " \"" + Names.printable(reference.name()) + "\" is not opened: " + why);
  }
}
