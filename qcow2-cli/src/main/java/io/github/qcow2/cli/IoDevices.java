package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.RamOverlay;
import io.github.qcow2.storage.LockMode;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Opens the devices that {@code io} works on, all in the way the command line asked for. Not
 * thread-safe.
 */
final class IoDevices {
  private final Console console;
  private final DiskOpener opener;
  private final @Nullable String format;
  private boolean readOnly;
  private final boolean snapshot;
  private boolean ignoresDiscard;
  private @Nullable BlockDevice base;
  private boolean guessedRaw;
  private ReopenOptions options = new ReopenOptions();
  private ImageFormat openFormat = ImageFormat.RAW;

  /**
   * Remembers what was asked for.
   *
   * @param format the format of the images, or null to probe
   * @param snapshot whether changes go to memory and are lost in the end
   * @param ignoresDiscard whether discards change nothing
   */
  IoDevices(
      Console console,
      DiskOpener opener,
      @Nullable String format,
      boolean readOnly,
      boolean snapshot,
      boolean ignoresDiscard) {
    this.console = console;
    this.opener = opener;
    this.format = format;
    this.readOnly = readOnly;
    this.snapshot = snapshot;
    this.ignoresDiscard = ignoresDiscard;
  }

  boolean ignoresDiscard() {
    return ignoresDiscard;
  }

  /** Whether the device opened last is raw only because nothing said otherwise. */
  boolean guessedRaw() {
    return guessedRaw;
  }

  BlockDevice open(String filename) throws OpenFailure {
    if (opener.locking() == LockMode.OFF && !readOnly && !snapshot) {
      throw new OpenFailure("force-share=on can only be used with read-only images");
    }
    ImageFormat known = opener.format(filename, format);
    openFormat = known;
    guessedRaw = format == null && known == ImageFormat.RAW && !readOnly;
    boolean inMemory = snapshot && !readOnly;
    BlockDevice device = opener.open(filename, known, !readOnly && !snapshot);
    if (guessedRaw) {
      DiskOpener.warnOfGuess(console, filename);
    }
    if (!inMemory) {
      return device;
    }
    base = device;
    return RamOverlay.over(device, Runtime.getRuntime().maxMemory() / 2);
  }

  /**
   * Opens a device again that has just been closed, in another way.
   *
   * @param options what is different
   */
  BlockDevice reopen(String filename, ReopenOptions options) throws OpenFailure {
    this.options = options;
    readOnly = !options.isWritable();
    opener.durability(options.durability());
    ignoresDiscard = options.ignoresDiscard();
    opener.imageOptions(options);
    if (opener.locking() == LockMode.OFF && !readOnly) {
      throw new OpenFailure("force-share=on can only be used with read-only images");
    }
    try {
      return opener.open(filename, openFormat, !readOnly);
    } catch (IllegalArgumentException e) {
      throw new OpenFailure(String.valueOf(e.getMessage()));
    }
  }

  /** How the device is open now, as far as it can be opened otherwise. */
  ReopenOptions options() {
    ReopenOptions now = options.copy();
    now.setWritable(!readOnly);
    now.setDurability(opener.durability());
    now.setIgnoresDiscard(ignoresDiscard);
    return now;
  }

  /** Whether what has been written so far would be lost, or logged anew, by opening again. */
  boolean opensOnlyOnce() {
    return base != null || opener.logsWrites();
  }

  /** Closes what lies below the device that was opened; call it once that is closed. */
  void closeBase() throws IOException {
    BlockDevice below = base;
    base = null;
    if (below != null) {
      below.close();
    }
  }
}
