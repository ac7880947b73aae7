package io.github.qcow2.cli;

import io.github.qcow2.BlockDevice;
import io.github.qcow2.Extent;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.IOException;
import java.util.List;

/** {@code map}: says where the bytes of a disk are stored, through its backing chain. */
final class MapCommand {
  private static final int OUTPUT = CommandOptions.FIRST_OWN;
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN + 1;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          LongOption.withArgument("format", 'f'),
          LongOption.withArgument("output", OUTPUT),
          CommandOptions.refused("object", true),
          CommandOptions.refused("image-opts", false),
          LongOption.flag("force-share", 'U'),
          LongOption.withArgument("start-offset", 's'),
          LongOption.withArgument("max-length", 'l'),
          LongOption.flag("untrusted", UNTRUSTED));

  private MapCommand() {}

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "f:s:l:U", "", LONG_OPTIONS);
    DiskOpener opener = new DiskOpener();
    String format = null;
    String output = "human";
    long start = 0;
    long length = Long.MAX_VALUE;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'f' -> format = options.argument();
        case 's' -> start = ByteSize.require(console, "start offset", options.argument());
        case 'l' -> length = ByteSize.require(console, "max length", options.argument());
        case 'U' -> opener.forceShare();
        case OUTPUT -> output = options.argument();
        case UNTRUSTED -> opener.untrusted();
        default -> throw new IllegalStateException();
      }
    }
    String filename = options.singleFilename();
    boolean json = CommandOptions.isJson(output);
    try (BlockDevice device = opener.openForCommand(filename, format, false)) {
      LayeredMap map = new LayeredMap(device, start, length);
      if (json) {
        printJson(console, map);
      } else {
        printTable(console, map);
      }
      return 0;
    } catch (IOException e) {
      DiskOpener.explain(console, e);
      throw new CommandException("Could not read file metadata: Input/output error");
    }
  }

  private static void printJson(Console console, LayeredMap map) throws IOException {
    String separator = "[";
    for (LayeredMap.Entry entry = map.next(); entry != null; entry = map.next()) {
      StringBuilder line = new StringBuilder(separator);
      line.append("{ \"start\": ").append(entry.start());
      line.append(", \"length\": ").append(entry.length());
      line.append(", \"depth\": ").append(entry.depth());
      line.append(", \"present\": ").append(entry.present());
      line.append(", \"zero\": ").append(entry.zero());
      line.append(", \"data\": ").append(entry.data());
      if (entry.offset() != Extent.NO_HOST_OFFSET) {
        line.append(", \"offset\": ").append(entry.offset());
      }
      console.raw(line.append('}').toString());
      separator = ",\n";
    }
    console.raw("]\n");
  }

  private static void printTable(Console console, LayeredMap map)
      throws IOException, CommandException {
    console.raw(String.format("%-16s%-16s%-16s%s\n", "Offset", "Length", "Mapped to", "File"));
    for (LayeredMap.Entry entry = map.next(); entry != null; entry = map.next()) {
      if (!entry.data() || entry.zero()) {
        continue;
      }
      if (entry.offset() == Extent.NO_HOST_OFFSET) {
        throw new CommandException("File contains external, encrypted or compressed clusters.");
      }
      console.line(
          column(entry.start())
              + column(entry.length())
              + column(entry.offset())
              + map.fileAt(entry.depth()));
    }
  }

  private static String column(long value) {
    return String.format("%-16s", value == 0 ? "0" : "0x" + Long.toHexString(value));
  }
}
