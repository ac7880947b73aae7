package io.github.qcow2.jmh.report;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** The programs that are timed. */
final class Commands {
  private final Path root;
  private final boolean hasQemu;

  /**
   * @param root of the source tree
   */
  Commands(Path root) {
    this.root = root;
    this.hasQemu = answers("qemu-img", "--version");
  }

  private static boolean answers(String... command) {
    try {
      new TimedCommand(List.of(command)).run();
      return true;
    } catch (IOException e) {
      return false;
    }
  }

  boolean hasQemu() {
    return hasQemu;
  }

  /** This library's command, as users start it. */
  TimedCommand ours(String... arguments) {
    return command(List.of(root.resolve("bin/qcow2").toString()), arguments);
  }

  TimedCommand qemu(String... arguments) {
    return command(List.of("qemu-img"), arguments);
  }

  /** A Java program of this package in a process of its own, with the collector of bin/qcow2. */
  TimedCommand java(Class<?> program, String... arguments) {
    Path java = Path.of(System.getProperty("java.home"), "bin", "java");
    return command(
        List.of(
            java.toString(),
            "-XX:+UseSerialGC",
            "-cp",
            System.getProperty("java.class.path"),
            program.getName()),
        arguments);
  }

  /** Has the host write out what is dirty, so that a run does not pay for the one before it. */
  static void sync() throws IOException {
    new TimedCommand(List.of("sync")).run();
  }

  private static TimedCommand command(List<String> program, String... arguments) {
    List<String> all = new ArrayList<>(program);
    all.addAll(List.of(arguments));
    return new TimedCommand(all);
  }
}
