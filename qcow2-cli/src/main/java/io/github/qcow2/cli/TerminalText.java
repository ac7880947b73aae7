package io.github.qcow2.cli;

/**
 * Makes text safe to print on a terminal. File names and names inside images are bytes that someone
 * else chose; an escape sequence among them could move the cursor, recolour or retitle the
 * terminal, and a direction override could make one name look like another.
 */
final class TerminalText {
  private TerminalText() {}

  /**
   * The text with every character that is not plainly visible written as {@code \xNN} or {@code
   * \}{@code uNNNN}. Text that needs no escape is returned as it is, and only then may a backslash
   * stand for itself, so two different texts never print alike.
   */
  static String escape(String text) {
    if (text.codePoints().allMatch(TerminalText::isPlain)) {
      return text;
    }
    StringBuilder escaped = new StringBuilder(text.length() + 16);
    text.codePoints().forEach(c -> append(escaped, c));
    return escaped.toString();
  }

  private static boolean isPlain(int codePoint) {
    return switch (Character.getType(codePoint)) {
      case Character.CONTROL,
          Character.FORMAT,
          Character.SURROGATE,
          Character.LINE_SEPARATOR,
          Character.PARAGRAPH_SEPARATOR ->
          false;
      default -> true;
    };
  }

  private static void append(StringBuilder escaped, int codePoint) {
    if (codePoint == '\\') {
      escaped.append("\\\\");
    } else if (isPlain(codePoint)) {
      escaped.appendCodePoint(codePoint);
    } else if (codePoint < 0x100) {
      escaped.append(String.format("\\x%02x", codePoint));
    } else if (codePoint < 0x10000) {
      escaped.append(String.format("\\u%04x", codePoint));
    } else {
      escaped.append(String.format("\\U%08x", codePoint));
    }
  }
}
