package io.github.qcow2;

/** Names from inside an image, made safe for messages: an image must not talk to a terminal. */
final class Names {
  private Names() {}

  /** The name with every control character written as an escape. */
  static String printable(String name) {
    StringBuilder printable = new StringBuilder(name.length());
    name.codePoints()
        .forEach(
            c -> {
              if (Character.isISOControl(c) || !Character.isDefined(c)) {
                printable.append(String.format("\\u%04x", c));
              } else {
                printable.appendCodePoint(c);
              }
            });
    return printable.toString();
  }
}
