package io.github.qcow2.cli;

import io.github.qcow2.cli.GetoptLong.LongOption;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** {@code convert}: reads the command line of a conversion. {@link ConvertJob} does the work. */
final class ConvertCommand {
  private static final int TARGET_IS_ZERO = CommandOptions.FIRST_OWN;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 1;

  private static final int COMPRESSION_LEVEL = CommandOptions.FIRST_OWN + 3;

  private static final int SECTOR = 512;
  private static final int MAX_SPARSE_SIZE = 16 << 20;
  private static final int MAX_COROUTINES = 16;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          CommandOptions.refused("object", true),
          CommandOptions.refused("source-image-opts", false),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force-share", 'U'),
          CommandOptions.refused("target-image-opts", false),
          CommandOptions.refused("salvage", false),
          LongOption.flag("target-is-zero", TARGET_IS_ZERO),
          CommandOptions.refused("bitmaps", false),
          CommandOptions.refused("skip-broken-bitmaps", false),
          LongOption.flag("untrusted", UNTRUSTED),
          LongOption.withArgument("compression-level", COMPRESSION_LEVEL));

  private ConvertCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    // -m and -W choose how qemu-img schedules its requests; here that is not for the user to say.
    CommandOptions options =
        new CommandOptions(console, arguments, "cf:O:B:F:o:l:S:pt:T:qnm:WUC", "r:", LONG_OPTIONS);
    ConvertJob job = new ConvertJob(console);
    String targetFormat = "raw";
    String optionList = null;
    String backingFile = null;
    String backingFormat = null;
    boolean compresses = false;
    boolean offloads = false;
    boolean looksForZeros = false;
    boolean showProgress = false;
    boolean quiet = false;
    boolean skipCreate = false;
    boolean targetIsZero = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      String argument = options.hasArgument() ? options.argument() : "";
      switch (option) {
        case 'c' -> {
          job.compress();
          compresses = true;
        }
        case 'C' -> offloads = true;
        case 'f' -> job.sourceFormat(argument);
        case 'O' -> targetFormat = argument;
        case 'B' -> backingFile = argument;
        case 'F' -> backingFormat = argument;
        case 'o' -> optionList = OptionList.append(optionList, argument);
        case 'l' -> job.snapshot(SnapshotName.parse(console, argument));
        case 'S' -> {
          job.sparseBytes(sparseBytes(console, argument));
          looksForZeros = true;
        }
        case 'p' -> showProgress = true;
        case 't' -> job.targetCache(argument);
        case 'T' -> CommandOptions.requireCacheMode("source cache", argument);
        case 'q' -> quiet = true;
        case 'n' -> skipCreate = true;
        case 'm' -> requireCoroutines(argument);
        case 'W' -> {}
        case 'U' -> job.opener().forceShare();
        case TARGET_IS_ZERO -> targetIsZero = true;
        case UNTRUSTED -> job.opener().untrusted();
        case COMPRESSION_LEVEL -> job.compressionLevel(compressionLevel(argument));
        default -> throw new IllegalStateException();
      }
    }
    if (skipCreate && optionList != null) {
      throw new CommandException("-o has no effect when skipping image creation");
    }
    ImageFormat format = ImageFormat.named(targetFormat);
    if (OptionList.asksForHelp(optionList)) {
      boolean named = !options.operands().isEmpty();
      console.raw(CreateOptions.help(knownFormat(format, targetFormat), named));
      return 0;
    }
    if (targetIsZero && !skipCreate) {
      throw new CommandException("--target-is-zero requires use of -n flag");
    }
    if (offloads && (compresses || looksForZeros)) {
      throw new CommandException(
          "Cannot enable copy offloading when -" + (compresses ? 'c' : 'S') + " is used");
    }
    job.offload(offloads);
    List<String> names = options.operands();
    if (names.size() < 2) {
      throw new CommandException("Must specify image file name");
    }
    job.progress(showProgress && !quiet);
    job.files(names.subList(0, names.size() - 1), names.get(names.size() - 1));
    if (skipCreate) {
      job.intoExisting(targetFormat, targetIsZero, backingFile != null);
    } else {
      job.intoNew(
          newImage(
              console, knownFormat(format, targetFormat), optionList, backingFile, backingFormat));
    }
    return job.run();
  }

  private static ImageFormat knownFormat(@Nullable ImageFormat format, String name)
      throws CommandException {
    if (format == null) {
      throw new CommandException("Unknown file format '" + name + "'");
    }
    return format;
  }

  private static CreateOptions newImage(
      Console console,
      ImageFormat format,
      @Nullable String optionList,
      @Nullable String backingFile,
      @Nullable String backingFormat)
      throws CommandException {
    CreateOptions options = new CreateOptions(console, format);
    options.set(OptionList.parse(optionList));
    options.setBacking(backingFile, backingFormat);
    if (options.get(CreateOptions.BACKING_FILE) != null
        && options.get(CreateOptions.BACKING_FORMAT) == null) {
      throw new CommandException("Use of backing file requires explicit backing format");
    }
    return options;
  }

  private static int sparseBytes(Console console, String text) throws CommandException {
    long bytes = ByteSize.require(console, "buffer size for sparse output", text);
    if (bytes % SECTOR != 0 || bytes > MAX_SPARSE_SIZE) {
      throw new CommandException(
          "Invalid buffer size for sparse output specified. Valid sizes are multiples of "
              + SECTOR
              + " up to "
              + MAX_SPARSE_SIZE
              + ". Select 0 to disable sparse detection (fully allocates output).");
    }
    return (int) bytes;
  }

  private static int compressionLevel(String text) throws CommandException {
    try {
      int level = Integer.parseInt(text);
      if (level > 0) {
        return level;
      }
    } catch (NumberFormatException e) {
      // Reported below.
    }
    throw new CommandException("Invalid compression level '" + text + "'");
  }

  private static void requireCoroutines(String text) throws CommandException {
    try {
      int number = Integer.decode(text);
      if (number >= 1 && number <= MAX_COROUTINES) {
        return;
      }
    } catch (NumberFormatException e) {
      // Reported below.
    }
    throw new CommandException(
        "Invalid number of coroutines. Allowed number of coroutines is between 1 and "
            + MAX_COROUTINES);
  }
}
