package io.github.qcow2.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads the arguments of {@code io} commands: sizes, pattern bytes and pattern files. */
final class IoArguments {
  /** The most bytes of one request: what fits an {@code int} and is whole sectors. */
  static final long MAX_TRANSFER = Integer.MAX_VALUE / 512 * 512L;

  /** The most bytes of a pattern file that are used. */
  static final int MAX_PATTERN_FILE = 16 << 20;

  private IoArguments() {}

  /** A size or an offset in bytes. */
  static long size(String text) throws IoRefusal {
    ByteSize size = ByteSize.parse(text);
    return switch (size.status()) {
      case VALID -> size.bytes();
      case TOO_LARGE -> throw new IoRefusal("Parsing error: argument too large -- " + text);
      case NOT_A_SIZE ->
          throw new IoRefusal(
              "Parsing error: non-numeric argument, or extraneous/unrecognized suffix -- " + text);
    };
  }

  /** The length of one request. */
  static long length(String text) throws IoRefusal {
    return length(text, "");
  }

  /**
   * The length of one request.
   *
   * @param condition what qemu-io adds to the limit in its complaint
   */
  static long length(String text, String condition) throws IoRefusal {
    long length = size(text);
    if (length > MAX_TRANSFER) {
      throw new IoRefusal("length cannot exceed " + MAX_TRANSFER + condition + ", given " + text);
    }
    return length;
  }

  /** A byte, in decimal, octal after {@code 0}, or hexadecimal after {@code 0x}. */
  static byte pattern(String text) throws IoRefusal {
    try {
      int value = Integer.decode(text);
      if (value >= 0 && value <= 0xff && text.charAt(0) != '#') {
        return (byte) value;
      }
    } catch (NumberFormatException e) {
      // Reported below like a number out of range.
    }
    throw new IoRefusal(text + " is not a valid pattern byte");
  }

  /**
   * The bytes of a pattern file, which a write repeats.
   *
   * @param console where qemu-io has its complaints about the file
   * @throws IoRefusal without a message of its own, if the file cannot be read or is empty
   */
  static byte[] patternFile(Console console, String name) throws IoRefusal {
    byte[] pattern;
    try (InputStream in = Files.newInputStream(Path.of(name))) {
      pattern = in.readNBytes(MAX_PATTERN_FILE);
    } catch (IOException e) {
      console.errorLine(name + ": " + HostErrors.reason(e));
      throw new IoRefusal("");
    }
    if (pattern.length == 0) {
      console.errorLine(name + ": file is empty");
      throw new IoRefusal("");
    }
    return pattern;
  }
}
