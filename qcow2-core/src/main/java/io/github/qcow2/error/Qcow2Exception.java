package io.github.qcow2.error;

import java.io.IOException;
import java.io.Serial;
import org.jspecify.annotations.Nullable;

/**
 * The root of what this library throws about an image, as opposed to what the host's file system
 * throws about a file.
 *
 * <p>The message reads {@code image: rule} or {@code image: offset 0x…: rule}, so that a log line
 * is enough to find the place with a hex editor.
 */
public abstract class Qcow2Exception extends IOException {
  @Serial private static final long serialVersionUID = 1L;

  /** What {@link #offset()} gives when no single place in the file is at fault. */
  public static final long NO_OFFSET = -1;

  private final String image;
  private final long offset;
  private final String rule;

  Qcow2Exception(String image, long offset, String rule, @Nullable Throwable cause) {
    super(
        offset == NO_OFFSET
            ? image + ": " + rule
            : image + ": offset 0x" + Long.toHexString(offset) + ": " + rule,
        cause);
    this.image = image;
    this.offset = offset;
    this.rule = rule;
  }

  /** The image as the caller named it: usually a path. */
  public final String image() {
    return image;
  }

  /** The byte offset in the host file that is at fault, or {@link #NO_OFFSET}. */
  public final long offset() {
    return offset;
  }

  /** What is wrong there, or what was refused and why. */
  public final String rule() {
    return rule;
  }
}
