package io.github.qcow2.cli;

import java.util.ArrayDeque;
import java.util.Deque;

/**
 * Writes JSON laid out as QEMU's tools lay it out: four spaces per level, a space after the colon,
 * everything outside printable ASCII as an escape, so the bytes are valid UTF-8 whatever a name
 * holds. Not thread-safe.
 */
final class JsonWriter {
  private final StringBuilder text = new StringBuilder();
  private final Deque<Boolean> empty = new ArrayDeque<>();

  JsonWriter beginObject() {
    return begin('{');
  }

  JsonWriter endObject() {
    return end('}');
  }

  JsonWriter beginArray() {
    return begin('[');
  }

  JsonWriter endArray() {
    return end(']');
  }

  /** Starts a member that is itself an object; its members follow until {@link #endObject}. */
  JsonWriter beginObject(String key) {
    key(key);
    return open('{');
  }

  /** Starts a member that is an array; its elements follow until {@link #endArray}. */
  JsonWriter beginArray(String key) {
    key(key);
    return open('[');
  }

  JsonWriter member(String key, String value) {
    key(key);
    quote(value);
    return this;
  }

  JsonWriter member(String key, long value) {
    key(key);
    text.append(value);
    return this;
  }

  JsonWriter member(String key, boolean value) {
    key(key);
    text.append(value);
    return this;
  }

  JsonWriter element(String value) {
    separate();
    quote(value);
    return this;
  }

  /** The finished text, with a line feed after it. */
  @Override
  public String toString() {
    return text + "\n";
  }

  private void key(String key) {
    separate();
    quote(key);
    text.append(": ");
  }

  private JsonWriter begin(char bracket) {
    separate();
    return open(bracket);
  }

  private JsonWriter open(char bracket) {
    text.append(bracket);
    empty.push(true);
    return this;
  }

  private JsonWriter end(char bracket) {
    empty.pop();
    newLine();
    text.append(bracket);
    return this;
  }

  private void separate() {
    if (empty.isEmpty()) {
      return;
    }
    if (!empty.pop()) {
      text.append(',');
    }
    empty.push(false);
    newLine();
  }

  private void newLine() {
    text.append('\n').append("    ".repeat(empty.size()));
  }

  private void quote(String value) {
    text.append('"');
    value.codePoints().forEach(this::appendEscaped);
    text.append('"');
  }

  private void appendEscaped(int codePoint) {
    switch (codePoint) {
      case '"' -> text.append("\\\"");
      case '\\' -> text.append("\\\\");
      case '\b' -> text.append("\\b");
      case '\f' -> text.append("\\f");
      case '\n' -> text.append("\\n");
      case '\r' -> text.append("\\r");
      case '\t' -> text.append("\\t");
      default -> {
        if (codePoint >= 0x20 && codePoint < 0x7f) {
          text.append((char) codePoint);
        } else if (codePoint >= Character.MIN_SURROGATE && codePoint <= Character.MAX_SURROGATE) {
          text.append("\\uFFFD");
        } else {
          for (char unit : Character.toChars(codePoint)) {
            text.append(String.format("\\u%04X", (int) unit));
          }
        }
      }
    }
  }
}
