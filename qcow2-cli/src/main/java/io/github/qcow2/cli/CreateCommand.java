package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/** {@code create}: makes an image. */
final class CreateCommand {
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(CommandOptions.refused("object", true), LongOption.flag("untrusted", UNTRUSTED));

  private CreateCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "F:b:f:o:qu", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String formatName = "raw";
    String optionList = null;
    String backingFile = null;
    String backingFormat = null;
    boolean quiet = false;
    boolean unchecked = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'F' -> backingFormat = options.argument();
        case 'b' -> backingFile = options.argument();
        case 'f' -> formatName = options.argument();
        case 'o' -> optionList = OptionList.append(optionList, options.argument());
        case 'q' -> quiet = true;
        case 'u' -> unchecked = true;
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    ImageFormat format = ImageFormat.named(formatName);
    if (OptionList.asksForHelp(optionList)) {
      if (format == null) {
        throw new CommandException("Unknown file format '" + formatName + "'");
      }
      console.raw(CreateOptions.help(format, !options.operands().isEmpty()));
      return 0;
    }
    List<String> operands = options.operands();
    if (operands.isEmpty()) {
      throw CommandException.usage(console, "Expecting image file name");
    }
    String filename = operands.get(0);
    OptionalLong size = OptionalLong.empty();
    if (operands.size() > 1) {
      size = OptionalLong.of(ByteSize.require(console, "image size", operands.get(1)));
    }
    if (operands.size() > 2) {
      throw CommandException.usage(console, "Unexpected argument: " + operands.get(2));
    }
    try {
      if (format == null) {
        throw new CommandException("Unknown file format '" + formatName + "'");
      }
      if (FileName.hasProtocol(filename)) {
        FileName.path(filename);
      }
      CreateOptions image = new CreateOptions(console, format);
      image.set(OptionList.parse(optionList));
      image.setBacking(backingFile, backingFormat);
      long bytes = size(filename, image, size, opener, unchecked);
      if (!quiet) {
        console.line(image.announcement(filename));
      }
      if (unchecked) {
        NewImage.createUnchecked(filename, image, bytes, opener);
      } else {
        NewImage.create(filename, image, bytes, opener).device().close();
      }
      return 0;
    } catch (CommandException e) {
      throw e.prefixed(filename + ": ");
    } catch (OpenFailure e) {
      throw new CommandException(filename + ": " + e.reason());
    } catch (IOException e) {
      throw new CommandException(filename + ": " + HostErrors.reason(e));
    }
  }

  /** The size of the disk, from wherever it was given, after a look at the backing file. */
  private static long size(
      String filename,
      CreateOptions image,
      OptionalLong given,
      DiskOpener opener,
      boolean unchecked)
      throws CommandException {
    if (given.isPresent() && image.size().isPresent()) {
      throw new CommandException("The image size must be specified only once");
    }
    if (given.isPresent()) {
      image.set("size", Long.toString(given.getAsLong()));
    }
    String backingFile = image.get(CreateOptions.BACKING_FILE);
    if (backingFile != null) {
      long backingSize = backingSize(filename, image, backingFile, opener, unchecked);
      if (image.size().isEmpty() && !unchecked) {
        image.set("size", Long.toString(backingSize));
      }
    }
    if (image.size().isEmpty()) {
      throw new CommandException("Image creation needs a size parameter");
    }
    return image.size().getAsLong();
  }

  /** The size of the backing file's disk, or 0 if it is not to be looked at. */
  private static long backingSize(
      String filename,
      CreateOptions image,
      String backingFile,
      DiskOpener opener,
      boolean unchecked)
      throws CommandException {
    if (backingFile.isEmpty()) {
      throw new CommandException("Expected backing file name, got empty string");
    }
    if (backingFile.equals(filename)) {
      throw new CommandException(
          "Error: Trying to create an image with the same filename as the backing file");
    }
    String format = image.get(CreateOptions.BACKING_FORMAT);
    String missing = "Backing file specified without backing format";
    if (unchecked) {
      if (format == null) {
        throw new CommandException(missing);
      }
      return 0;
    }
    String resolved = resolve(filename, backingFile);
    try {
      ImageFormat known = opener.format(resolved, format);
      if (format == null) {
        throw new CommandException(
            1, missing, List.of("Detected format of " + known.formatName() + "."));
      }
      try (BlockDevice backing = opener.open(resolved, known, false)) {
        return backing.size();
      }
    } catch (OpenFailure e) {
      throw new CommandException(1, e.reason(), List.of("Could not open backing image."));
    } catch (IOException e) {
      throw new CommandException(HostErrors.reason(e));
    }
  }

  /** A relative name is relative to the directory of the new image. */
  private static String resolve(String filename, String backingFile) {
    if (FileName.hasProtocol(backingFile)) {
      return backingFile;
    }
    return Path.of(filename).resolveSibling(backingFile).toString();
  }
}
