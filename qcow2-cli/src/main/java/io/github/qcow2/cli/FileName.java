package io.github.qcow2.cli;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;

/**
 * The name of an image on the command line. QEMU takes what comes before a colon for a protocol;
 * the only one there is here is {@code file:}.
 */
final class FileName {
  private static final String FILE_PROTOCOL = "file:";

  private FileName() {}

  /**
   * The path that the name means.
   *
   * @throws OpenFailure if it means something else, or nothing
   */
  static Path path(String name) throws OpenFailure {
    String rest = name.startsWith(FILE_PROTOCOL) ? name.substring(FILE_PROTOCOL.length()) : name;
    if (rest.length() == name.length() && hasProtocol(name)) {
      throw new OpenFailure("Unknown protocol '" + name.substring(0, name.indexOf(':')) + "'");
    }
    if (rest.isEmpty()) {
      throw new OpenFailure("The 'file' block driver requires a file name");
    }
    try {
      return Path.of(rest);
    } catch (InvalidPathException e) {
      throw new OpenFailure("Could not open '" + rest + "': No such file or directory");
    }
  }

  /** Whether there is a colon before the first slash. */
  static boolean hasProtocol(String name) {
    int colon = name.indexOf(':');
    int slash = name.indexOf('/');
    return colon >= 0 && (slash < 0 || colon < slash);
  }
}
