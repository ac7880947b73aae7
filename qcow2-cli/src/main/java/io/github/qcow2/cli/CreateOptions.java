package io.github.qcow2.cli;

import io.github.qcow2.cli.OptionList.Setting;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * What {@code -o} and the options beside it say about an image to be made. Values are checked in
 * two steps, as qemu-img does it: each by itself when it is given, and all together in {@link
 * Qcow2Settings} once the line that announces the image has been printed. Not thread-safe.
 */
final class CreateOptions {
  static final String BACKING_FILE = "backing_file";
  static final String BACKING_FORMAT = "backing_fmt";
  static final String PREALLOCATION = "preallocation";

  private static final String OFF = "off";

  /** Advice to some file systems, btrfs and XFS, which Java cannot pass on. */
  private static final String NOCOW = "nocow";

  private static final String EXTENT_SIZE_HINT = "extent_size_hint";

  private enum Type {
    SIZE("<size>"),
    NUMBER("<num>"),
    SWITCH("<bool (on/off)>"),
    TEXT("<str>");

    private final String placeholder;

    Type(String placeholder) {
      this.placeholder = placeholder;
    }
  }

  /** An option. The order of a format's options is that of the announcement. */
  private record Option(String name, Type type, @Nullable String initial, String description) {}

  private static final List<Option> QCOW2 =
      List.of(
          new Option("cluster_size", Type.SIZE, "65536", "Size of a cluster"),
          new Option("extended_l2", Type.SWITCH, OFF, "Allocate in subclusters"),
          new Option(
              PREALLOCATION,
              Type.TEXT,
              null,
              "What is allocated at once: off, metadata, falloc or full"),
          new Option("compression_type", Type.TEXT, "zlib", "How clusters are compressed"),
          new Option("size", Type.SIZE, null, "Size of the disk"),
          new Option("compat", Type.TEXT, null, "Version of the format: v2 (0.10) or v3 (1.1)"),
          new Option(BACKING_FILE, Type.TEXT, null, "Image below this one"),
          new Option(BACKING_FORMAT, Type.TEXT, null, "Format of the image below"),
          new Option("data_file", Type.TEXT, null, "External file for the guest's data"),
          new Option("data_file_raw", Type.SWITCH, null, "Keep the data file valid as raw image"),
          new Option("lazy_refcounts", Type.SWITCH, OFF, "Let refcounts lag behind"),
          new Option("refcount_bits", Type.NUMBER, "16", "Width of a refcount in bits"),
          new Option(NOCOW, Type.SWITCH, null, "Without effect"),
          new Option(EXTENT_SIZE_HINT, Type.SIZE, null, "Without effect"));

  private static final List<Option> RAW =
      List.of(
          new Option("size", Type.SIZE, null, "Size of the disk"),
          new Option(
              PREALLOCATION, Type.TEXT, null, "What is allocated at once: off, falloc or full"),
          new Option(NOCOW, Type.SWITCH, null, "Without effect"),
          new Option(EXTENT_SIZE_HINT, Type.SIZE, null, "Without effect"));

  /** Options of qemu-img that are refused by name rather than as unknown. */
  private static final List<String> REFUSED_PREFIXES = List.of("encrypt.", "encryption");

  private final Console console;
  private final ImageFormat format;
  private final Map<String, String> values = new HashMap<>();

  CreateOptions(Console console, ImageFormat format) {
    this.console = console;
    this.format = format;
    for (Option option : options(format)) {
      if (option.initial() != null) {
        values.put(option.name(), option.initial());
      }
    }
  }

  ImageFormat format() {
    return format;
  }

  /** Takes over the settings of an {@code -o} list. */
  void set(List<Setting> settings) throws CommandException {
    for (Setting setting : settings) {
      set(setting.key(), setting.value());
    }
  }

  /** Takes over one setting, in place of an earlier one of that name. */
  void set(String name, String value) throws CommandException {
    Option option = find(name);
    values.put(
        name,
        switch (option.type()) {
          case SIZE -> Long.toString(size(console, name, value));
          case NUMBER -> Long.toString(number(name, value));
          case SWITCH -> {
            isOn(name, value);
            yield value;
          }
          case TEXT -> value;
        });
  }

  /**
   * Takes over what {@code -b} (or {@code -B}) and {@code -F} say, in place of settings in the
   * list.
   *
   * @throws CommandException if images of the format have no backing file
   */
  void setBacking(@Nullable String file, @Nullable String fileFormat) throws CommandException {
    if (file != null) {
      requireBackingSupport("Backing file");
      set(BACKING_FILE, file);
    }
    if (fileFormat != null) {
      requireBackingSupport("Backing file format");
      set(BACKING_FORMAT, fileFormat);
    }
  }

