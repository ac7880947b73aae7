package io.github.qcow2.cli;

import io.github.qcow2.ImageAmender;
import io.github.qcow2.ImageInfo;
import io.github.qcow2.Qcow2Image;
import io.github.qcow2.cli.OptionList.Setting;
import io.github.qcow2.format.Header;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * What {@code -o} of {@code amend} says about an image that exists. Values are checked by
 * themselves when they are set, and beside the image in {@link #amender}; what takes a look at more
 * than the header is left to the library. Not thread-safe.
 */
final class AmendOptions {
  private static final int MAX_REFCOUNT_BITS = 64;
  private static final int VERSION_2_REFCOUNT_BITS = 16;
  private static final long SECTOR = 512;

  /** Options that exist when an image is made, but are not for changing. */
  private static final List<String> CREATION_ONLY =
      List.of(
          "cluster_size",
          "compression_type",
          "encrypt.cipher-alg",
          "encrypt.cipher-mode",
          "encrypt.format",
          "encrypt.hash-alg",
          "encrypt.ivgen-alg",
          "encrypt.ivgen-hash-alg",
          "encrypt.key-secret",
          "encryption",
          "extended_l2",
          "extent_size_hint",
          "nocow",
          "preallocation");

  private final Console console;
  private final Header header;
  private final Map<String, String> values = new TreeMap<>();

  AmendOptions(Console console, ImageInfo image) {
    this.console = console;
    this.header = image.header();
  }

  /** What {@code -o help} prints. */
  static String help() {
    return """
        Amend options for 'qcow2':
          backing_file=<str>     - Cannot be changed
          backing_fmt=<str>      - Cannot be changed
          compat=<str>           - Version of the format: v2 (0.10) or v3 (1.1)
          data_file=<str>        - External file for the guest's data, where there is one
          data_file_raw=<bool (on/off)> - Keep the data file valid as raw image; can only be ended
          lazy_refcounts=<bool (on/off)> - Let refcounts lag behind
          refcount_bits=<num>    - Width of a refcount in bits
          size=<size>            - Size of the disk
        """;
  }

  /** Takes over the settings of an {@code -o} list. */
  void set(List<Setting> settings) throws CommandException {
    for (Setting setting : settings) {
      String name = setting.key();
      String value = setting.value();
      values.put(
          name,
          switch (name) {
            case "compat", "backing_file", "backing_fmt", "data_file" -> value;
            case "size" -> Long.toString(CreateOptions.size(console, name, value));
            case "refcount_bits" -> Long.toString(CreateOptions.number(name, value));
            case "lazy_refcounts", "data_file_raw" ->
                CreateOptions.isOn(name, value) ? "on" : "off";
            default -> throw unknown(name);
          });
    }
  }

  private static CommandException unknown(String name) {
    if (CREATION_ONLY.contains(name)) {
      return new CommandException(
          1,
          "Invalid parameter '" + name + "'",
          List.of("This option is only supported for image creation"));
    }
    return new CommandException(
        name.startsWith("encrypt.")
            ? "Option '" + name + "' is not supported"
            : "Invalid parameter '" + name + "'");
  }

  /**
   * What makes the changes.
   *
   * @throws CommandException if the image cannot be changed in that way
   */
  ImageAmender amender(String filename) throws CommandException {
    int version = version(values.get("compat"));
    requireSameBacking();
    ImageAmender amender;
    try {
      amender = Qcow2Image.amend(FileName.path(filename));
    } catch (OpenFailure e) {
      throw e.ending("");
    }
    amendRefcounts(amender, version);
    amendDataFile(amender);
    String size = values.get("size");
    if (size != null) {
      long bytes = Long.parseLong(size);
      if (bytes % SECTOR != 0) {
        throw new CommandException("The new size must be a multiple of " + SECTOR);
      }
      // To QEMU, too, no size and a size of nothing are the same.
      if (bytes != 0) {
        amender.size(bytes).permitShrinking();
      }
    }
    if (values.containsKey("compat")) {
      amender.version(version);
    }
    return amender;
  }

  private int version(@Nullable String compat) throws CommandException {
    if (compat == null) {
      return header.version();
    }
    return switch (compat) {
      case "v2", "0.10" -> 2;
      case "v3", "1.1" -> 3;
      default -> throw new CommandException("Unknown compatibility level " + compat);
    };
  }

  private void requireSameBacking() throws CommandException {
    String file = values.get("backing_file");
    String format = values.get("backing_fmt");
    if ((file != null || format != null)
        && !(Objects.equals(file, header.backingFile())
            && Objects.equals(format, header.backingFormat()))) {
      throw new CommandException(
          1, "Cannot amend the backing file", List.of("You can use 'qemu-img rebase' instead."));
    }
  }

  private void amendRefcounts(ImageAmender amender, int version) throws CommandException {
    String needsVersion3 = " compatibility level 1.1 ";
    boolean lazy = "on".equals(values.get("lazy_refcounts"));
    String given = values.get("refcount_bits");
    int present = header.geometry().refcountBits();
    long bits = given == null ? present : Long.parseLong(given);
    if (Long.bitCount(bits) != 1 || bits < 0 || bits > MAX_REFCOUNT_BITS) {
      throw new CommandException(
          "Refcount width must be a power of two and may not exceed 64 bits");
    }
    if (version < 3 && bits != VERSION_2_REFCOUNT_BITS) {
      throw new CommandException(
          given == null
              ? "compat=0.10 requires refcount_bits=" + VERSION_2_REFCOUNT_BITS
              : "Refcount widths other than "
                  + VERSION_2_REFCOUNT_BITS
                  + " bits require"
                  + needsVersion3
                  + "or above (use compat=1.1 or greater)");
    }
    if (given != null) {
      amender.refcountBits((int) bits);
    }
    if (lazy && !header.hasLazyRefcounts() && version < 3) {
      throw new CommandException(
          "Lazy refcounts only supported with"
              + needsVersion3
              + "and above (use compat=1.1 or greater)");
    }
    // A version 2 image has none, and loses them when it becomes one.
    if (values.containsKey("lazy_refcounts") && version >= 3) {
      amender.lazyRefcounts(lazy);
    }
  }

  private void amendDataFile(ImageAmender amender) throws CommandException {
    String dataFile = values.get("data_file");
    if (dataFile != null) {
      if (!header.hasDataFile()) {
        throw new CommandException(
            "data-file can only be set for images that use an external data file");
      }
      amender.dataFile(dataFile);
    }
    String raw = values.get("data_file_raw");
    if ("on".equals(raw) && !header.hasRawDataFile()) {
      throw new CommandException("data-file-raw cannot be set on existing images");
    }
    if ("off".equals(raw) && header.hasRawDataFile()) {
      amender.rawDataFile(false);
    }
  }
}
