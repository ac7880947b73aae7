package io.github.qcow2;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the name of another file, as an image stores it, means. */
final class References {
  /** What QEMU takes for a protocol: {@code json:}, {@code nbd:}, {@code https:} and so on. */
  private static final Pattern PROTOCOL = Pattern.compile("[A-Za-z0-9+.-]+:.*", Pattern.DOTALL);

  private References() {}

  /** Whether a backing file name is not a path at all. */
  static boolean isProtocol(String name) {
    return PROTOCOL.matcher(name).matches();
  }

  /**
   * Where a name leads, seen from the image that holds it: relative names from its directory, not
   * from the working directory.
   *
   * @return null if the file system of the image has no such path
   */
  static @Nullable Path resolve(Path image, String name) {
    try {
      return image.resolveSibling(name);
    } catch (InvalidPathException e) {
      return null;
    }
  }
}
