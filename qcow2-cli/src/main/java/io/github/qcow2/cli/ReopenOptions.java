package io.github.qcow2.cli;

import io.github.qcow2.DiscardCause;
import io.github.qcow2.Durability;
import io.github.qcow2.ImageOpener;
import io.github.qcow2.OverlapCheck;
import io.github.qcow2.ZeroDetection;
import java.io.IOException;
import java.util.EnumSet;
import java.util.Locale;
import java.util.Set;
import java.util.TreeMap;
import java.util.function.Consumer;

/**
 * How an image is open, and in which other way it is to be opened: what the command {@code reopen}
 * of {@code io} does not mention stays as it is. Values are checked when they are set. Not
 * thread-safe.
 */
final class ReopenOptions {
  private boolean writable;
  private Durability durability = Durability.WRITEBACK;
  private boolean ignoresDiscard;
  private final EnumSet<DiscardCause> hostDiscard =
      EnumSet.of(DiscardCause.REQUEST, DiscardCause.SNAPSHOT);
  private final TreeMap<String, Consumer<ImageOpener>> settings = new TreeMap<>();

  ReopenOptions copy() {
    ReopenOptions copy = new ReopenOptions();
    copy.writable = writable;
    copy.durability = durability;
    copy.ignoresDiscard = ignoresDiscard;
    copy.hostDiscard.clear();
    copy.hostDiscard.addAll(hostDiscard);
    copy.settings.putAll(settings);
    return copy;
  }

  void setWritable(boolean writable) {
    this.writable = writable;
  }

  void setDurability(Durability durability) {
    this.durability = durability;
  }

  void setIgnoresDiscard(boolean ignores) {
    this.ignoresDiscard = ignores;
  }

  /** Whether the image is opened for writing. */
  boolean isWritable() {
    return writable;
  }

  /** When to flush. */
  Durability durability() {
    return durability;
  }

  /** Whether discards change nothing. */
  boolean ignoresDiscard() {
    return ignoresDiscard;
  }

  /**
   * Takes over one of QEMU's options for block devices.
   *
   * @param qcow2 whether the image is one, and not raw
   * @throws IOException if there is no such option here, or no such value
   */
  void set(String name, String value, boolean qcow2) throws IOException {
    if (name.equals("discard")) {
      ignoresDiscard =
          switch (value) {
            case "ignore", "off" -> true;
            case "unmap", "on" -> false;
            default -> throw unknown(name, value);
          };
      return;
    }
    if (!qcow2) {
      throw cannotChange(name);
    }
    // The causes are set together, by whichever option came last.
    settings.put(name.startsWith("pass-discard-") ? "pass-discard" : name, setting(name, value));
  }

  private Consumer<ImageOpener> setting(String name, String value) throws IOException {
    switch (name) {
      case "lazy-refcounts" -> {
        boolean on = isOn(name, value);
        return image -> image.lazyRefcounts(on);
      }
      case "overlap-check", "overlap-check.template" -> {
        OverlapCheck check = constant(OverlapCheck.class, name, value);
        return image -> image.overlapCheck(check);
      }
      case "detect-zeroes" -> {
        ZeroDetection detection = constant(ZeroDetection.class, name, value);
        return image -> image.detectZeroes(detection);
      }
      case "discard-no-unref" -> {
        boolean on = isOn(name, value);
        return image -> image.discardKeepsClusters(on);
      }
      case "pass-discard-request" -> {
        return causes(DiscardCause.REQUEST, isOn(name, value));
      }
      case "pass-discard-snapshot" -> {
        return causes(DiscardCause.SNAPSHOT, isOn(name, value));
      }
      case "pass-discard-other" -> {
        return causes(DiscardCause.OTHER, isOn(name, value));
      }
      case "cache-size" -> {
        long bytes = size(name, value);
        return image -> image.cacheSize(bytes);
      }
      case "l2-cache-size" -> {
        long bytes = size(name, value);
        return image -> image.l2CacheSize(bytes);
      }
      case "refcount-cache-size" -> {
        long bytes = size(name, value);
        return image -> image.refcountCacheSize(bytes);
      }
      case "l2-cache-entry-size" -> {
        int bytes = (int) Math.min(Integer.MAX_VALUE, size(name, value));
        return image -> image.cacheEntrySize(bytes);
      }
      default -> throw cannotChange(name);
    }
  }

  private Consumer<ImageOpener> causes(DiscardCause cause, boolean passed) {
    if (passed) {
      hostDiscard.add(cause);
    } else {
      hostDiscard.remove(cause);
    }
    Set<DiscardCause> causes = Set.copyOf(hostDiscard);
    return image -> image.hostDiscard(causes);
  }

  /**
   * Sets what was said about qcow2 images.
   *
   * @throws IllegalArgumentException if the options do not go together
   */
  void applyTo(ImageOpener image) {
    image.hostDiscard(
        ignoresDiscard
            ? EnumSet.of(DiscardCause.SNAPSHOT)
            : EnumSet.of(DiscardCause.REQUEST, DiscardCause.SNAPSHOT));
    settings.values().forEach(setting -> setting.accept(image));
  }

  private static boolean isOn(String name, String value) throws IOException {
    return switch (value) {
      case "on", "yes", "true", "y" -> true;
      case "off", "no", "false", "n" -> false;
      default -> throw new IOException("Parameter '" + name + "' expects 'on' or 'off'");
    };
  }

  private static long size(String name, String value) throws IOException {
    ByteSize size = ByteSize.parse(value);
    if (size.status() != ByteSize.Status.VALID) {
      throw new IOException("Parameter '" + name + "' expects a size");
    }
    return size.bytes();
  }

  private static <E extends Enum<E>> E constant(Class<E> type, String name, String value)
      throws IOException {
    for (E constant : type.getEnumConstants()) {
      if (constant.name().toLowerCase(Locale.ROOT).equals(value)) {
        return constant;
      }
    }
    throw unknown(name, value);
  }

  private static IOException unknown(String name, String value) {
    return new IOException("Parameter '" + name + "' does not accept value '" + value + "'");
  }

  private static IOException cannotChange(String name) {
    return new IOException("Cannot change the option '" + name + "'");
  }
}
