package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/** What figures were measured on. */
final class Machine {
  private final Path scratch;
  private final Commands commands;

  Machine(Path scratch, Commands commands) {
    this.scratch = scratch;
    this.commands = commands;
  }

  /** As a table. */
  String table() throws IOException {
    MarkdownTable table = new MarkdownTable("machine", "");
    table.row("processor", line("/proc/cpuinfo", "model name", System.getProperty("os.arch")));
    table.row("cores", Runtime.getRuntime().availableProcessors() + "");
    table.row("memory", line("/proc/meminfo", "MemTotal", "?"));
    table.row("system", System.getProperty("os.name") + " " + System.getProperty("os.version"));
    table.row("file system", Files.getFileStore(scratch).type());
    table.row(
        "Java", System.getProperty("java.vm.name") + " " + System.getProperty("java.vm.version"));
    table.row("qemu-img", commands.hasQemu() ? firstLine(commands.qemu("--version")) : "missing");
    List<String> own = commands.ours("--version").run().output().lines().toList();
    table.row("qcow2", String.join(", ", own));
    return table.toString();
  }

  private static String firstLine(TimedCommand command) throws IOException {
    return command.run().output().lines().findFirst().orElse("?");
  }

  /** The value of a key in one of the kernel's files. */
  private static String line(String file, String key, String otherwise) {
    try {
      for (String line : Files.readAllLines(Path.of(file))) {
        int colon = line.indexOf(':');
        if (colon > 0 && line.substring(0, colon).strip().equals(key)) {
          return line.substring(colon + 1).strip();
        }
      }
    } catch (IOException e) {
      return otherwise;
    }
    return otherwise;
  }
}
