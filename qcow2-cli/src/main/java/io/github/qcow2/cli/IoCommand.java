package io.github.qcow2.cli;

import io.github.qcow2.Durability;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code io}: reads and writes guest bytes by hand, as qemu-io does. Runs the commands given with
 * {@code -c}, or else those it reads from standard input, and exits with 1 if any of them failed.
 */
final class IoCommand {
  private static final int UNTRUSTED = CommandOptions.FIRST_OWN;
  private static final int REFUSED = CommandOptions.FIRST_OWN + 1;
  private static final int LOG_WRITES = CommandOptions.FIRST_OWN + 2;

  private static final List<LongOption> LONG_OPTIONS =
      List.of(
          LongOption.flag("help", 'h'),
          LongOption.flag("version", 'V'),
          LongOption.withArgument("cmd", 'c'),
          LongOption.withArgument("format", 'f'),
          LongOption.flag("read-only", 'r'),
          LongOption.flag("snapshot", 's'),
          LongOption.flag("nocache", 'n'),
          LongOption.flag("copy-on-read", REFUSED),
          LongOption.withArgument("cache", 't'),
          LongOption.withArgument("discard", 'd'),
          LongOption.flag("force-share", 'U'),
          LongOption.withArgument("object", REFUSED),
          LongOption.flag("image-opts", REFUSED),
          LongOption.withArgument("log-writes", LOG_WRITES),
          LongOption.flag("untrusted", UNTRUSTED));

  private IoCommand() {}

  static int run(Console parent, List<String> arguments) throws CommandException {
    boolean ownName = parent.program().equals(Main.QEMU_IO);
    Console console = ownName ? parent : parent.named(parent.program() + " io");
    GetoptLong options =
        new GetoptLong(
            console.program(), arguments, "hVc:d:f:rsnt:U", LONG_OPTIONS, console::errorLine);
    List<String> commands = new ArrayList<>();
    DiskOpener opener = new DiskOpener();
    opener.durability(Durability.WRITETHROUGH);
    String format = null;
    boolean logsWrites = false;
    boolean readOnly = false;
    boolean snapshot = false;
    boolean ignoresDiscard = false;
    for (int option = options.next(); option != GetoptLong.END; option = options.next()) {
      switch (option) {
        case 'h' -> {
          console.raw(usage(console.program()));
          return 0;
        }
        case 'V' -> {
          console.raw(HelpText.version(console.program()));
          return 0;
        }
        case 'c' -> commands.add(options.argument());
        case 'd' -> ignoresDiscard = ignoresDiscard(options.argument());
        case 'f' -> format = options.argument();
        case 'r' -> readOnly = true;
        case 's' -> snapshot = true;
        case 'n' -> opener.durability(Durability.WRITEBACK);
        case 't' -> opener.durability(CommandOptions.cacheMode("cache", options.argument()));
        case 'U' -> opener.forceShare();
        case UNTRUSTED -> opener.untrusted();
        case LOG_WRITES -> {
          opener.writeLog(logFile(options.argument()));
          logsWrites = true;
        }
        case REFUSED ->
            throw new CommandException("Option '" + options.lastLongName() + "' is not supported");
        default -> {
          console.raw(usage(console.program()));
          return 1;
        }
      }
    }
    if (ignoresDiscard) {
      opener.keepDiscarded();
    }
    if (logsWrites && (readOnly || snapshot)) {
      throw new CommandException("--log-writes needs an image that is opened for writing");
    }
    List<String> operands = options.operands();
    if (operands.size() > 1) {
      console.raw(usage(console.program()));
      return 1;
    }
    IoSession session =
        new IoSession(
            console, new IoDevices(console, opener, format, readOnly, snapshot, ignoresDiscard));
    try {
      if (!operands.isEmpty()) {
        session.open(operands.get(0));
        if (session.hasFailed()) {
          return 1;
        }
      }
      if (commands.isEmpty()) {
        interact(console, session);
      } else {
        for (int i = 0; i < commands.size() && !session.isFinished(); i++) {
          session.run(commands.get(i));
        }
      }
    } finally {
      session.close();
    }
    return session.hasFailed() ? 1 : 0;
  }

  private static void interact(Console console, IoSession session) throws CommandException {
    BufferedReader lines =
        new BufferedReader(new InputStreamReader(console.in(), StandardCharsets.UTF_8));
    try {
      while (!session.isFinished()) {
        console.raw(console.program() + "> ");
        console.flush();
        String line = lines.readLine();
        if (line == null) {
          return;
        }
        session.run(line);
      }
    } catch (IOException e) {
      throw new CommandException("reading commands: " + HostErrors.reason(e));
    }
  }

  private static Path logFile(String name) throws CommandException {
    try {
      return FileName.path(name);
    } catch (OpenFailure e) {
      throw new CommandException(e.reason());
    }
  }

  private static boolean ignoresDiscard(String mode) throws CommandException {
    return switch (mode) {
      case "ignore", "off" -> true;
      case "unmap", "on" -> false;
      default -> throw new CommandException("Invalid discard option: " + mode);
    };
  }

  private static String usage(String program) {
    return "Usage: "
        + program
        + """
           [OPTIONS]... [-c STRING]... [file]
          Read and write the bytes of a disk by hand

            -c, --cmd STRING     run this command; may be given more than once
            -f, --format FMT     the image is in this format (qcow2 or raw)
            -r, --read-only      refuse changes
            -s, --snapshot       keep changes in memory and forget them in the end
            -n, --nocache        flush when told and at the end, as -t none
            -t, --cache=MODE     when to flush: after each change (writethrough, the default, or
                                 directsync), when told and at the end (writeback or none), or
                                 never (unsafe)
            -d, --discard=MODE   what discards do: unmap (default) or ignore
            -U, --force-share    open the image even if another program writes to it
                --untrusted      open no file that the image names
                --log-writes FILE
                                 log every write and barrier on the image file, in the format
                                 of dm-log-writes
            -h, --help           print this and exit
            -V, --version        print the version and exit

          See '-c help' for the commands.
          """;
  }
}
