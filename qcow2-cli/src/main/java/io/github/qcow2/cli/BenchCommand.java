package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Durability;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.IOException;
import java.util.List;
import java.util.Locale;

/** {@code bench}: measures how many requests a disk answers in a second, as qemu-img does. */
final class BenchCommand {
  private static final int DEFAULT_COUNT = 75_000;
  private static final int DEFAULT_DEPTH = 64;
  private static final int DEFAULT_BUFFER = 4096;

  private static final int FLUSH_INTERVAL = CommandOptions.FIRST_OWN;
  private static final int NO_DRAIN = CommandOptions.FIRST_OWN + 1;
  private static final int PATTERN = CommandOptions.FIRST_OWN + 2;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 3;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          CommandOptions.refused("image-opts", false),
          LongOption.withArgument("flush-interval", FLUSH_INTERVAL),
          LongOption.flag("no-drain", NO_DRAIN),
          LongOption.withArgument("pattern", PATTERN),
          LongOption.flag("force-share", 'U'),
          LongOption.flag("untrusted", UNTRUSTED));

  private BenchCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options =
        new CommandOptions(console, arguments, "c:d:f:i:no:qs:S:t:wU", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String format = null;
    String cache = "writeback";
    int count = DEFAULT_COUNT;
    int depth = DEFAULT_DEPTH;
    int buffer = DEFAULT_BUFFER;
    int step = 0;
    long offset = 0;
    int pattern = 0;
    int flushInterval = 0;
    boolean drains = true;
    boolean writes = false;
    boolean forced = false;
    boolean bypassesCache = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'c' -> count = number("request count", options.argument(), Integer.MAX_VALUE);
        case 'd' -> depth = depth(options.argument());
        case 'f' -> format = options.argument();
        case 'i' -> bypassesCache |= isNative(options.argument());
        case 'n' -> bypassesCache = true;
        case 'o' -> offset = ByteSize.require(console, "offset", options.argument());
        case 'q' -> {}
        case 's' -> buffer = size(console, "buffer size", options.argument());
        case 'S' -> step = size(console, "step_size", options.argument());
        case 't' -> cache = options.argument();
        case 'w' -> writes = true;
        case 'U' -> {
          opener.forceShare();
          forced = true;
        }
        case FLUSH_INTERVAL ->
            flushInterval = number("flush interval", options.argument(), Integer.MAX_VALUE);
        case NO_DRAIN -> drains = false;
        case PATTERN -> pattern = number("pattern byte", options.argument(), 0xff);
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    String filename = options.singleFilename();
    if (!writes && flushInterval != 0) {
      throw new CommandException("--flush-interval is only available in write tests");
    }
    if (flushInterval != 0 && flushInterval < depth) {
      throw new CommandException("Flush interval can't be smaller than depth");
    }
    opener.durability(cacheMode(cache));
    if (forced && writes) {
      throw new CommandException(
          "Could not open '"
              + filename
              + "': force-share=on can only be used with read-only images");
    }
    if (bypassesCache
        && !cache.equals("none")
        && !cache.equals("off")
        && !cache.equals("directsync")) {
      throw new CommandException(
          "Could not open '"
              + filename
              + "': aio=native was specified, but it requires cache.direct=on, which was not"
              + " specified.");
    }
    try (BlockDevice device = opener.openForCommand(filename, format, writes)) {
      BenchRun run =
          new BenchRun(
              device,
              new BenchRun.Load(
                  writes, count, depth, offset, buffer, step == 0 ? buffer : step, pattern),
              new BenchRun.Flushes(flushInterval, drains));
      announce(console, run.load(), run.flushes());
      long nanoseconds = run.run();
      console.line(String.format(Locale.ROOT, "Run completed in %.3f seconds.", nanoseconds / 1e9));
      return 0;
    } catch (IOException e) {
      DiskOpener.explain(console, e);
      throw new CommandException("Failed request: " + HostErrors.errorName(e));
    }
  }

  private static void announce(Console console, BenchRun.Load load, BenchRun.Flushes flushes) {
    console.line(
        String.format(
            Locale.ROOT,
            "Sending %d %s requests, %d bytes each, %d in parallel (starting at offset %d, step"
                + " size %d)",
            load.count(),
            load.writes() ? "write" : "read",
            load.bytes(),
            load.depth(),
            load.offset(),
            load.step()));
    if (flushes.interval() != 0) {
      console.line("Sending flush every " + flushes.interval() + " requests");
    }
    console.flush();
  }

  /** At least one, or nothing would ever be sent. */
  private static int depth(String text) throws CommandException {
    int depth = number("queue depth", text, Integer.MAX_VALUE);
    if (depth == 0) {
      throw new CommandException("Invalid queue depth specified");
    }
    return depth;
  }

  /** A number as C writes it: decimal, hexadecimal after 0x, octal after 0. */
  private static int number(String what, String text, int most) throws CommandException {
    if (text.matches("0[xX][0-9a-fA-F]{1,8}|[0-9]{1,12}")) {
      try {
        long number = Long.decode(text);
        if (number <= most) {
          return (int) number;
        }
      } catch (NumberFormatException e) {
        // An octal number with the digit 8 or 9.
      }
    }
    throw new CommandException("Invalid " + what + " specified");
  }

  private static int size(Console console, String what, String text) throws CommandException {
    long size = ByteSize.require(console, what, text);
    if (size > Integer.MAX_VALUE) {
      throw new CommandException(
          "Invalid " + what + " specified. Must be between 0 and " + Integer.MAX_VALUE + ".");
    }
    return (int) size;
  }

  private static Durability cacheMode(String mode) throws CommandException {
    try {
      return CommandOptions.cacheMode("cache", mode);
    } catch (CommandException e) {
      throw new CommandException("Invalid cache mode");
    }
  }

  private static boolean isNative(String interfaceName) throws CommandException {
    return switch (interfaceName) {
      case "threads", "io_uring" -> false;
      case "native" -> true;
      default -> throw new CommandException("Invalid aio option: " + interfaceName);
    };
  }
}
