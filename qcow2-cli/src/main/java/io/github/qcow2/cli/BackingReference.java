package io.github.qcow2.cli;

import io.github.qcow2.ImageInfo;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * What an image says about its backing file.
 *
 * @param name as it is stored in the image
 * @param format as it is stored, or null
 * @param path where the name leads, seen from the directory of the image; null if it is no path
 */
record BackingReference(String name, @Nullable String format, @Nullable Path path) {
  /** The longest chain that is followed. */
  static final int MAX_DEPTH = 200;

  /** What to open: the path, or the name where that is none. */
  String actualName() {
    return path == null ? name : path.toString();
  }

  /** The backing file of an image, or null if it has none. */
  static @Nullable BackingReference of(ImageInfo image) {
    String name = image.header().backingFile();
    if (name == null) {
      return null;
    }
    Path path = null;
    if (!FileName.hasProtocol(name)) {
      try {
        path = Path.of(image.name()).resolveSibling(name);
      } catch (InvalidPathException e) {
        // It leads nowhere.
      }
    }
    return new BackingReference(name, image.header().backingFormat(), path);
  }
}
