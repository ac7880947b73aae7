package io.github.qcow2.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * {@code demo}: a tour of the commands on two small images, run for real. Every claim it makes is
 * one that a command has just verified; if one fails, so does the demo. Works in a temporary
 * directory, which it removes in the end, or in one that the user names, where the images remain.
 */
final class DemoCommand {
  private final Console console;
  private final Path base;
  private final Path overlay;

  private DemoCommand(Console console, Path directory) {
    this.console = console;
    this.base = directory.resolve("base.qcow2");
    this.overlay = directory.resolve("overlay.qcow2");
  }

  static int run(Console console, List<String> arguments) throws CommandException {
    CommandOptions options = new CommandOptions(console, arguments, "", "", List.of());
    if (options.next() != GetoptLong.END) {
      throw new IllegalStateException();
    }
    List<String> operands = options.operands();
    if (operands.size() > 1) {
      throw CommandException.usage(console, "Unexpected argument: " + operands.get(1));
    }
    try {
      if (!operands.isEmpty()) {
        Path directory = Files.createDirectories(HostErrors.path(operands.get(0)));
        new DemoCommand(console, directory).tour();
        return 0;
      }
      Path directory = Files.createTempDirectory("qcow2-demo");
      DemoCommand demo = new DemoCommand(console, directory);
      try {
        demo.tour();
      } finally {
        Files.deleteIfExists(demo.overlay);
        Files.deleteIfExists(demo.base);
        Files.deleteIfExists(directory);
      }
      return 0;
    } catch (IOException e) {
      throw new CommandException("demo: " + HostErrors.reason(e));
    }
  }

  private void tour() throws CommandException, IOException {
    for (Path image : List.of(base, overlay)) {
      if (Files.exists(image)) {
        throw new CommandException("demo: '" + image + "' exists, and is left alone");
      }
    }
    say("An empty disk of 16 MiB takes a few clusters of 64 KiB: the tables alone.");
    step("create", "-f", "qcow2", base.toString(), "16M");
    draw(base);

    say("Writing 128 KiB at 1 MiB adds an L2 table and two clusters for the bytes.");
    step("io", "-f", "qcow2", "-c", "write -q -P 0x11 1M 128k", base.toString());
    step("io", "-f", "qcow2", "-c", "read -q -P 0x11 1M 128k", base.toString());
    draw(base);

    say("An overlay keeps what changes; what does not is read from the image below.");
    step(
        "create",
        "-f",
        "qcow2",
        "-b",
        base.getFileName().toString(),
        "-F",
        "qcow2",
        overlay.toString());
    step(
        "io",
        "-f",
        "qcow2",
        "-c",
        "write -q -P 0x22 1028k 4k",
        "-c",
        "write -q -z 2M 64k",
        overlay.toString());

    say("4 KiB were written; the rest of their cluster was copied up with them.");
    step(
        "io",
        "-f",
        "qcow2",
        "-r",
        "-c",
        "read -q -P 0x11 1M 4k",
        "-c",
        "read -q -P 0x22 1028k 4k",
        "-c",
        "read -q -P 0x11 1032k 120k",
        "-c",
        "read -q -P 0 2M 64k",
        overlay.toString());
    step("map", "-f", "qcow2", "--output=json", overlay.toString());
    draw(overlay);

    say("The image below has not changed, and no error is found in either.");
    step("io", "-f", "qcow2", "-r", "-c", "read -q -P 0x11 1M 128k", base.toString());
    step("check", "-f", "qcow2", base.toString());
    step("check", "-f", "qcow2", overlay.toString());
    say("Everything said above has been verified.");
  }

  private void say(String text) {
    console.line("");
    console.line("# " + text);
  }

  /** Runs a command, which must succeed. */
  private void step(String command, String... arguments) throws CommandException {
    List<String> words = new ArrayList<>(List.of(console.program(), command));
    for (String argument : arguments) {
      words.add(argument.contains(" ") ? "'" + argument + "'" : argument);
    }
    console.line("$ " + String.join(" ", words));
    int exitCode = Main.command(console, command, List.of(arguments));
    if (exitCode != 0) {
      throw new CommandException("demo: the last command failed with exit code " + exitCode);
    }
  }

  private void draw(Path image) throws CommandException, IOException {
    console.line("The clusters of " + image.getFileName() + ":");
    LayoutDrawing drawing = LayoutDrawing.of(image);
    for (String line : drawing.lines()) {
      console.line("  " + line);
    }
    if (!drawing.isComplete()) {
      throw new CommandException("demo: not every cluster of the file is accounted for");
    }
  }
}
