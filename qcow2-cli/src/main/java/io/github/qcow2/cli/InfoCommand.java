package io.github.qcow2.cli;

import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** {@code info}: says what an image is. Opens only the files it prints something about. */
final class InfoCommand {
  private static final int OUTPUT = CommandOptions.FIRST_OWN;
  private static final int BACKING_CHAIN = CommandOptions.FIRST_OWN + 1;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 2;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          LongOption.withArgument("format", 'f'),
          LongOption.withArgument("output", OUTPUT),
          LongOption.flag("backing-chain", BACKING_CHAIN),
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force-share", 'U'),
          LongOption.flag("untrusted", UNTRUSTED));

  private InfoCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "f:U", "", LONG_OPTIONS);
    String format = null;
    String output = "human";
    boolean chain = false;
    boolean untrusted = false;
    DiskOpener opener = new DiskOpener();
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> format = options.argument();
        case 'U' -> opener.forceShare();
        case OUTPUT -> output = options.argument();
        case BACKING_CHAIN -> chain = true;
        case UNTRUSTED -> untrusted = true;
        default -> throw new IllegalStateException();
      }
    }
    String filename = options.singleFilename();
    boolean json = CommandOptions.isJson(output);
    List<ImageSummary> images = collect(filename, format, chain, untrusted, opener);
    if (json) {
      console.raw(chain ? InfoJson.ofChain(images) : InfoJson.of(images.get(0)));
      return 0;
    }
    String separator = "";
    for (ImageSummary image : images) {
      console.raw(separator);
      InfoText.print(console, image);
      separator = "\n";
    }
    return 0;
  }

  private static List<ImageSummary> collect(
      String filename, @Nullable String format, boolean chain, boolean untrusted, DiskOpener opener)
      throws CommandException {
    List<ImageSummary> images = new ArrayList<>();
    Set<Path> seen = new HashSet<>();
    String next = filename;
    String nextFormat = format;
    while (next != null) {
      ImageSummary image = summary(next, nextFormat, opener);
      if (!seen.add(identity(image.filename()))) {
        throw new CommandException("Backing file '" + next + "' creates an infinite loop.");
      }
      images.add(image);
      BackingReference below = chain ? image.backing() : null;
      if (below == null) {
        return images;
      }
      if (untrusted) {
        throw new CommandException(
            "Could not open '" + below.name() + "': the image that names it is not trusted");
      }
      next = below.actualName();
      nextFormat = below.format();
    }
    return images;
  }

  private static ImageSummary summary(String filename, @Nullable String format, DiskOpener opener)
      throws CommandException {
    try {
      return ImageSummary.of(filename, format, opener);
    } catch (OpenFailure e) {
      throw e.ending("Could not open '" + filename + "': ");
    }
  }

  private static Path identity(String filename) throws CommandException {
    try {
      return Path.of(filename).toRealPath();
    } catch (IOException e) {
      throw new CommandException("Could not open '" + filename + "': " + HostErrors.reason(e));
    }
  }
}
