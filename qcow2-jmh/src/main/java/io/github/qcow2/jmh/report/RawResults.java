package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;

/** Every single measurement of a part, for a file in JSON. */
final class RawResults {
  private final List<String> records = new ArrayList<>();

  /**
   * Adds a measurement.
   *
   * @param what was measured
   * @param round in which
   * @param program of which program
   * @param unit of the value
   */
  void add(String what, int round, String program, String unit, double value) {
    records.add(
        String.format(
            Locale.ROOT,
            "{\"what\": %s, \"round\": %d, \"program\": %s, \"unit\": %s, \"value\": %s}",
            quoted(what),
            round,
            quoted(program),
            quoted(unit),
            Double.isFinite(value) ? Double.toString(value) : "null"));
  }

  private static String quoted(String text) {
    StringBuilder quoted = new StringBuilder("\"");
    for (int i = 0; i < text.length(); i++) {
      char each = text.charAt(i);
      if (each == '"' || each == '\\') {
        quoted.append('\\').append(each);
      } else if (each < ' ') {
        quoted.append(String.format(Locale.ROOT, "\\u%04x", (int) each));
      } else {
        quoted.append(each);
      }
    }
    return quoted.append('"').toString();
  }

  void writeTo(Path file) throws IOException {
    Files.writeString(file, this + "\n");
  }

  /** An array of objects, one a line. */
  @Override
  public String toString() {
    return "[\n" + String.join(",\n", records) + "\n]";
  }
}
