package io.github.qcow2.cli;

import java.io.BufferedOutputStream;
import java.io.FileDescriptor;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.InputStream;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Where the program starts: reads the options before the command and hands over to the command.
 *
 * <p>Each command is reached from its own arm of one switch, so that only the classes of the
 * command that runs are loaded.
 */
public final class Main {
  /** The system property with the name the program was called by. */
  static final String PROGRAM_PROPERTY = "qcow2.program";

  /** Called by this name, the program is that tool rather than qemu-img. */
  static final String QEMU_IO = "qemu-io";

  private Main() {}

  /**
   * Runs one command on the process's standard streams and exits with its code.
   *
   * @param args the command and its arguments
   */
  public static void main(String[] args) {
    PrintStream out = stream(FileDescriptor.out);
    PrintStream err = stream(FileDescriptor.err);
    int exitCode = 1;
    try {
      String program = System.getProperty(PROGRAM_PROPERTY, "qcow2");
      InputStream in = new FileInputStream(FileDescriptor.in);
      exitCode = run(program, args, in, out, err);
    } finally {
      out.flush();
      err.flush();
    }
    System.exit(exitCode);
  }

  /**
   * Runs one command. Nothing of the process is touched but the files the command names.
   *
   * @param args the command and its arguments
   * @param in what commands read from standard input
   * @param out receives standard output, in UTF-8
   * @param err receives standard error, in UTF-8
   * @return the exit code
   */
  public static int run(String[] args, InputStream in, PrintStream out, PrintStream err) {
    return run("qcow2", args, in, out, err);
  }

  /**
   * Runs one command under a name of the caller's choice.
   *
   * @param program the name that messages start with; as {@code qemu-io} the program is that tool
   */
  static int run(String program, String[] args, InputStream in, PrintStream out, PrintStream err) {
    Console console = new Console(program, in, out, err);
    try {
      return dispatch(console, List.of(args));
    } catch (CommandException e) {
      if (!e.message().isEmpty()) {
        console.error(e.message());
      }
      for (String hint : e.hints()) {
        console.errorLine(hint);
      }
      return e.exitCode();
    } finally {
      console.flush();
    }
  }

  private static int dispatch(Console console, List<String> args) throws CommandException {
    if (console.program().equals(QEMU_IO)) {
      return command(console, "io", args);
    }
    if (args.isEmpty()) {
      throw CommandException.usage(console, "Not enough arguments");
    }
    GetoptLong options =
        new GetoptLong(
            console.program(),
            args,
            "+:hV",
            List.of(
                GetoptLong.LongOption.flag("help", 'h'),
                GetoptLong.LongOption.flag("version", 'V')),
            console::errorLine);
    switch (options.next()) {
      case GetoptLong.END -> {}
      case 'h' -> {
        console.raw(HelpText.of(console.program()));
        return 0;
      }
      case 'V' -> {
        console.raw(HelpText.version(console.program()));
        return 0;
      }
      default ->
          throw CommandException.usage(
              console, "unrecognized option '" + options.lastElement() + "'");
    }
    List<String> rest = options.operands();
    if (rest.isEmpty()) {
      return 0;
    }
    return command(console, rest.get(0), rest.subList(1, rest.size()));
  }

  /** Runs one command. */
  static int command(Console console, String name, List<String> args) throws CommandException {
    return switch (name) {
      case "bench" -> BenchCommand.run(console, args);
      case "amend" -> AmendCommand.run(console, args);
      case "check" -> CheckCommand.run(console, args);
      case "compare" -> CompareCommand.run(console, args);
      case "convert" -> ConvertCommand.run(console, args);
      case "create" -> CreateCommand.run(console, args);
      case "demo" -> DemoCommand.run(console, args);
      case "info" -> InfoCommand.run(console, args);
      case "io" -> IoCommand.run(console, args);
      case "map" -> MapCommand.run(console, args);
      case "resize" -> ResizeCommand.run(console, args);
      case "bitmap", "commit", "dd", "measure", "rebase", "snapshot" ->
          throw CommandException.usage(console, "Command not supported: " + name);
      default -> throw CommandException.usage(console, "Command not found: " + name);
    };
  }

  private static PrintStream stream(FileDescriptor descriptor) {
    return new PrintStream(
        new BufferedOutputStream(new FileOutputStream(descriptor), 1 << 16),
        false,
        StandardCharsets.UTF_8);
  }
}
