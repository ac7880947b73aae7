package io.github.qcow2.jmh.report;

import java.util.ArrayList;
import java.util.List;

/** A table in Markdown, row by row. */
final class MarkdownTable {
  private final List<String> lines = new ArrayList<>();
  private final int columns;

  /** A column whose title starts with {@code >} holds numbers, which stand on the right. */
  MarkdownTable(String... titles) {
    columns = titles.length;
    List<String> names = new ArrayList<>();
    List<String> rules = new ArrayList<>();
    for (String title : titles) {
      boolean right = title.startsWith(">");
      names.add(right ? title.substring(1) : title);
      rules.add(right ? "---:" : "---");
    }
    row(names.toArray(String[]::new));
    row(rules.toArray(String[]::new));
  }

  /** Adds a row; cells that are not given are empty. */
  MarkdownTable row(String... cells) {
    if (cells.length > columns) {
      throw new IllegalArgumentException("a row is longer than the table is wide");
    }
    StringBuilder line = new StringBuilder("|");
    for (int i = 0; i < columns; i++) {
      String cell = i < cells.length ? cells[i].replace("|", "\\|").replace('\n', ' ') : "";
      line.append(cell.isEmpty() ? "" : " ").append(cell).append(" |");
    }
    lines.add(line.toString());
    return this;
  }

  @Override
  public String toString() {
    return String.join("\n", lines) + "\n";
  }
}
