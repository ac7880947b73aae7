package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Preallocation;
import io.github.qcow2.RawImage;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.IOException;
import java.util.List;

/** {@code resize}: makes a disk larger or smaller. */
final class ResizeCommand {
  private static final int PREALLOCATION = CommandOptions.FIRST_OWN;
  private static final int SHRINK = CommandOptions.FIRST_OWN + 1;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 2;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.withArgument("preallocation", PREALLOCATION),
          LongOption.flag("shrink", SHRINK),
          LongOption.flag("untrusted", UNTRUSTED));

  private ResizeCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    if (arguments.size() < 2) {
      throw CommandException.usage(console, "Not enough arguments");
    }
    // The last argument is the size, so that one that begins with a minus is no option.
    String size = arguments.get(arguments.size() - 1);
    CommandOptions options =
        new CommandOptions(
            console, arguments.subList(0, arguments.size() - 1), "f:q", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String format = null;
    Preallocation preallocation = Preallocation.OFF;
    boolean quiet = false;
    boolean shrinks = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> format = options.argument();
        case 'q' -> quiet = true;
        case PREALLOCATION -> preallocation = DiskResize.requireMode(options.argument());
        case SHRINK -> shrinks = true;
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    List<String> operands = options.operands();
    if (operands.size() != 1) {
      throw CommandException.usage(console, "Expecting image file name and size");
    }
    char sign = size.isEmpty() ? '=' : size.charAt(0);
    boolean relative = sign == '+' || sign == '-';
    long bytes = CreateOptions.size(console, "size", relative ? size.substring(1) : size);
    String filename = operands.get(0);
    try (BlockDevice device = opener.openForCommand(filename, format, true)) {
      if (format == null && device instanceof RawImage) {
        DiskOpener.warnOfGuess(console, filename);
      }
      long now = device.size();
      long wanted = relative ? now + (sign == '+' ? bytes : -bytes) : bytes;
      requirePossible(console, now, wanted, preallocation, shrinks);
      DiskResize.resize(device, wanted, preallocation);
    } catch (IOException e) {
      throw new CommandException(DiskResize.reason(e));
    }
    if (!quiet) {
      console.line("Image resized.");
    }
    return 0;
  }

  private static void requirePossible(
      Console console, long now, long wanted, Preallocation preallocation, boolean shrinks)
      throws CommandException {
    if (wanted <= 0) {
      throw new CommandException("New image size must be positive");
    }
    if (wanted <= now && preallocation != Preallocation.OFF) {
      throw new CommandException("Preallocation can only be used for growing images");
    }
    if (wanted < now && !shrinks) {
      console.error("Use the --shrink option to perform a shrink operation.");
      throw new CommandException(
          "warning: Shrinking an image will delete all data beyond the shrunken image's end. Before"
              + " performing such an operation, make sure there is no important data there.");
    }
  }
}
