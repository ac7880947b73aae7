package io.github.qcow2.cli;

import io.github.qcow2.Durability;
import io.github.qcow2.cli.GetoptLong.LongOption;
import java.util.ArrayList;
import java.util.List;

/**
 * The options of one qemu-img command: {@link GetoptLong} with qemu-img's own complaints, and with
 * what every command does alike about {@code --help} and about options of qemu-img that do not
 * exist here. Not thread-safe.
 */
final class CommandOptions {
  /** First value that a command may give to long options without a letter. */
  static final int FIRST_OWN = 256;

  private static final int UNSUPPORTED = 255;
  private static final int UNSUPPORTED_WITH_ARGUMENT = 254;

  private final Console console;
  private final String refusedLetters;
  private final GetoptLong options;

  /**
   * Reads a command's arguments.
   *
   * @param letters the short options that the command has, as for {@link GetoptLong}
   * @param refusedLetters the short options that qemu-img has and the command has not, likewise
   * @param longOptions the long options that the command has, and {@link #refused} ones
   */
  CommandOptions(
      Console console,
      List<String> arguments,
      String letters,
      String refusedLetters,
      List<LongOption> longOptions) {
    this.console = console;
    this.refusedLetters = refusedLetters;
    List<LongOption> all = new ArrayList<>();
    all.add(LongOption.flag("help", 'h'));
    all.addAll(longOptions);
    this.options =
        new GetoptLong(
            console.program(), arguments, ":h" + letters + refusedLetters, all, console::errorLine);
  }

  /** A long option of qemu-img that is recognised only to be refused by name. */
  static LongOption refused(String name, boolean takesArgument) {
    return new LongOption(
        name, takesArgument, takesArgument ? UNSUPPORTED_WITH_ARGUMENT : UNSUPPORTED);
  }

  /**
   * The next option, or {@link GetoptLong#END}.
   *
   * @throws CommandException if it is misused or refused, or once help has been printed
   */
  int next() throws CommandException {
    int option = options.next();
    switch (option) {
      case GetoptLong.UNKNOWN ->
          throw CommandException.usage(
              console, "unrecognized option '" + options.lastElement() + "'");
      case GetoptLong.MISSING ->
          throw CommandException.usage(
              console, "missing argument for option '" + options.lastElement() + "'");
      case 'h' -> {
        console.raw(HelpText.of(console.program()));
        throw new CommandException(0, "", List.of());
      }
      case UNSUPPORTED, UNSUPPORTED_WITH_ARGUMENT -> throw notSupported(options.lastLongName());
      default -> {
        if (option < UNSUPPORTED && refusedLetters.indexOf(option) >= 0) {
          throw notSupported("-" + (char) option);
        }
        return option;
      }
    }
  }

  /** Whether the last option has an argument. */
  boolean hasArgument() {
    return options.hasArgument();
  }

  /** The argument of the last option. */
  String argument() {
    return options.argument();
  }

  /** What is left when {@link #next} has given {@link GetoptLong#END}. */
  List<String> operands() {
    return options.operands();
  }

  /**
   * The only operand.
   *
   * @throws CommandException if there is none or more than one
   */
  String singleFilename() throws CommandException {
    List<String> operands = operands();
    if (operands.size() != 1) {
      throw CommandException.usage(console, "Expecting one image file name");
    }
    return operands.get(0);
  }

  /** Whether an argument of {@code --output} asks for JSON. */
  static boolean isJson(String output) throws CommandException {
    return switch (output) {
      case "json" -> true;
      case "human" -> false;
      default ->
          throw new CommandException("--output must be used with human or json as argument.");
    };
  }

  /**
   * What a cache mode of QEMU's means for what is written. Two of the modes also ask to bypass the
   * host's cache, which Java cannot do.
   *
   * @param what what qemu-img calls the option in its complaint
   */
  static Durability cacheMode(String what, String mode) throws CommandException {
    return switch (mode) {
      case "writeback", "none", "off" -> Durability.WRITEBACK;
      case "writethrough", "directsync" -> Durability.WRITETHROUGH;
      case "unsafe" -> Durability.UNSAFE;
      default -> throw new CommandException("Invalid " + what + " option: " + mode);
    };
  }

  /** Checks the cache mode of an image that is only read, for which all modes are the same. */
  static void requireCacheMode(String what, String mode) throws CommandException {
    cacheMode(what, mode);
  }

  private static CommandException notSupported(String option) {
    return new CommandException("Option '" + option + "' is not supported");
  }
}
