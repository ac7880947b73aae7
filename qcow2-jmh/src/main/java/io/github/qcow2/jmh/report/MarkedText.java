package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * A text with parts that are written by machine, each between the lines {@code <!-- name -->} and
 * {@code <!-- end of name -->}. All else is left as it is.
 */
final class MarkedText {
  private final Path file;

  MarkedText(Path file) {
    this.file = file;
  }

  /** Fails if the text has no place for the part. */
  void require(String name) throws IOException {
    replaced(Files.readString(file), name, "");
  }

  /** Puts a part in the place of what was there. */
  void replace(String name, String part) throws IOException {
    Files.writeString(file, replaced(Files.readString(file), name, part));
  }

  private String replaced(String text, String name, String part) throws IOException {
    String begin = "<!-- " + name + " -->\n";
    String end = "<!-- end of " + name + " -->\n";
    int from = text.indexOf(begin);
    int to = text.indexOf(end, Math.max(0, from));
    if (from < 0 || to < 0 || text.indexOf(begin, from + 1) >= 0) {
      throw new IOException(file + " has no place, or several, for the part '" + name + "'");
    }
    return text.substring(0, from + begin.length()) + "\n" + part + "\n" + text.substring(to);
  }
}