  private void requireBackingSupport(String what) throws CommandException {
    if (format != ImageFormat.QCOW2) {
      throw new CommandException(
          what + " not supported for file format '" + format.formatName() + "'");
    }
  }

  @Nullable String get(String name) {
    return values.get(name);
  }

  /** The size of the disk, if one was given. */
  OptionalLong size() {
    String value = values.get("size");
    return value == null ? OptionalLong.empty() : OptionalLong.of(Long.parseLong(value));
  }

  boolean hasDataFile() {
    return values.get("data_file") != null;
  }

  /** Whether anything is to be allocated at once. */
  boolean preallocates() {
    String mode = values.get(PREALLOCATION);
    return mode != null && !mode.equals(OFF);
  }

  boolean isOn(String name) throws CommandException {
    String value = values.get(name);
    return value != null && isOn(name, value);
  }

  long getNumber(String name) {
    return Long.parseLong(values.getOrDefault(name, "0"));
  }

  /** The line that announces the image, with every option that has a value. */
  String announcement(String filename) {
    StringBuilder line = new StringBuilder("Formatting '" + filename + "', fmt=");
    line.append(format.formatName());
    for (Option option : options(format)) {
      String value = values.get(option.name());
      if (value != null) {
        line.append(' ').append(option.name()).append('=').append(value.replace(",", ",,"));
      }
    }
    return line.toString();
  }

  /**
   * What {@code -o help} prints.
   *
   * @param fileNamed whether the file is named to which some options belong rather than to the
   *     format
   */
  static String help(ImageFormat format, boolean fileNamed) {
    StringBuilder lines =
        new StringBuilder(
            "Supported " + (fileNamed ? "" : format.formatName() + " ") + "options:\n");
    options(format).stream()
        .filter(option -> fileNamed || !isOfTheFile(format, option.name()))
        .sorted((a, b) -> a.name().compareTo(b.name()))
        .forEach(
            option ->
                lines.append(
                    String.format(
                        "  %-22s - %s\n",
                        option.name() + "=" + option.type().placeholder, option.description())));
    if (!fileNamed) {
      lines.append(
          """

          The protocol level may support further options.
          Specify the target filename to include those options.
          """);
    }
    return lines.toString();
  }

  /** Whether QEMU leaves an option to what makes the file. */
  private static boolean isOfTheFile(ImageFormat format, String name) {
    return name.equals(NOCOW)
        || name.equals(EXTENT_SIZE_HINT)
        || (format == ImageFormat.RAW && name.equals(PREALLOCATION));
  }

  private static List<Option> options(ImageFormat format) {
    return format == ImageFormat.QCOW2 ? QCOW2 : RAW;
  }

  private Option find(String name) throws CommandException {
    for (Option option : options(format)) {
      if (option.name().equals(name)) {
        return option;
      }
    }
    for (String prefix : REFUSED_PREFIXES) {
      if (name.startsWith(prefix)) {
        throw new CommandException("Option '" + name + "' is not supported");
      }
    }
    throw new CommandException("Invalid parameter '" + name + "'");
  }

  /** The bytes that the value of an option stands for. */
  static long size(Console console, String name, String value) throws CommandException {
    ByteSize size = ByteSize.parse(value);
    return switch (size.status()) {
      case VALID -> {
        size.warnIfDeprecated(console, value);
        yield size.bytes();
      }
      case TOO_LARGE ->
          throw new CommandException(
              "Value '" + value + "' is out of range for parameter '" + name + "'");
      case NOT_A_SIZE ->
          throw new CommandException(
              1,
              "Parameter '" + name + "' expects a non-negative number below 2^64",
              List.of(
                  "Optional suffix k, M, G, T, P or E means kilo-, mega-, giga-, tera-, peta-",
                  "and exabytes, respectively."));
    };
  }

  /** The number that the value of an option is. */
  static long number(String name, String value) throws CommandException {
    try {
      if (!value.contains("#")) {
        return Long.decode(value);
      }
    } catch (NumberFormatException e) {
      // Reported below.
    }
    throw new CommandException("Parameter '" + name + "' expects a number");
  }

  /** Whether the value of an option is one of the words for on rather than off. */
  static boolean isOn(String name, String value) throws CommandException {
    return switch (value) {
      case "on", "yes", "true", "y" -> true;
      case OFF, "no", "false", "n" -> false;
      default -> throw new CommandException("Parameter '" + name + "' expects 'on' or 'off'");
    };
  }
}
